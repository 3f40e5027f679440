import type { Column, Relation } from './catalogue.ts';
import type { ColumnMask } from './masks.ts';

/** Where in a statement a masked column was read. */
export interface MaskedRead {
  readonly relation: Relation;
  readonly column: Column;
  readonly mask: ColumnMask;
  readonly clause: Clause;
  /** The column itself is an item of the target list, or covered by a star there. */
  readonly isPlain: boolean;
  /** 0 for the outermost query. */
  readonly depth: number;
  readonly targetIndex: number | undefined;
}

export type Clause = 'Target' | 'From' | 'Where' | 'Group' | 'Sort' | 'Returning' | 'Assign';

/** Whether a read of a masked column ends up in one known output column and nowhere else. */
export function isProjection({ clause, depth, targetIndex }: MaskedRead): boolean {
  return clause === 'Target' && depth === 0 && targetIndex !== undefined;
}
