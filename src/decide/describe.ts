import type { Bundle, Detector, Limits, Mask, PostgresqlRule, Rule } from '../bundle/bundle.ts';
import type { Subject } from '../bundle/subject.ts';
import type { NamePattern } from '../lib/glob.ts';
import { limitsFor } from './limits.ts';
import { detectorsFor, maskViewFor } from './mask-view.ts';
import { policyName } from './rule-set.ts';
import { matchesAnySubject } from './subject-match.ts';

/** Everything that holds for one subject on one connection: the answer to "what may this agent do, and why?". */
export interface EffectivePolicy {
  readonly connection: string;
  readonly subject: string;
  /** Why nothing is served, whatever the rules say. */
  readonly blocked: readonly string[];
  readonly policies: readonly { readonly kind: string; readonly name: string; readonly mode: 'Enforce' | 'Observe' }[];
  /** In order of precedence: Deny, then RequireApproval, then Allow. */
  readonly rules: readonly DescribedRule[];
  readonly masks: readonly { readonly rule: string; readonly relation: string; readonly column: string; readonly mask: Mask; readonly predicates: string }[];
  readonly detectors: readonly Detector[];
  readonly limits: Limits;
}

export interface DescribedRule extends Omit<PostgresqlRule, 'relations' | 'functions'> {
  readonly policy: string;
  readonly rule: string;
  readonly effect: Rule['effect'];
  readonly mode: 'Enforce' | 'Observe';
  readonly relations: readonly string[];
  readonly functions: readonly string[];
}

const precedence: Readonly<Record<Rule['effect'], number>> = { Deny: 0, RequireApproval: 1, Allow: 2 };

export function describePolicy(bundle: Bundle, subject: Subject): EffectivePolicy {
  const policies = bundle.policies.filter(({ subjects }) => matchesAnySubject(subjects, subject));
  const isListed = policies.some(({ ref }) => ref.kind === 'AccessPolicy');
  const rules = policies.flatMap((policy) =>
    policy.rules.map(({ name, effect, postgresql }): DescribedRule => {
      const { relations, functions } = postgresql;
      const patterns = { relations: relations.map(shownPattern), functions: functions.map(shownPattern) };
      return { policy: policyName(policy), rule: name, effect, mode: policy.mode, ...postgresql, ...patterns };
    }),
  );
  return {
    connection: `${bundle.connection.namespace}/${bundle.connection.name}`,
    subject: subject.name,
    blocked: [
      ...bundle.masking.missing.map((name) => `required mask ${name} is not in force`),
      ...(isListed ? [] : ['no AccessPolicy names the subject']),
      ...policies.flatMap((policy) => (policy.broken ? [`${policy.ref.kind} ${policyName(policy)} cannot be compiled: ${policy.broken.message}`] : [])),
    ],
    policies: policies.map((policy) => ({ kind: policy.ref.kind, name: policyName(policy), mode: policy.mode })),
    rules: rules.toSorted((a, b) => precedence[a.effect] - precedence[b.effect]),
    masks: maskViewFor(bundle, subject).rules.map(({ rule, relation, column, mask, predicates }) => ({
      rule, relation: shownPattern(relation), column, mask, predicates,
    })),
    detectors: detectorsFor(bundle, subject),
    limits: limitsFor(bundle, subject),
  };
}

/** The same for a terminal. */
export function effectivePolicyText(effective: EffectivePolicy): string {
  const { connection, subject, blocked, policies, rules, masks, detectors, limits } = effective;
  const limited = Object.entries(limits).map(([name, limit]) => `${name} ${String(limit)}`);
  const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ['Nothing is served', blocked],
    ['Policies', policies.map(({ kind, name, mode }) => `${kind} ${name}${mode === 'Observe' ? ' (Observe: would-be denials are let through)' : ''}`)],
    ['Rules, the stronger first; what none matches is denied', rules.map(ruleLine)],
    ['Masked columns', masks.map(({ rule, relation, column, mask, predicates }) => `${relation}.${column}  ${shownMask(mask)}${predicates === 'Deny' ? ', plain projection only' : ''}  (${rule})`)],
    ['Masked wherever found', detectors.map((detector) => `${detector.kind === 'Entity' ? detector.entity : `/${detector.pattern}/`}  ${shownMask(detector.mask)}`)],
    ['Limits', limited],
  ];
  const body = sections.filter(([, lines]) => lines.length > 0).map(([title, lines]) => [`${title}:`, ...lines.map((line) => `  ${line}`)].join('\n'));
  return [`${subject} on ${connection}`, ...body].join('\n\n') + '\n';
}

function ruleLine(rule: DescribedRule): string {
  const { effect, policy, rule: name, operations, relations, columns, functions, settings, channels, where, maxRows, mode } = rule;
  const parts = [
    operations.join(', '),
    relations.length > 0 ? `on ${relations.join(', ')}` : effect === 'Deny' ? 'on everything' : '',
    columns.includes('*') ? '' : `columns ${columns.join(', ')}`,
    functions.length > 0 ? `functions ${functions.join(', ')}` : '',
    settings.length > 0 ? `settings ${settings.join(', ')}` : '',
    channels.length > 0 ? `channels ${channels.join(', ')}` : '',
    where === 'Required' ? 'with WHERE' : '',
    maxRows === undefined ? '' : `at most ${maxRows} rows`,
    `(${policy} '${name}'${mode === 'Observe' ? ', observed' : ''})`,
  ];
  return `${effect.padEnd('RequireApproval'.length)}  ${parts.filter((part) => part !== '').join('; ')}`;
}

function shownMask(mask: Mask): string {
  const { type, ...parts } = mask;
  const values = Object.values(parts).map(String);
  return values.length === 0 ? type : `${type} ${values.join(' ')}`;
}

function shownPattern({ schema, name }: NamePattern): string {
  return [schema, name].map((half) => (/[."]/.test(half) ? `"${half.replaceAll('"', '""')}"` : half)).join('.');
}
