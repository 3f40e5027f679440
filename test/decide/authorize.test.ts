import { describe, expect, test } from '@jest/globals';
import { globSync, readFileSync } from 'node:fs';
import { authorize } from '../../src/decide/authorize.ts';
import { decide } from '../../src/decide/decide.ts';
import { action, agent, bundle, policy, rule, touch, touching } from './sample.ts';

const given = bundle([policy('p', [rule('read', 'Allow', { relations: ['public.orders'] })])]);
const allowed = touching(touch('Select', 'public.orders'));
const decision = decide({ bundle: given, subject: agent, action: allowed });

describe('authorize', () => {
  test('gives proof for the action that was allowed', () => {
    expect(authorize(allowed, decision)).toEqual({ action: allowed, decision });
  });

  test('gives none for a denial', () => {
    const denied = action({ settings: ['work_mem'] });
    expect(authorize(denied, decide({ bundle: given, subject: agent, action: denied }))).toBeUndefined();
  });

  test('gives none for another action, not even an equal one', () => {
    expect(authorize(structuredClone(allowed), decision)).toBeUndefined();
  });

  test('gives none for a decision that was built or copied by hand', () => {
    expect(authorize(allowed, { ...decision })).toBeUndefined();
    expect(authorize(allowed, { verdict: 'Allow', code: 'Allowed', covering: [], message: '', obligations: {} })).toBeUndefined();
  });

  test('a decision cannot be changed after it was made', () => {
    const denied = decide({ bundle: given, subject: agent, action: action({ settings: ['work_mem'] }) });
    expect(() => Object.assign(denied, { verdict: 'Allow' })).toThrow(TypeError);
    expect(() => Object.assign(decision.obligations, { maxRows: 1 })).toThrow(TypeError);
  });

  test('only decide makes decisions and only authorize makes proofs', () => {
    const root = `${import.meta.dirname}/../../src`;
    const importersOf = (text: RegExp) =>
      globSync('**/*.ts', { cwd: root }).filter((file) => text.test(readFileSync(`${root}/${file}`, 'utf8'))).toSorted();
    expect(importersOf(/\/issued\.ts'/)).toEqual(['decide/authorize.ts', 'decide/decide.ts']);
    expect(importersOf(/as (unknown as )?Authorized\b/)).toEqual(['decide/authorize.ts']);
  });
});
