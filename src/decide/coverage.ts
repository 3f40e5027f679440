import type { Touch } from './action.ts';
import type { Demand } from './demand.ts';
import { type Condition, guardsColumn, isCatalogueRead, reachesColumn, rowBound, type RuleReach, speaksOf, unmetCondition } from './rule-reach.ts';
import type { RuleSet } from './rule-set.ts';

/** What the rules say to one demand. */
export interface Coverage {
  readonly demand: Demand;
  /** The rules by which it is permitted, in the bundle's order. */
  readonly rules: readonly RuleReach[];
  /** The first rule that wants a person's approval. */
  readonly approval?: RuleReach;
  readonly maxRows?: number;
  /** Set when the demand is not covered. */
  readonly gap?: Gap;
}

/** Why a demand is not covered: no rule, or a rule whose condition is not met. */
export interface Gap {
  readonly reason: 'NoRule' | 'BuiltIn' | Condition;
  /** The columns that no rule covers, where only some are missing. */
  readonly columns?: readonly string[];
  /** The rule whose condition is not met. */
  readonly rule?: RuleReach;
}

export function hasGap(coverage: Coverage): coverage is Coverage & { readonly gap: Gap } {
  return coverage.gap !== undefined;
}

/** Asks the permitting rules about one demand. RequireApproval beats Allow, column by column. */
export function coverageOf(demand: Demand, rules: RuleSet): Coverage {
  if (demand.kind === 'Relation') return touchCoverage(demand, demand.touch, rules);
  if (demand.kind === 'Function' && demand.use.isBuiltIn) return { demand, rules: [], gap: { reason: 'BuiltIn' } };
  const speaking = rules.permits.filter((rule) => speaksOf(rule, demand));
  // In a CALL a listed function needs Call beside it; a person who must approve the function is asked either way.
  const permitting = demand.kind === 'Function' && demand.isCall ? speaking.filter(({ operations }) => operations.has('Call')) : speaking;
  if (permitting.length === 0) return { demand, rules: [], gap: { reason: 'NoRule' } };
  const approval = speaking.find(({ effect }) => effect === 'RequireApproval');
  return { demand, rules: permitting, ...(approval && { approval }) };
}

function touchCoverage(demand: Demand, touch: Touch, rules: RuleSet): Coverage {
  if (isCatalogueRead(touch) && rules.hasAllow) return { demand, rules: [] };
  const speaking = rules.permitsFor(touch);
  const used = new Set<RuleReach>();
  const uncovered: string[] = [];
  let gap: Gap | undefined;
  for (const column of namedColumns(touch)) {
    const { rules: permitting, unmet } = columnCoverage(touch, column, speaking);
    for (const rule of permitting) used.add(rule);
    if (permitting.length > 0) continue;
    if (column !== undefined) uncovered.push(column);
    // A column that no rule reaches weighs more than one whose rule wants a WHERE: that would not suffice.
    if (gap?.reason !== 'NoRule') gap = unmet ?? { reason: 'NoRule' };
  }
  if (gap !== undefined) {
    return { demand, rules: [...used], gap: gap.reason === 'NoRule' && used.size > 0 ? { ...gap, columns: uncovered } : gap };
  }
  const bounds = [...used].flatMap((rule) => rowBound(rule, touch) ?? []);
  const approval = speaking.find((rule) => rule.effect === 'RequireApproval' && used.has(rule));
  return {
    demand,
    rules: speaking.filter((rule) => used.has(rule)),
    ...(approval && { approval }),
    ...(bounds.length > 0 && { maxRows: Math.min(...bounds) }),
  };
}

/** Undefined stands for a touch that names no column, or cannot. */
function namedColumns({ columns }: Touch): readonly (string | undefined)[] {
  return columns === '*' || columns.length === 0 ? [undefined] : columns;
}

/**
 * The rules that permit a touch as far as one column goes. A RequireApproval rule that holds for the column
 * shuts out every Allow, also where its own condition is not met: a DELETE without WHERE must not pass by a
 * wider Allow when the one with WHERE needs a person.
 */
function columnCoverage(touch: Touch, column: string | undefined, speaking: readonly RuleReach[]): { readonly rules: readonly RuleReach[]; readonly unmet?: Gap } {
  const reaching = speaking.filter((rule) => coversColumn(rule, touch, column));
  const guards = speaking.filter((rule) => rule.effect === 'RequireApproval' && guardsColumn(rule, touch, column));
  if (guards.length > 0 && reaching.length === 0) return { rules: [] };
  const allows = reaching.filter(({ effect }) => effect === 'Allow');
  const candidates = [guards, allows, reaching].find((group) => group.length > 0) ?? [];
  const met = candidates.filter((rule) => unmetCondition(rule, touch) === undefined);
  const [first] = candidates;
  const reason = first && unmetCondition(first, touch);
  if (met.length > 0 || first === undefined || reason === undefined) return { rules: met };
  return { rules: [], unmet: { reason, rule: first } };
}

function coversColumn(rule: RuleReach, touch: Touch, column: string | undefined): boolean {
  if (column !== undefined) return reachesColumn(rule, column);
  return touch.columns !== '*' || rule.hasEveryColumn;
}
