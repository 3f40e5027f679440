import type { SqlAction } from '../decide/action.ts';
import type { MaskView } from '../decide/mask-view.ts';
import type { Catalogue } from './catalogue.ts';

/** What a plan depends on beside the text and the session: one object for as long as none of it changes. */
export interface PlanContext {
  readonly catalogue: Catalogue;
  /** The masks that hold for the subject, already narrowed by exemptions. */
  readonly masks: MaskView;
  /** Equal keys mean equal plans for equal texts and sessions: revision, mask set, catalogue epoch. */
  readonly key: string;
}

/** The part of a session's state that changes what a text means. Owned by the gateway's session, read here. */
export interface SessionView {
  /** Effective schemas in order, without pg_catalog and pg_temp unless they were written out. */
  readonly searchPath: readonly string[];
  /** True once the path was changed or a temporary object was made: names are then always qualified. */
  readonly isDirty: boolean;
  /** Temporary relations that the session made, by name, with the mask set under which they were filled. */
  readonly temporaries: ReadonlyMap<string, { readonly maskSet: string }>;
  /** Lasting relations that the session's open transaction made, as `quoteName` writes them: no snapshot shows them yet. */
  readonly created?: ReadonlySet<string>;
}

/** A finished plan for one text as the client sent it (one or more statements). Immutable, cacheable. */
export interface Plan {
  readonly statements: readonly PlannedStatement[];
  /** What is sent to the target: the very same string when nothing had to change. */
  readonly text: string;
  /** The text as it is recorded: password literals and values for masked columns replaced by markers. */
  readonly recordedText: string;
  /** Maps a 1-based character position in `text` back to one in the client's text (error field P). */
  position(forwarded: number): number;
}

export interface PlannedStatement {
  readonly action: SqlAction;
  readonly effects: readonly Effect[];
  /** True for statements that return rows of a query: SELECT, VALUES, TABLE, SHOW, EXPLAIN, FETCH, EXECUTE, RETURNING. */
  readonly returnsRows: boolean;
  /** Masks that were put in place, `schema.relation.column`, for the record. */
  readonly maskedColumns: readonly string[];
  /** The relations, by OID, whose masked attribute numbers must never be the origin of a result column (DESIGN section 5, rule 7). Covers every masked column the subject has, not only those of this statement. */
  readonly mustNotOriginate: ReadonlyMap<number, ReadonlySet<number>>;
  /** Errors of such a statement may carry masked values in DETAIL, CONTEXT or the message: withhold all but a safe class. */
  readonly withholdErrors: boolean;
  /** 1-based numbers of parameters whose values are assigned to masked columns: recorded as digests only. */
  readonly secretParameters: readonly number[];
  /** True for a plain INSERT, UPDATE, DELETE or MERGE at the top, which `maxRows` can count. */
  readonly isCountedWrite: boolean;
  /** True for COPY FROM STDIN / TO STDOUT. */
  readonly copy?: 'In' | 'Out';
}

/** What running the statement does to the session's own state. The gateway applies it when the statement has succeeded. */
export type Effect =
  | { readonly kind: 'Transaction'; readonly verb: 'Begin' | 'Commit' | 'Rollback' | 'Savepoint' | 'RollbackTo' | 'Release' | 'PrepareTransaction'; readonly name?: string; readonly chain: boolean }
  /** `path` undefined: back to the default. */
  | { readonly kind: 'SearchPath'; readonly path: readonly string[] | undefined; readonly isLocal: boolean }
  | { readonly kind: 'Prepare'; readonly name: string; readonly inner: PlannedStatement; readonly innerText: string }
  | { readonly kind: 'Execute'; readonly name: string }
  /** `name` undefined: all. */
  | { readonly kind: 'Deallocate'; readonly name?: string }
  | { readonly kind: 'DeclareCursor'; readonly name: string; readonly isHoldable: boolean; readonly inner: PlannedStatement }
  | { readonly kind: 'Fetch'; readonly name: string }
  | { readonly kind: 'CloseCursor'; readonly name?: string }
  | { readonly kind: 'CreateTemporary'; readonly name: string }
  /** A lasting relation that others see once the transaction commits. */
  | { readonly kind: 'CreateRelation'; readonly schema: string; readonly name: string }
  | { readonly kind: 'DropRelations'; readonly names: readonly string[] }
  | { readonly kind: 'RenameRelation'; readonly from: string; readonly to: string }
  /** The catalogue may have changed: load it anew before the next statement. */
  | { readonly kind: 'CatalogueChange' }
  | { readonly kind: 'Discard'; readonly target: 'All' | 'Plans' | 'Sequences' | 'Temp' }
  /** SET chaperone.reason = '...': kept by the gateway, not sent. */
  | { readonly kind: 'Reason'; readonly text: string };

/**
 * Plans a client's text. Total: whatever cannot be analysed comes back as a statement whose action carries a
 * refusal. Bounds: 1 MiB of text, 1,000 levels of nesting, 100 levels of sub-selects.
 */
export interface Planner {
  plan(text: string, session: SessionView, context: PlanContext): Plan;
}
