import type { Relation } from '../../sql/catalogue.ts';
import type { PlannedStatement } from '../../sql/plan.ts';
import type { FieldDescription } from '../../wire/postgresql/backend-messages.ts';
import { headerBytes } from '../../wire/postgresql/message-type.ts';
import type { PlanScope } from './known-text.ts';

const withColumns: ReadonlySet<Relation['kind']> = new Set(['Table', 'PartitionedTable', 'View', 'MaterializedView', 'ForeignTable']);

/**
 * Whether a result comes from a column that the catalogue had not when the statement was planned: a mask could be
 * meant for it. Temporary tables of the session itself never stand in the catalogue.
 */
export function hasUnknownOrigin(fields: readonly FieldDescription[], { context, tellsColumnsApart: matters }: PlanScope, hasTemporaries: boolean): boolean {
  if (!matters) return false;
  return fields.some(({ tableOid, attribute }) => {
    if (tableOid === 0) return false;
    const relation = context.catalogue.relations.get(tableOid);
    if (relation === undefined) return !hasTemporaries;
    return attribute > 0 && withColumns.has(relation.kind) && !relation.columns.some(({ number }) => number === attribute);
  });
}

/** The same for COPY of a whole table, which is described by the number of its columns alone. */
export function copiesUnknownColumn(frame: Buffer, { action }: PlannedStatement, { context, tellsColumnsApart: matters }: PlanScope): boolean {
  const copied = action.touches.find(({ operation, isOwnTemporary }) => operation === 'Copy' && isOwnTemporary !== true);
  if (!matters || copied === undefined || copied.columns === '*') return false;
  const relation = [...context.catalogue.relations.values()].find(({ schema, name }) => schema === copied.schema && name === copied.relation);
  if (relation === undefined) return true;
  // COPY passes over generated columns unless they are named.
  const isWhole = copied.columns.length === relation.columns.length;
  const expected = isWhole ? relation.columns.filter(({ isGenerated }) => !isGenerated).length : copied.columns.length;
  return frame.readInt16BE(headerBytes + 1) > expected;
}
