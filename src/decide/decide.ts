/**
 * Decides one action of one subject under one bundle: a chain of named checks, the first that speaks wins.
 * Deny beats RequireApproval beats Allow, everything that is touched must be covered, and no match is a
 * denial. Pure: no clock, no I/O. Adding a Deny rule never widens what is allowed, and order never matters.
 */
import type { Bundle, Detector, Limits, Policy } from '../bundle/bundle.ts';
import type { Subject } from '../bundle/subject.ts';
import type { SqlAction } from './action.ts';
import { type Coverage, coverageOf, type Gap } from './coverage.ts';
import type { Decision, Obligations, RuleRef } from './decision.ts';
import { type Demand, demandsOf } from './demand.ts';
import { issueDecision } from './issued.ts';
import { limitsFor } from './limits.ts';
import { detectorsFor, maskViewFor, type MaskView } from './mask-view.ts';
import { denies } from './rule-reach.ts';
import { compileRuleSet, disarmObserved, policyName, type RuleSet } from './rule-set.ts';
import { matchesAnySubject } from './subject-match.ts';
import { adviceFor, shownDemand, shownGap, shownInFull, shownList, shownRule } from './wording.ts';

/** Everything a bundle says about one subject, compiled once; good for as long as neither changes. */
export interface Decider {
  /** Some policy names the subject. Without one nothing is allowed, so a session need not even begin. */
  readonly isListed: boolean;
  readonly masks: MaskView;
  readonly detectors: readonly Detector[];
  readonly limits: Limits;
  decide(action: SqlAction): Decision;
}

export function createDecider(bundle: Bundle, subject: Subject): Decider {
  const context = contextOf(bundle, subject);
  return Object.freeze({
    isListed: context.policies.some(({ ref }) => ref.kind === 'AccessPolicy'),
    masks: context.masks,
    detectors: context.detectors,
    limits: limitsFor(bundle, subject),
    decide: (action: SqlAction) => issueDecision(action, decisionFor(context, action)),
  });
}

/** One decision, for callers that ask once. A session keeps a `Decider`. */
export function decide(input: { readonly bundle: Bundle; readonly subject: Subject; readonly action: SqlAction }): Decision {
  return createDecider(input.bundle, input.subject).decide(input.action);
}

interface Context {
  readonly missingMasks: readonly string[];
  readonly subject: Subject;
  readonly policies: readonly Policy[];
  readonly masks: MaskView;
  readonly detectors: readonly Detector[];
  readonly strict: RuleSet;
  /** Present when some policy only observes. */
  readonly disarmed: RuleSet | undefined;
}

function contextOf(bundle: Bundle, subject: Subject): Context {
  const policies = bundle.policies.filter(({ subjects }) => matchesAnySubject(subjects, subject));
  const strict = compileRuleSet(policies);
  // A baseline only denies: that a statement is covered by no rule is never its doing.
  const granting = policies.filter(({ ref }) => ref.kind === 'AccessPolicy');
  const isOpen = granting.length > 0 && granting.every(({ mode }) => mode === 'Observe');
  return {
    missingMasks: bundle.masking.missing,
    subject,
    policies,
    masks: maskViewFor(bundle, subject),
    detectors: detectorsFor(bundle, subject),
    strict,
    disarmed: policies.some(({ mode }) => mode === 'Observe') ? disarmObserved(strict, isOpen) : undefined,
  };
}

type Check = (context: Context, action: SqlAction) => Decision | undefined;

/** Denials that no policy made, so that none can lift them, mode Observe included. */
const firmChecks: readonly Check[] = [refused, maskingMissing, noPolicy, brokenPolicy, dangerousBuiltIn];

function decisionFor(context: Context, action: SqlAction): Decision {
  for (const check of firmChecks) {
    const decision = check(context, action);
    if (decision !== undefined) return decision;
  }
  const enforced = ruleDecision(context, context.strict, action);
  if (context.disarmed === undefined) return enforced;
  const actual = ruleDecision(context, context.disarmed, action);
  return enforced.verdict === 'Allow' || actual.verdict !== 'Allow' ? actual : observed(enforced, actual);
}

function refused(_context: Context, action: SqlAction): Decision | undefined {
  const [refusal] = action.refusals;
  if (refusal === undefined) return undefined;
  return denial('Refused', refusal.message, {
    ...(refusal.hint !== undefined && { hint: refusal.hint }),
    ...(refusal.sqlstate !== undefined && { sqlstate: refusal.sqlstate }),
  });
}

function maskingMissing({ missingMasks }: Context): Decision | undefined {
  if (missingMasks.length === 0) return undefined;
  return denial('MaskingMissing', `nothing is served: required masks are not in force: ${shownList(missingMasks)}`, {
    hint: 'the connection demands these MaskRules; its owner must apply or repair them',
  });
}

function noPolicy({ policies, subject }: Context): Decision | undefined {
  if (policies.some(({ ref }) => ref.kind === 'AccessPolicy')) return undefined;
  return denial('NoPolicy', `no AccessPolicy names ${bounded(subject.name)} on this connection`, {
    hint: 'ask the owner of the connection for an AccessPolicy with this subject',
  });
}

function brokenPolicy({ policies }: Context): Decision | undefined {
  const policy = policies.find(({ broken }) => broken !== undefined);
  if (policy?.broken === undefined) return undefined;
  return denial('BrokenPolicy', `denied by ${policy.ref.kind} ${policyName(policy)}, which cannot be compiled: ${bounded(policy.broken.message)}`, {
    hint: 'the owner of the policy must repair it; its status says what is wrong',
  });
}

/** Built-in functions that read files, other sessions or SQL text would bypass every mask. */
function dangerousBuiltIn({ strict }: Context, action: SqlAction): Decision | undefined {
  if (!action.functions.some(({ isBuiltIn }) => isBuiltIn)) return undefined;
  const coverages = demandsOf(action).map((demand) => coverageOf(demand, strict));
  const gaps = coverages.filter(hasGap).filter(({ gap }) => gap.reason === 'BuiltIn');
  return denial('Refused', `denied: ${shownList(gaps.map((gap) => shownGap(gap, action)), '; ')}`);
}

function ruleDecision(context: Context, rules: RuleSet, action: SqlAction): Decision {
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
  context: Context,
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
function isObservable({ masks, detectors }: Context, demand: Demand): boolean {
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

/** What enforcing would have denied and observing lets through. */
function observed(enforced: Decision, actual: Decision): Decision {
  const { code, rule, message } = enforced;
  const verdict = enforced.verdict === 'RequireApproval' ? 'RequireApproval' : 'Deny';
  return {
    ...actual,
    code: 'Observed',
    message: `observed, not enforced: ${message}`,
    wouldBe: { verdict, code, ...(rule && { rule }), message },
  };
}

function denial(
  code: Decision['code'],
  message: string,
  more: Partial<Pick<Decision, 'rule' | 'covering' | 'detail' | 'hint' | 'sqlstate'>> = {},
): Decision {
  return { verdict: 'Deny', code, covering: [], message, obligations: {}, ...more };
}

function hasGap(coverage: Coverage): coverage is Coverage & { readonly gap: Gap } {
  return coverage.gap !== undefined;
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

/** Texts that others wrote, such as a subject's name, within what an error field should hold. */
function bounded(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, '?');
  return clean.length > 500 ? `${clean.slice(0, 500)}...` : clean;
}
