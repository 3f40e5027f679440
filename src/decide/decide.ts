/**
 * Decides one action of one subject under one bundle: a chain of named checks, the first that speaks wins.
 * Deny beats RequireApproval beats Allow, everything that is touched must be covered, and no match is a
 * denial. Pure: no clock, no I/O. Adding a Deny rule never widens what is allowed, and order never matters.
 */
import type { Bundle, Detector, Limits } from '../bundle/bundle.ts';
import type { Subject } from '../bundle/subject.ts';
import type { SqlAction } from './action.ts';
import type { Decision } from './decision.ts';
import { type DecisionContext, decisionContext } from './decision-context.ts';
import { firmChecks } from './firm-checks.ts';
import { issueDecision } from './issued.ts';
import { limitsFor } from './limits.ts';
import type { MaskView } from './mask-view.ts';
import { ruleDecision } from './rule-decision.ts';

/** Everything a bundle says about one subject, compiled once; good for as long as neither changes. */
export interface Decider {
  /** Some policy names the subject. Without one nothing is allowed, so a session need not even begin. */
  readonly isListed: boolean;
  readonly masks: MaskView;
  readonly detectors: readonly Detector[];
  readonly limits: Limits;
  /** Some rule for the subject is about certain columns alone: others of the same relation are not its to see. */
  readonly restrictsColumns: boolean;
  decide(action: SqlAction): Decision;
}

export function createDecider(bundle: Bundle, subject: Subject): Decider {
  const context = decisionContext(bundle, subject);
  return Object.freeze({
    isListed: context.policies.some(({ ref }) => ref.kind === 'AccessPolicy'),
    masks: context.masks,
    detectors: context.detectors,
    limits: limitsFor(bundle, subject),
    restrictsColumns: context.policies.some(({ rules }) => rules.some(({ postgresql }) => postgresql.columns.some((column) => column !== '*'))),
    decide: (action: SqlAction) => issueDecision(action, decisionFor(context, action)),
  });
}

/** One decision, for callers that ask once. A session keeps a `Decider`. */
export function decide(input: { readonly bundle: Bundle; readonly subject: Subject; readonly action: SqlAction }): Decision {
  return createDecider(input.bundle, input.subject).decide(input.action);
}

function decisionFor(context: DecisionContext, action: SqlAction): Decision {
  for (const check of firmChecks) {
    const decision = check(context, action);
    if (decision !== undefined) return decision;
  }
  const enforced = ruleDecision(context, context.strict, action);
  if (context.disarmed === undefined) return enforced;
  const actual = ruleDecision(context, context.disarmed, action);
  return enforced.verdict === 'Allow' || actual.verdict !== 'Allow' ? actual : observed(enforced, actual);
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
