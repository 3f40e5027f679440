import type { Policy } from '../bundle/bundle.ts';
import type { Touch } from './action.ts';
import { compileReach, type RuleReach, speaksOfRelation } from './rule-reach.ts';

/** The rules of every policy that is for one subject, by effect, permissions also by operation. Order is the bundle's. */
export interface RuleSet {
  readonly denials: readonly RuleReach[];
  readonly permits: readonly RuleReach[];
  /** The permissions that speak of a touch's operation and relation. */
  readonly permitsFor: (touch: Touch) => readonly RuleReach[];
  /** The subject may read the harmless part of the catalogue. */
  readonly hasAllow: boolean;
  /** Every policy only observes: what no rule covers goes through, and is recorded. */
  readonly isOpen: boolean;
}

export function compileRuleSet(policies: readonly Policy[]): RuleSet {
  const rules = policies.flatMap((policy) => policy.rules.map((rule) => compileReach(policy, rule, policyName(policy))));
  return ruleSetOf(rules, false);
}

/**
 * The same rules with those of observing policies disarmed: their denials are gone and their approvals are
 * allowed. What this set still denies was denied by a policy that enforces.
 */
export function disarmObserved(strict: RuleSet, isOpen: boolean): RuleSet {
  const denials = strict.denials.filter(({ isObserved }) => !isObserved);
  const permits = strict.permits.map((rule): RuleReach => {
    return rule.isObserved ? { ...rule, effect: 'Allow', where: 'Optional', maxRows: undefined } : rule;
  });
  return ruleSetOf([...denials, ...permits], isOpen);
}

/** `namespace/name`, or the name alone of a baseline, which has no namespace. */
export function policyName({ ref }: Policy): string {
  return ref.namespace === '' ? ref.name : `${ref.namespace}/${ref.name}`;
}

function ruleSetOf(rules: readonly RuleReach[], isOpen: boolean): RuleSet {
  const permits = rules.filter(({ effect }) => effect !== 'Deny');
  return {
    denials: rules.filter(({ effect }) => effect === 'Deny'),
    permits,
    permitsFor: remembering((touch) => permits.filter((rule) => permitsOperation(rule, touch) && speaksOfRelation(rule, touch))),
    hasAllow: permits.some(({ effect }) => effect === 'Allow'),
    isOpen,
  };
}

function permitsOperation({ operations }: RuleReach, { operation, ofCondition }: Touch): boolean {
  return operations.has(operation) || (ofCondition !== undefined && operations.has(ofCondition));
}

/** Relations that a subject touches are few and come again; an agent that makes up names must not fill the memory. */
const maxRemembered = 2_048;

function remembering(find: (touch: Touch) => readonly RuleReach[]): (touch: Touch) => readonly RuleReach[] {
  const known = new Map<string, readonly RuleReach[]>();
  return (touch) => {
    // No name of PostgreSQL's holds a NUL, so different touches have different keys.
    const key = `${touch.operation}\0${touch.ofCondition ?? ''}\0${touch.schema}\0${touch.relation}`;
    const remembered = known.get(key);
    if (remembered !== undefined) return remembered;
    const found = find(touch);
    if (known.size >= maxRemembered) known.clear();
    known.set(key, found);
    return found;
  };
}
