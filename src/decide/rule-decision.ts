import type { SqlAction } from './action.ts';
import { type Coverage, coverageOf, hasGap } from './coverage.ts';
import type { Decision, Obligations, RuleRef } from './decision.ts';
import type { DecisionContext } from './decision-context.ts';
import { type Demand, demandsOf } from './demand.ts';
import { denial } from './denial.ts';
import { denies } from './rule-reach.ts';
import type { RuleSet } from './rule-set.ts';
import { adviceFor, shownDemand, shownGap, shownInFull, shownList, shownRule } from './wording.ts';

/** What one set of rules says to an action: an explicit Deny, a gap, a wait for approval, or Allow. */
export function ruleDecision(context: DecisionContext, rules: RuleSet, action: SqlAction): Decision {
  const demands = demandsOf(action);
  const denied = explicitDeny(rules, demands, action);
  if (denied !== undefined) return denied;
  const coverages = demands.map((demand) => coverageOf(demand, rules));
  const covering = uniqueRefs(coverages);
  return (
    uncovered(context, rules, coverages, covering, action) ??
    needsApproval(coverages, covering, action) ??
    allowed(coverages, covering)
  );
}

function explicitDeny(rules: RuleSet, demands: readonly Demand[], action: SqlAction): Decision | undefined {
  for (const rule of rules.denials) {
    const demand = demands.find((candidate) => denies(rule, candidate));
    if (demand === undefined) continue;
    return denial('DeniedByRule', `denied by ${shownRule(rule)}: ${shownDemand(demand, action)}`, {
      rule: rule.ref,
      detail: `The statement touches: ${shownTouches(demands, action)}.`,
      hint: 'a Deny rule stands above every other rule; leave this out of the statement, or ask the owner of the policy',
    });
  }
  return undefined;
}

function uncovered(
  context: DecisionContext,
  rules: RuleSet,
  coverages: readonly Coverage[],
  covering: readonly RuleRef[],
  action: SqlAction,
): Decision | undefined {
  const gaps = coverages.filter(hasGap).filter(({ demand }) => !(rules.isOpen && isObservable(context, demand)));
  const [first] = gaps;
  if (first === undefined) return undefined;
  const isOnlyWhere = gaps.every(({ gap }) => gap.reason === 'WhereRequired');
  const advice = [...new Set(gaps.flatMap((gap) => adviceFor(gap) ?? []))];
  return denial(isOnlyWhere ? 'WhereRequired' : 'NoRule', `denied: ${shownGap(first, action)}`, {
    covering,
    ...(isOnlyWhere && first.gap.rule && { rule: first.gap.rule.ref }),
    detail:
      `The statement touches: ${shownTouches(coverages.map(({ demand }) => demand), action)}. ` +
      `Not covered: ${shownList(gaps.map(({ demand }) => shownDemand(demand, action)), '; ')}.`,
    ...(advice.length > 0 && { hint: shownList(advice, '; ') }),
  });
}

/**
 * Whether mode Observe may let through what no rule covers. The body of a user function reads raw tables, so
 * for a subject with masks an unlisted one stays denied: masks stay on in mode Observe.
 */
function isObservable({ masks, detectors }: DecisionContext, demand: Demand): boolean {
  return demand.kind !== 'Function' || (masks.rules.length === 0 && detectors.length === 0);
}

function needsApproval(coverages: readonly Coverage[], covering: readonly RuleRef[], action: SqlAction): Decision | undefined {
  const waiting = coverages.find(({ approval }) => approval !== undefined);
  if (waiting?.approval === undefined) return undefined;
  return {
    verdict: 'RequireApproval',
    code: 'NeedsApproval',
    rule: waiting.approval.ref,
    covering,
    message: `denied: ${shownDemand(waiting.demand, action)} needs approval by ${shownRule(waiting.approval)}, and approvals are not enabled in this version`,
    detail: `The statement touches: ${shownTouches(coverages.map(({ demand }) => demand), action)}.`,
    hint: 'ask the owner of the policy for an Allow rule until approvals are enabled',
    obligations: obligationsOf(coverages),
  };
}

function allowed(coverages: readonly Coverage[], covering: readonly RuleRef[]): Decision {
  const [rule] = covering;
  return {
    verdict: 'Allow',
    code: rule === undefined ? 'Free' : 'Allowed',
    ...(rule && { rule }),
    covering,
    message: rule === undefined ? 'nothing that needs a rule' : `allowed by ${rule.policy} rule '${rule.rule}'`,
    obligations: obligationsOf(coverages),
  };
}

function uniqueRefs(coverages: readonly Coverage[]): readonly RuleRef[] {
  return [...new Set(coverages.flatMap(({ rules }) => rules.map(({ ref }) => ref)))];
}

function obligationsOf(coverages: readonly Coverage[]): Obligations {
  const bounds = coverages.flatMap(({ maxRows }) => maxRows ?? []);
  return bounds.length > 0 ? { maxRows: Math.min(...bounds) } : {};
}

function shownTouches(demands: readonly Demand[], action: SqlAction): string {
  return shownList(demands.map((demand) => shownInFull(demand, action)), '; ');
}
