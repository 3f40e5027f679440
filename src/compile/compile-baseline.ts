import type { AccessBaseline } from '../api/access-baseline.ts';
import type { MaskRule, Policy } from '../bundle/bundle.ts';
import { compileColumns, compileDetectors } from './compile-mask-rule.ts';
import { brokenPolicy, type Compiled } from './compile-policy.ts';
import { compileRules } from './compile-rule.ts';
import { Faults } from './faults.ts';

/** A baseline's Deny rules as a policy for everyone, and its masks as a rule that exempts nobody. */
export interface BaselineParts {
  readonly policy: Policy;
  readonly maskRule?: MaskRule;
}

export function compileBaseline({ metadata, spec }: AccessBaseline): Compiled<BaselineParts> {
  const faults = new Faults();
  const ref = { kind: 'AccessBaseline', namespace: '', name: metadata.name } as const;
  const rules = compileRules('spec.rules', spec.rules ?? [], faults);
  const maskRule: MaskRule | undefined = spec.masks && {
    name: metadata.name,
    exemptSubjects: [],
    predicates: spec.masks.predicates,
    assign: 'Deny',
    columns: compileColumns('spec.masks.columns', spec.masks.columns, faults),
    detect: compileDetectors('spec.masks.detect', spec.masks.detect, faults),
  };
  const { messages } = faults;
  if (messages.length > 0) return { part: { policy: brokenPolicy(ref, messages) }, faults: messages, notes: [] };
  const policy: Policy = { ref, subjects: [{ kind: 'Any' }], mode: 'Enforce', rules, limits: {} };
  return { part: { policy, ...(maskRule && { maskRule }) }, faults: [], notes: [] };
}
