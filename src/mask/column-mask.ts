/** What a mask must know of a column's type, as `sql` reads it from the catalogue. */
export interface ColumnType {
  /** Name in pg_catalog of the base type with domains resolved, such as `text`, `int4`, `timestamptz`; of the element for arrays. Empty for types outside pg_catalog. */
  readonly baseName: string;
  readonly isArray: boolean;
  readonly kind: 'Base' | 'Composite' | 'Domain' | 'Enum' | 'Pseudo' | 'Range' | 'Multirange';
  /** pg_type.typcategory of the base type. */
  readonly category: string;
  /** The declared type, fully qualified with its modifier, such as `character varying(50)`: what the masked expression is cast to, unless it is a domain. */
  readonly declaredSql: string;
  readonly isDomain: boolean;
  /** For domains: the base type's fully qualified SQL name with the domain's modifier. */
  readonly baseSql: string;
}

/** The name of the run-time setting that carries the hash key to the target; agents can neither show nor set it. */
export const hashKeySetting = 'chaperone.hash_key';
