import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { operations, type Policy, type Rule } from '../../src/bundle/bundle.ts';
import type { SqlAction, Touch } from '../../src/decide/action.ts';
import { decide } from '../../src/decide/decide.ts';
import { action, agent, bundle, policy, rule } from './sample.ts';

// Few names, so that rules and actions meet often.
const schemas = fc.constantFrom('public', 'audit', 'pg_catalog');
const relationNames = fc.constantFrom('orders', 'customers', 'logs');
const columnNames = fc.constantFrom('id', 'email', 'note');
const patterns = fc.constantFrom('*.*', 'public.*', 'public.orders', 'public.customers', 'audit.logs', '*.logs', 'pg_catalog.*');
const someOperations = fc.uniqueArray(fc.constantFrom(...operations.slice(0, 5), 'Ddl', 'Call', 'Listen'), { minLength: 1, maxLength: 4 });

const ruleParts = fc.record({
  operations: someOperations,
  relations: fc.uniqueArray(patterns, { minLength: 1, maxLength: 3 }),
  columns: fc.constantFrom(['*'], ['id'], ['id', 'note'], ['e*']),
  functions: fc.subarray(['public.f', 'public.*']),
  settings: fc.subarray(['work_mem']),
  channels: fc.subarray(['jobs', '*']),
  where: fc.constantFrom('Required' as const, 'Optional' as const),
});
const rules = (effects: readonly Rule['effect'][]): fc.Arbitrary<Rule> =>
  fc.tuple(fc.constantFrom(...effects), ruleParts).map(([effect, parts]) => rule('r', effect, effect === 'Deny' ? { ...parts, where: 'Optional' } : parts));
const anyRule = rules(['Allow', 'RequireApproval', 'Deny']);
const policies = fc
  .array(fc.record({ rules: fc.array(anyRule, { minLength: 1, maxLength: 4 }), mode: fc.constantFrom('Enforce' as const, 'Enforce' as const, 'Observe' as const) }), { minLength: 1, maxLength: 4 })
  .map((list) => list.map((parts, at) => policy(`p${at}`, parts.rules.map((given, index) => ({ ...given, name: `r${index}` })), { mode: parts.mode })));

const touches: fc.Arbitrary<Touch> = fc.record(
  {
    operation: fc.constantFrom(...operations.slice(0, 5), 'Ddl' as const),
    schema: schemas,
    relation: relationNames,
    columns: fc.oneof(fc.constant('*' as const), fc.uniqueArray(columnNames, { maxLength: 3 })),
    hasWhere: fc.boolean(),
    isHarmlessCatalogue: fc.constant(true),
    uncountable: fc.boolean(),
  },
  { requiredKeys: ['operation', 'schema', 'relation', 'columns'] },
).map((touch) => {
  const { isHarmlessCatalogue, ...rest } = touch;
  return touch.schema === 'pg_catalog' && isHarmlessCatalogue === true ? touch : rest;
});
const actions: fc.Arbitrary<SqlAction> = fc
  .record({
    touches: fc.array(touches, { maxLength: 3 }),
    functions: fc.subarray([{ schema: 'public', name: 'f', isBuiltIn: false }, { schema: 'audit', name: 'g', isBuiltIn: false }]),
    settings: fc.subarray(['work_mem', 'jit']),
    channels: fc.subarray(['jobs']),
    operations: fc.subarray(['Ddl', 'Call', 'Listen'] as const),
  })
  .map((parts) => action(parts));

const strength = { Allow: 2, RequireApproval: 1, Deny: 0 } as const;
const strengthOf = (given: readonly Policy[], wanted: SqlAction): number => strength[decide({ bundle: bundle(given), subject: agent, action: wanted }).verdict];
const runs = { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 2_000) };

describe('whatever the policies and the statement', () => {
  test('order never matters', () => {
    fc.assert(
      fc.property(
        policies.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        actions,
        ([list, shuffled], wanted) => {
          const turned = shuffled.map((given) => ({ ...given, rules: given.rules.toReversed() }));
          const [one, other] = [list, turned].map((given) => decide({ bundle: bundle(given), subject: agent, action: wanted }));
          expect([other?.verdict, other?.code, other?.obligations]).toEqual([one?.verdict, one?.code, one?.obligations]);
        },
      ),
      runs,
    );
  });

  test('adding a Deny rule never widens', () => {
    fc.assert(
      fc.property(policies, rules(['Deny']), actions, (list, denial, wanted) => {
        expect(strengthOf([...list, policy('added', [denial], { ref: { kind: 'AccessBaseline', namespace: '', name: 'added' } })], wanted)).toBeLessThanOrEqual(strengthOf(list, wanted));
      }),
      runs,
    );
  });

  test('adding a RequireApproval rule never lets through what was not allowed before', () => {
    fc.assert(
      fc.property(policies, rules(['RequireApproval']), actions, (list, approval, wanted) => {
        if (strengthOf(list, wanted) < strength.Allow) {
          expect(strengthOf([...list, policy('added', [approval])], wanted)).toBeLessThan(strength.Allow);
        }
      }),
      runs,
    );
  });

  test('a Deny rule on everything leaves only what is free', () => {
    const all = policy('all', [rule('all', 'Deny', { operations, functions: ['*.*'], settings: ['work_mem', 'jit'] })]);
    fc.assert(
      fc.property(policies, actions, (list, wanted) => {
        const decision = decide({ bundle: bundle([...list, all]), subject: agent, action: wanted });
        // What is free is covered by no rule; where an observing policy would deny it, it is observed.
        if (decision.verdict === 'Allow') expect(decision.covering).toEqual([]);
      }),
      runs,
    );
  });

  test('a statement is allowed only when each thing that it touches is allowed alone', () => {
    fc.assert(
      fc.property(policies, actions, (list, wanted) => {
        if (strengthOf(list, wanted) < strength.Allow) return;
        for (const touch of wanted.touches) expect(strengthOf(list, action({ touches: [touch] }))).toBe(strength.Allow);
        for (const use of wanted.functions) expect(strengthOf(list, action({ functions: [use] }))).toBe(strength.Allow);
        for (const setting of wanted.settings) expect(strengthOf(list, action({ settings: [setting] }))).toBe(strength.Allow);
      }),
      runs,
    );
  });

  test('and without a rule that allows, nothing but the free is allowed', () => {
    fc.assert(
      fc.property(fc.array(rules(['Deny', 'RequireApproval']), { minLength: 1, maxLength: 5 }), actions, (list, wanted) => {
        const decision = decide({ bundle: bundle([policy('p', list)]), subject: agent, action: wanted });
        if (decision.verdict === 'Allow') expect(decision.code).toBe('Free');
      }),
      runs,
    );
  });

  test('the actions and policies tried here do meet: each verdict occurs', () => {
    const seen = new Set<string>();
    fc.assert(fc.property(policies, actions, (list, wanted) => void seen.add(decide({ bundle: bundle(list), subject: agent, action: wanted }).code)), { ...runs, seed: 1, numRuns: 20_000 });
    expect([...seen]).toEqual(expect.arrayContaining(['Allowed', 'Free', 'Observed', 'NeedsApproval', 'DeniedByRule', 'NoRule', 'WhereRequired']));
  });
});
