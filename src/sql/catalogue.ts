/**
 * A snapshot of the target's catalogue: what names mean. Loaded by the gateway's introspection login, never
 * through an agent's session, and replaced as a whole when its epoch changes.
 */
export interface Catalogue {
  /** Grows with every replacement; part of each plan's key. */
  readonly epoch: number;
  /** `server_version_num`, such as 180004. */
  readonly serverVersion: number;
  readonly database: string;
  /** The role that agents' statements run as. */
  readonly role: { readonly name: string; readonly isSuperuser: boolean; readonly bypassesRowSecurity: boolean };
  /** The search path that a new session of that role has, with `$user` resolved and schemas that do not exist left out. */
  readonly defaultSearchPath: readonly string[];
  readonly relations: ReadonlyMap<number, Relation>;
  readonly types: ReadonlyMap<number, PgType>;
  /** Schema names that exist. */
  readonly schemas: ReadonlySet<string>;
  /** Those that the role may use: PostgreSQL passes over the others in a search path. Undefined: all. */
  readonly usableSchemas?: ReadonlySet<string>;
  /** Functions outside pg_catalog and information_schema, and those that were added there after initdb. */
  readonly functions: readonly UserFunction[];
  /** Operators outside pg_catalog, and those that were added there after initdb. */
  readonly operators: readonly UserOperator[];
  /** Casts that call a function outside pg_catalog. */
  readonly casts: readonly { readonly source: number; readonly target: number; readonly functionOid: number; readonly context: 'Explicit' | 'Assignment' | 'Implicit' }[];
}

export type RelationKind = 'Table' | 'PartitionedTable' | 'View' | 'MaterializedView' | 'ForeignTable' | 'Sequence' | 'Index' | 'CompositeType' | 'Toast';

export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: RelationKind;
  /** `pg_class.relnamespace` is pg_catalog or information_schema. */
  readonly isSystem: boolean;
  readonly owner: string;
  /** Live columns in attribute order; system columns are not among them. */
  readonly columns: readonly Column[];
  /** OIDs of direct inheritance parents or the partitioned table. */
  readonly parents: readonly number[];
  readonly primaryKey?: readonly number[];
  /** Foreign keys of this relation; columns pair up by position. */
  readonly foreignKeys?: readonly { readonly columns: readonly number[]; readonly relationOid: number; readonly referencedColumns: readonly number[] }[];
  readonly hasRowSecurity: boolean;
  /** Whether the agents' role may SELECT it as a whole. */
  readonly isSelectable: boolean;
  /** Views and materialised views, taken under an empty search path, without the closing semicolon. */
  readonly definition?: string;
  readonly isSecurityBarrier?: boolean;
  readonly isSecurityInvoker?: boolean;
  readonly hasRules?: boolean;
}

export interface Column {
  /** pg_attribute.attnum, from 1. */
  readonly number: number;
  readonly name: string;
  readonly typeOid: number;
  readonly typmod: number;
  /** `format_type(atttypid, atttypmod)` under an empty search path: fully qualified, pasteable into a cast. */
  readonly typeSql: string;
  readonly collationSql?: string;
  readonly isGenerated: boolean;
  readonly isNotNull: boolean;
  /** Attribute numbers a generated column is computed from. */
  readonly generatedFrom?: readonly number[];
  /** Part of an index (expressions and predicates too), a unique, check, foreign key or exclusion constraint, a partition key, hashed or referenced, or read by a trigger or rule. */
  readonly isProbed: boolean;
}

export interface PgType {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: 'Base' | 'Composite' | 'Domain' | 'Enum' | 'Pseudo' | 'Range' | 'Multirange';
  /** pg_type.typcategory. */
  readonly category: string;
  /** Element type of a true array. */
  readonly elementOid?: number;
  /** Base type of a domain, resolved to the bottom. */
  readonly baseOid?: number;
  readonly relationOid?: number;
}

export interface UserFunction {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** Member of an extension whose functions read nothing but their arguments. */
  readonly extension?: string;
  readonly language: string;
  readonly isSecurityDefiner: boolean;
  readonly kind: 'Function' | 'Procedure' | 'Aggregate' | 'Window';
}

export interface UserOperator {
  readonly schema: string;
  readonly name: string;
  readonly functionOid: number;
  readonly extension?: string;
}
