import { describe, expect, test } from '@jest/globals';
import type { OpenApiSchema } from '../../../src/api/open-api-schema.ts';
import { compileRules, type RuleViolation, violatedRules } from '../../../src/provider/files/cel-rules.ts';

function violations(schema: OpenApiSchema, value: unknown): RuleViolation[] {
  const tree = compileRules(schema);
  return tree === undefined ? [] : violatedRules(tree, value);
}

function ruled(rule: string, schema: OpenApiSchema = {}): OpenApiSchema {
  return { ...schema, 'x-kubernetes-validations': [{ rule, message: 'must hold' }] };
}

describe('rules of a CRD', () => {
  test('say where they are broken, in objects, lists and maps', () => {
    const positive = ruled('self > 0');
    const schema: OpenApiSchema = {
      properties: { one: positive, many: { items: { properties: { n: positive } } }, named: { additionalProperties: positive } },
    };
    const value = { one: 0, many: [{ n: 1 }, { n: -1 }], named: { fine: 2, 'not fine': -2 } };
    expect(violations(schema, value).map(({ path }) => path)).toEqual(['one', 'many[1].n', 'named["not fine"]']);
  });

  test('are not asked about fields that are absent', () => {
    expect(violations({ properties: { one: ruled('self > 0') } }, {})).toEqual([]);
  });

  test('that compare with an older object do not apply to a file', () => {
    expect(violations(ruled('self.type == oldSelf.type'), { type: 'SSH' })).toEqual([]);
  });

  test('that cannot be evaluated refuse the object', () => {
    expect(violations(ruled('self.missing > 0'), {})).toEqual([{ path: '', message: expect.stringMatching(/^must hold \(.+\)$/) }]);
  });

  test('that yield no truth value refuse the object', () => {
    expect(violations(ruled('self'), 'text')).toHaveLength(1);
  });

  test('with a fault fail when they are compiled', () => {
    expect(() => compileRules(ruled('self +'))).toThrow();
  });

  test('match in linear time: this one would backtrack for years', () => {
    expect(violations(ruled("self.matches('^(a+)+$')"), `${'a'.repeat(64)}!`)).toHaveLength(1);
  });

  test('know RE2 and nothing beyond it', () => {
    expect(violations(ruled("self.matches('(?=a)')"), 'a')).toHaveLength(1);
    expect(violations(ruled("self.matches('a')"), 'xax')).toEqual([]);
  });

  test('keep the word `matches` inside texts', () => {
    expect(violations(ruled("self == '.matches(x)'"), '.matches(x)')).toEqual([]);
  });
});
