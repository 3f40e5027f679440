/**
 * Views over masked data. A view runs as its owner on raw tables, so where a masked column is anywhere below it
 * its definition is written out in its place, analysed and masked like any other text. Where that would not
 * mean the same (owner's rights, row security), the view is refused.
 */
import type { FunctionUse, Refusal } from '../decide/action.ts';
import type { Relation } from './catalogue.ts';
import { isProjection, type MaskedRead } from './masked-read.ts';
import type { ColumnMask, ColumnMasks } from './masks.ts';

export interface InlinedView {
  /** Undefined where nothing below the view is masked: it is then read as it is. */
  readonly sql: string | undefined;
  readonly functions: readonly FunctionUse[];
  readonly refusals: readonly Refusal[];
  readonly maskedColumns: readonly string[];
  readonly maskedReads: readonly MaskedRead[];
  /** Relations that the definition reads, views written out. */
  readonly reads: readonly Relation[];
  /** Masked columns decide which rows it has, or are computed with where no output column can be told. */
  readonly isOpaque: boolean;
}

/** Analyses one definition; made by the planner, which knows all the analysers. */
export type DefinitionAnalyser = (relation: Relation, views: ViewInliner) => InlinedView;

const unreadable: InlinedView = { sql: undefined, functions: [], refusals: [], maskedColumns: [], maskedReads: [], reads: [], isOpaque: false };
const maximumNesting = 32;

export class ViewInliner {
  readonly #analyse: DefinitionAnalyser;
  readonly #done = new Map<number, InlinedView>();
  #nesting = 0;

  constructor(analyse: DefinitionAnalyser) {
    this.#analyse = analyse;
  }

  inline(relation: Relation): InlinedView {
    const known = this.#done.get(relation.oid);
    if (known !== undefined) return known;
    if (this.#nesting >= maximumNesting) return this.#refused(relation, `is nested deeper than ${String(maximumNesting)} views`);
    if (relation.definition === undefined) return this.#refused(relation, 'has no readable definition');
    this.#nesting++;
    try {
      const view = withOwnersRights(relation, this.#analyse(relation, this));
      this.#done.set(relation.oid, view);
      return view;
    } finally {
      this.#nesting--;
    }
  }

  /** Masks of a view's columns by its definition. A materialised view inherits them: its rows hold raw values, copied when it was refreshed. */
  inheritedMasks(relation: Relation): ColumnMasks {
    const masks = new Map<number, ColumnMask>();
    for (const read of this.inline(relation).maskedReads) {
      const column = read.targetIndex === undefined || !isProjection(read) ? undefined : relation.columns[read.targetIndex];
      if (column === undefined) continue;
      const isSole = read.isPlain && !masks.has(column.number);
      masks.set(column.number, isSole ? read.mask : { ...read.mask, mask: { type: 'Null' } });
    }
    return masks;
  }

  /** Why a materialised view may not be read: which rows it holds depends on a masked column. */
  refusalOf(relation: Relation): string | undefined {
    if (relation.kind !== 'MaterializedView') return undefined;
    const view = this.inline(relation);
    const name = `${relation.schema}.${relation.name}`;
    const [refusal] = view.refusals;
    if (refusal !== undefined && (view.maskedReads.length > 0 || view.isOpaque)) return `materialised view ${name}: ${refusal.message}`;
    if (!view.isOpaque) return undefined;
    const bad = view.maskedReads.find((read) => !isProjection(read));
    return bad === undefined ? `materialised view ${name} reads a view that is computed from masked columns` : `materialised view ${name} is computed from masked column ${bad.relation.schema}.${bad.relation.name}.${bad.column.name} in a way that a mask cannot follow`;
  }

  #refused(relation: Relation, why: string): InlinedView {
    return { ...unreadable, refusals: [{ code: 'MaskedView', message: `view ${relation.schema}.${relation.name} ${why}` }] };
  }
}

/** Written out, a view's tables are read with the agents' rights instead of its owner's. */
function withOwnersRights(relation: Relation, view: InlinedView): InlinedView {
  if (view.sql === undefined || relation.kind !== 'View' || relation.isSecurityInvoker === true) return view;
  const refusals = [...view.refusals];
  const name = `${relation.schema}.${relation.name}`;
  for (const read of view.reads) {
    const other = `${read.schema}.${read.name}`;
    if (!read.isSelectable) refusals.push({ code: 'MaskedView', message: `view ${name} reads ${other} with its owner's rights, which this connection lacks, and ${other} has masks below it` });
    if (read.hasRowSecurity) refusals.push({ code: 'MaskedView', message: `view ${name} reads ${other} under its owner's row security, which cannot be kept when masks are put in` });
  }
  return { ...view, refusals };
}
