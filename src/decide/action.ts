import type { Operation } from '../bundle/bundle.ts';

/** What an agent wants to do, in the words that policies use. One SQL statement is one action. */
export interface SqlAction {
  readonly protocol: 'PostgreSQL';
  /** The statement's kind as PostgreSQL's command tags name it, such as `SELECT` or `ALTER TABLE`; for people and records. */
  readonly statement: string;
  /** Every relation that the statement names or reaches through views, once for each operation on it. */
  readonly touches: readonly Touch[];
  /** Functions that are not known to be harmless: each must be listed by a rule. */
  readonly functions: readonly FunctionUse[];
  /** Settings changed that are not on the harmless list. */
  readonly settings: readonly string[];
  readonly channels: readonly string[];
  /** Operations that name no relation: `Ddl` on a schema, `Grant` of a role, `Maintenance` of the database. */
  readonly operations: readonly Operation[];
  /** Reasons for which no policy may allow the statement: it would break a mask or an invariant. */
  readonly refusals: readonly Refusal[];
}

export interface Touch {
  readonly operation: Operation;
  readonly schema: string;
  readonly relation: string;
  /** Columns read or written; `'*'` when it is the whole relation or cannot be told. */
  readonly columns: readonly string[] | '*';
  /** Update, Delete and Merge: whether a top-level AND term pins a column of the target (DESIGN section 5, rule 14). */
  readonly hasWhere?: boolean;
  /** True where `maxRows` cannot be counted for the statement, such as a data-modifying CTE. */
  readonly uncountable?: boolean;
  /** A Select of what only the condition of this write on the relation reads: a rule that permits the write on the column covers it too. */
  readonly ofCondition?: Operation;
  /** A harmless pg_catalog or information_schema relation, which any subject with one Allow may Select. */
  readonly isHarmlessCatalogue?: boolean;
  /** The session's own temporary table: free, the session made it from what it was allowed to read. */
  readonly isOwnTemporary?: boolean;
}

export interface FunctionUse {
  readonly schema: string;
  readonly name: string;
  /** Built-in functions that are not harmless may be denied only, never listed. */
  readonly isBuiltIn: boolean;
}

export interface Refusal {
  /** Closed set of machine-readable reasons, such as `Unparsable`, `MaskedWrite`, `ServerFile`. */
  readonly code: RefusalCode;
  /** One sentence for the agent; names objects, never values. */
  readonly message: string;
  /** What to do instead. */
  readonly hint?: string;
  /** SQLSTATE where it is not 42501 (insufficient_privilege). */
  readonly sqlstate?: string;
  /** Byte offset into the statement, where it can be named. */
  readonly position?: number;
}

export type RefusalCode =
  | 'Unparsable'
  | 'TooLarge'
  | 'TooDeep'
  | 'Unsupported'
  | 'UnknownObject'
  | 'StaleCatalogue'
  | 'MaskedWrite'
  | 'MaskedCopy'
  | 'MaskedPredicate'
  | 'MaskedView'
  | 'MaskedDdl'
  | 'MaskUnresolved'
  | 'ServerFile'
  | 'ServerState'
  | 'DynamicSql'
  | 'FunctionCapture'
  | 'SessionPinned'
  | 'ProtectedSetting'
  | 'NotPrepared';
