import type { Bundle, Detector, Policy } from '../bundle/bundle.ts';
import type { Subject } from '../bundle/subject.ts';
import { detectorsFor, maskViewFor, type MaskView } from './mask-view.ts';
import { compileRuleSet, disarmObserved, type RuleSet } from './rule-set.ts';
import { matchesAnySubject } from './subject-match.ts';

/** What a bundle says about one subject, ready for decisions. */
export interface DecisionContext {
  readonly missingMasks: readonly string[];
  readonly subject: Subject;
  /** Those that are for the subject. */
  readonly policies: readonly Policy[];
  readonly masks: MaskView;
  readonly detectors: readonly Detector[];
  readonly strict: RuleSet;
  /** Present when some policy only observes. */
  readonly disarmed: RuleSet | undefined;
}

export function decisionContext(bundle: Bundle, subject: Subject): DecisionContext {
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
