import { describe, expect, test } from '@jest/globals';
import { detectorsFor, maskViewFor } from '../../src/decide/mask-view.ts';
import { limitsFor } from '../../src/decide/limits.ts';
import { agent, bundle, forAgent, maskRule, policy } from './sample.ts';

const card = { kind: 'Entity', entity: 'CreditCard', mask: { type: 'KeepLast', count: 4 } } as const;
const key = { kind: 'Pattern', pattern: 'sk-x', mask: { type: 'Redact' } } as const;

describe('the masks of a subject', () => {
  test('of several rules add up', () => {
    const view = maskViewFor(bundle([], { maskRules: [maskRule('a'), maskRule('b', { predicates: 'Deny', assign: 'Allow' })] }), agent);
    expect(view.rules).toMatchObject([
      { rule: 'team-a/a', column: 'email', predicates: 'Masked', assign: 'Deny' },
      { rule: 'team-a/b', column: 'email', predicates: 'Deny', assign: 'Allow' },
    ]);
  });

  test('are not those that exempt it, and its mask set has another id', () => {
    const exempting = bundle([], { maskRules: [maskRule('a'), maskRule('b', { exemptSubjects: [forAgent], detect: [key] })] });
    const others = bundle([], { maskRules: [maskRule('a'), maskRule('b')] });
    expect(maskViewFor(exempting, agent).rules.map(({ rule }) => rule)).toEqual(['team-a/a']);
    expect(detectorsFor(exempting, agent)).toEqual([]);
    expect(maskViewFor(exempting, agent).id).not.toBe(maskViewFor(others, agent).id);
  });

  test('have one id for one set, whatever else the bundle says', () => {
    const one = bundle([], { maskRules: [maskRule('a')] });
    expect(maskViewFor(bundle([policy('p', [])], { maskRules: [maskRule('a')] }), agent).id).toBe(maskViewFor(one, agent).id);
  });

  test('look for each thing once', () => {
    const given = bundle([], { maskRules: [maskRule('a', { detect: [card, key] }), maskRule('b', { detect: [card] })] });
    expect(detectorsFor(given, agent)).toEqual([card, key]);
  });
});

describe('the limits of a subject', () => {
  test('are the strictest of its policies, each on its own', () => {
    const given = bundle([
      policy('a', [], { limits: { maxSessions: 4, idleTimeoutMs: 10 } }),
      policy('b', [], { limits: { maxSessions: 2, rowsPerStatement: 5 } }),
      policy('c', [], { limits: { maxSessions: 1 }, subjects: [{ kind: 'ServiceAccount', namespace: 'x', name: 'y' }] }),
    ]);
    expect(limitsFor(given, agent)).toEqual({ maxSessions: 2, idleTimeoutMs: 10, rowsPerStatement: 5 });
  });
});
