import { describe, expect, test } from '@jest/globals';
import type { Subject, SubjectMatcher } from '../../src/bundle/subject.ts';
import { matchesSubject } from '../../src/decide/subject-match.ts';
import { agent, forAgent } from './sample.ts';

const { serviceAccount: _account, ...rest } = agent;
const person: Subject = {
  ...rest, kind: 'Oidc', name: 'oidc:https://idp#ann',
  oidc: { issuer: 'https://idp', subject: 'ann', claims: { groups: ['dev', 'ops'], team: ['shop'] } },
};
const machine: Subject = { ...rest, kind: 'Certificate', name: 'certificate:reporter', certificate: { commonName: 'reporter', spiffeID: 'spiffe://c/ns/a/sa/r' } };
const oidc = (claims: Readonly<Record<string, readonly string[]>>, issuer = 'https://idp'): SubjectMatcher => ({ kind: 'Oidc', issuer, claims });

const cases: Readonly<Record<string, readonly [SubjectMatcher, Subject, boolean]>> = {
  'Any is everyone': [{ kind: 'Any' }, machine, true],
  'a ServiceAccount by namespace and name': [forAgent, agent, true],
  'a ServiceAccount of another namespace is another': [{ ...forAgent, namespace: 'other' }, agent, false],
  'a ServiceAccount matcher is for no other kind of subject': [forAgent, person, false],
  'a forged kind does not help': [forAgent, { ...agent, kind: 'Oidc' }, false],
  'one of the values of a claim is enough': [oidc({ groups: ['x', 'ops'] }), person, true],
  'every claim must be there': [oidc({ groups: ['ops'], team: ['bank'] }), person, false],
  'a claim that the token lacks does not match': [oidc({ email: ['ann'] }), person, false],
  'an inherited member is no claim': [oidc({ constructor: ['Object'] }), person, false],
  'the issuer counts': [oidc({ groups: ['ops'] }, 'https://other'), person, false],
  'no claims at all is nobody': [oidc({}), person, false],
  'a claim without values is nobody': [oidc({ groups: [] }), person, false],
  'a certificate by SPIFFE ID': [{ kind: 'Certificate', spiffeID: 'spiffe://c/ns/a/sa/r' }, machine, true],
  'a certificate by common name': [{ kind: 'Certificate', commonName: 'reporter' }, machine, true],
  'both must hold when both are stated': [{ kind: 'Certificate', commonName: 'reporter', spiffeID: 'spiffe://c/other' }, machine, false],
  'a certificate matcher that states nothing is nobody': [{ kind: 'Certificate' }, { ...machine, certificate: {} }, false],
};

describe('matchesSubject', () => {
  test.each(Object.entries(cases))('%s', (_sentence, [matcher, subject, isMatch]) => expect(matchesSubject(matcher, subject)).toBe(isMatch));
});
