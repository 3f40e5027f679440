import type { SqlAction } from './action.ts';
import { coverageOf, hasGap } from './coverage.ts';
import type { Decision } from './decision.ts';
import type { DecisionContext } from './decision-context.ts';
import { demandsOf } from './demand.ts';
import { denial } from './denial.ts';
import { policyName } from './rule-set.ts';
import { shownGap, shownList, shownText } from './wording.ts';

type Check = (context: DecisionContext, action: SqlAction) => Decision | undefined;

/** Denials that no policy made, so that none can lift them, mode Observe included. */
export const firmChecks: readonly Check[] = [refused, maskingMissing, noPolicy, brokenPolicy, dangerousBuiltIn];

function refused(_context: DecisionContext, action: SqlAction): Decision | undefined {
  const [refusal] = action.refusals;
  if (refusal === undefined) return undefined;
  return denial('Refused', refusal.message, {
    ...(refusal.hint !== undefined && { hint: refusal.hint }),
    ...(refusal.sqlstate !== undefined && { sqlstate: refusal.sqlstate }),
  });
}

function maskingMissing({ missingMasks }: DecisionContext): Decision | undefined {
  if (missingMasks.length === 0) return undefined;
  return denial('MaskingMissing', `nothing is served: required masks are not in force: ${shownList(missingMasks)}`, {
    hint: 'the connection demands these MaskRules; its owner must apply or repair them',
  });
}

function noPolicy({ policies, subject }: DecisionContext): Decision | undefined {
  if (policies.some(({ ref }) => ref.kind === 'AccessPolicy')) return undefined;
  return denial('NoPolicy', `no AccessPolicy names ${shownText(subject.name)} on this connection`, {
    hint: 'ask the owner of the connection for an AccessPolicy with this subject',
  });
}

function brokenPolicy({ policies }: DecisionContext): Decision | undefined {
  const policy = policies.find(({ broken }) => broken !== undefined);
  if (policy?.broken === undefined) return undefined;
  return denial('BrokenPolicy', `denied by ${policy.ref.kind} ${policyName(policy)}, which cannot be compiled: ${shownText(policy.broken.message)}`, {
    hint: 'the owner of the policy must repair it; its status says what is wrong',
  });
}

/** Built-in functions that read files, other sessions or SQL text would bypass every mask. */
function dangerousBuiltIn({ strict }: DecisionContext, action: SqlAction): Decision | undefined {
  if (!action.functions.some(({ isBuiltIn }) => isBuiltIn)) return undefined;
  const coverages = demandsOf(action).map((demand) => coverageOf(demand, strict));
  const gaps = coverages.filter(hasGap).filter(({ gap }) => gap.reason === 'BuiltIn');
  return denial('Refused', `denied: ${shownList(gaps.map((gap) => shownGap(gap, action)), '; ')}`);
}
