import type { AccessPolicy, Limits as LimitsSpec } from '../api/access-policy.ts';
import type { Limits, Policy } from '../bundle/bundle.ts';
import { compileRules } from './compile-rule.ts';
import { compileSubjects } from './compile-subject.ts';
import { Faults } from './faults.ts';
import { bounded } from './object-status.ts';

/** An object compiled once, for all of its connections. */
export interface Compiled<Part> {
  readonly part: Part;
  readonly faults: readonly string[];
  readonly notes: readonly string[];
}

/** A policy with any fault is no policy in part: it denies everything to its subjects, or to all if they cannot be read. */
export function compilePolicy({ metadata, spec }: AccessPolicy): Compiled<Policy> {
  const subjectFaults = new Faults();
  const subjects = compileSubjects('spec.subjects', spec.subjects, subjectFaults);
  const faults = new Faults();
  const rules = compileRules('spec.rules', spec.rules, faults);
  const limits = compileLimits('spec.limits', spec.limits ?? {}, faults);
  const messages = [...subjectFaults.messages, ...faults.messages];
  const ref = { kind: 'AccessPolicy', namespace: metadata.namespace ?? '', name: metadata.name } as const;
  const notes = policyNotes(spec);
  if (messages.length === 0) return { part: { ref, subjects, mode: spec.mode, rules, limits }, faults: [], notes };
  const reached = subjectFaults.messages.length > 0 ? [{ kind: 'Any' } as const] : subjects;
  return { part: { ...brokenPolicy(ref, messages), subjects: reached }, faults: messages, notes };
}

/** The denial that stands in for a policy. */
export function brokenPolicy(ref: Policy['ref'], messages: readonly string[]): Policy {
  return {
    ref,
    subjects: [{ kind: 'Any' }],
    mode: 'Enforce',
    rules: [],
    limits: {},
    broken: { reason: 'Invalid', message: bounded(messages.join('; '), 1_024) },
  };
}

function compileLimits(path: string, spec: LimitsSpec, faults: Faults): Limits {
  const sessionDurationMs = faults.duration(`${path}.sessionDuration`, spec.sessionDuration);
  const idleTimeoutMs = faults.duration(`${path}.idleTimeout`, spec.idleTimeout);
  const statementTimeoutMs = faults.duration(`${path}.statementTimeout`, spec.statementTimeout);
  return {
    ...(spec.maxSessions !== undefined && { maxSessions: spec.maxSessions }),
    ...(sessionDurationMs !== undefined && { sessionDurationMs }),
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
    ...(statementTimeoutMs !== undefined && { statementTimeoutMs }),
    ...(spec.rowsPerStatement !== undefined && { rowsPerStatement: spec.rowsPerStatement }),
  };
}

function policyNotes({ mode, rules }: AccessPolicy['spec']): string[] {
  const functions = rules.flatMap(({ effect, postgresql }) => (effect === 'Deny' ? [] : (postgresql?.functions ?? [])));
  const waiting = rules.filter(({ effect }) => effect === 'RequireApproval').map(({ name }) => `'${name}'`);
  return [
    ...(mode === 'Observe' ? ['mode is Observe: would-be denials are recorded and let through'] : []),
    ...(functions.length > 0 ? [`the bodies of ${functions.join(', ')} read raw tables, which masks do not reach`] : []),
    ...(waiting.length > 0 ? [`approvals are not enabled in this version: rule ${waiting.join(', ')} denies`] : []),
  ];
}
