import type { MaskableType } from './mask-table.ts';

/** What is masked in SQL: the value of a column, or one element of its array. */
export interface Cell {
  readonly sql: string;
  readonly typeName: MaskableType;
  /** The pinned text of the type that the masked value is cast to. */
  readonly typeSql: string;
}
