import { describe, expect, test } from '@jest/globals';
import { describePolicy, effectivePolicyText } from '../../src/decide/describe.ts';
import { agent, baseline, bundle, maskRule, policy, rule } from './sample.ts';

const rules = [
  rule('read', 'Allow', { relations: ['public.*', 'public."order.lines"'], columns: ['id'], functions: ['public.f'] }),
  rule('fix', 'RequireApproval', { operations: ['Update'], relations: ['public.orders'], where: 'Required', maxRows: 100 }),
  rule('never', 'Deny', { operations: ['Ddl'] }),
];
const other = policy('other', rules, { subjects: [{ kind: 'ServiceAccount', namespace: 'x', name: 'y' }] });

describe('the effective policy', () => {
  const given = bundle([baseline('base', [rule('no', 'Deny', { operations: ['Truncate'] })]), policy('p', rules, { limits: { maxSessions: 2 } }), other], {
    maskRules: [maskRule('pii', { detect: [{ kind: 'Pattern', pattern: 'sk-x', mask: { type: 'KeepLast', count: 4 } }] })],
  });

  test('lists what matches the subject, stronger rules first', () => {
    const effective = describePolicy(given, agent);
    expect(effective.rules.map(({ effect, policy: name, rule: ruleName }) => [effect, name, ruleName])).toEqual([
      ['Deny', 'base', 'no'], ['Deny', 'team-a/p', 'never'], ['RequireApproval', 'team-a/p', 'fix'], ['Allow', 'team-a/p', 'read'],
    ]);
    expect(effective).toMatchObject({ blocked: [], limits: { maxSessions: 2 }, masks: [{ relation: 'public.customers', column: 'email' }] });
  });

  test('reads well', () => {
    expect(effectivePolicyText(describePolicy(given, agent))).toBe(`serviceaccount:agents/support-agent on team-a/orders-db

Policies:
  AccessBaseline base
  AccessPolicy team-a/p

Rules, the stronger first; what none matches is denied:
  Deny             Truncate; on everything; (base 'no')
  Deny             Ddl; on everything; (team-a/p 'never')
  RequireApproval  Update; on public.orders; with WHERE; at most 100 rows; (team-a/p 'fix')
  Allow            Select; on public.*, public."order.lines"; columns id; functions public.f; (team-a/p 'read')

Masked columns:
  public.customers.email  Email  (team-a/pii)

Masked wherever found:
  /sk-x/  KeepLast 4

Limits:
  maxSessions 2
`);
  });

  test('says first why nothing is served', () => {
    const broken = policy('half', [], { broken: { reason: 'Invalid', message: 'bad pattern' } });
    const blocked = (policies: Parameters<typeof bundle>[0], missing: string[] = []) =>
      describePolicy(bundle(policies, { masking: { required: [], missing } }), agent).blocked;
    expect(blocked([other], ['pii'])).toEqual(['required mask pii is not in force', 'no AccessPolicy names the subject']);
    expect(blocked([broken])).toEqual(['AccessPolicy team-a/half cannot be compiled: bad pattern']);
  });
});
