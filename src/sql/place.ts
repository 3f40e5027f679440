import type { Clause } from './masked-read.ts';
import type { BaseReference, Scope } from './scope.ts';

/** Where the walk is: what an expression belongs to. */
export interface Place {
  readonly scope: Scope;
  readonly clause: Clause;
  readonly depth: number;
  readonly targetIndex?: number;
  /** Columns of this level that grouping may have to name again. */
  readonly seen?: SeenColumn[];
}

export interface SeenColumn {
  readonly base: BaseReference;
  readonly name: string;
}
