import type { Bundle, Detector, Mask, MaskRule } from '../bundle/bundle.ts';
import type { Subject } from '../bundle/subject.ts';
import { canonicalJson, deepFreeze, sha256Hex } from '../lib/canonical.ts';
import { matchesAnySubject } from './subject-match.ts';

/** The masks of one subject, asked by column. `sql` resolves inheritance, views and generated columns on top of it. */
export interface MaskView {
  /** Digest of the mask set. */
  readonly id: string;
  readonly rules: readonly ColumnMaskRule[];
}

/** One mask on the columns of one pattern. Both halves of `relation` and `column` are globs. */
export interface ColumnMaskRule {
  readonly rule: string;
  readonly relation: { readonly schema: string; readonly name: string };
  readonly column: string;
  readonly mask: Mask;
  readonly predicates: 'Masked' | 'Deny';
  readonly assign: 'Deny' | 'Allow';
}

/** Every mask of every MaskRule that does not exempt the subject. Where several name one column, the stronger one wins in `mask`. */
export function maskViewFor(bundle: Bundle, subject: Subject): MaskView {
  const rules = maskRulesFor(bundle, subject).flatMap(({ name, columns, predicates, assign }) =>
    columns.map(({ relation, column, mask }) => ({ rule: name, relation, column, mask, predicates, assign })),
  );
  return deepFreeze({ id: sha256Hex(canonicalJson(rules)), rules });
}

/** What is looked for in everything that the subject receives, each detector once. */
export function detectorsFor(bundle: Bundle, subject: Subject): readonly Detector[] {
  const detectors = new Map<string, Detector>();
  for (const rule of maskRulesFor(bundle, subject)) {
    for (const detector of rule.detect) detectors.set(canonicalJson(detector), detector);
  }
  return Object.freeze([...detectors.values()]);
}

function maskRulesFor(bundle: Bundle, subject: Subject): readonly MaskRule[] {
  return bundle.maskRules.filter(({ exemptSubjects }) => !matchesAnySubject(exemptSubjects, subject));
}
