import { maskSql } from '../mask/mask-sql.ts';
import type { Catalogue, Relation } from './catalogue.ts';
import { columnTypeOf } from './column-type.ts';
import type { ColumnMasks } from './masks.ts';
import { quoteIdentifier, quoteName } from './quote.ts';

export interface Substitution {
  readonly catalogue: Catalogue;
  readonly relation: Relation;
  readonly masks: ColumnMasks;
  /** The body of a view that has to be written out, already masked; undefined to read the relation itself. */
  readonly source: string | undefined;
  readonly isOnly: boolean;
  readonly sample: string | undefined;
  readonly systemColumns: readonly string[];
}

/**
 * The sub-select that stands in the place of a masked relation: every column in order under its own name, the
 * masked ones as expressions. Nothing in it can be captured: the relation is qualified, masks are pinned, and
 * the one relation in FROM leaves bare column names only one meaning.
 */
export function maskedSubselect(substitution: Substitution): string {
  const { masks, source, isOnly, sample, systemColumns } = substitution;
  const isUsual = source === undefined && !isOnly && sample === undefined && systemColumns.length === 0;
  if (!isUsual) return write(substitution);
  let text = usual.get(masks);
  if (text === undefined) {
    text = write(substitution);
    usual.set(masks, text);
  }
  return text;
}

/** Masks belong to one relation of one catalogue: the text for most mentions of it is made once. */
const usual = new WeakMap<ColumnMasks, string>();

function write({ catalogue, relation, masks, source, isOnly, sample, systemColumns }: Substitution): string {
  const columns = relation.columns.map((column) => {
    const name = quoteIdentifier(column.name);
    const mask = masks.get(column.number);
    return mask === undefined ? name : `${maskSql(mask.mask, name, columnTypeOf(catalogue, column))} AS ${name}`;
  });
  const from = source === undefined ? `${isOnly ? 'ONLY ' : ''}${quoteName(relation.schema, relation.name)}` : `(${source}) AS ${quoteIdentifier(relation.name)}`;
  // A security barrier keeps conditions of the outside from being tried on rows that the view hides.
  const barrier = relation.isSecurityBarrier === true ? ' OFFSET 0' : '';
  // System columns come last, where renaming by position does not reach them.
  return `(SELECT ${[...columns, ...systemColumns].join(', ')} FROM ${from}${sample === undefined ? '' : ` ${sample}`}${barrier})`;
}
