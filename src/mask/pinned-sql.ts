/**
 * SQL whose every name is written with its schema, so that no search path, temporary type or operator of the
 * same name can be chosen instead. Nothing in `mask` writes a function, operator or type by other means.
 */

export function call(name: string, ...args: readonly string[]): string {
  return `pg_catalog.${name}(${args.join(', ')})`;
}

export function infix(left: string, operator: string, right: string): string {
  return `(${left} OPERATOR(pg_catalog.${operator}) ${right})`;
}

export function cast(expression: string, typeSql: string): string {
  return `CAST(${expression} AS ${typeSql})`;
}

/** A literal of a type of pg_catalog. The value must hold no backslash, which two settings read in two ways. */
export function literal(value: string, typeName: string): string {
  return cast(`'${value.replaceAll("'", "''")}'`, `pg_catalog.${typeName}`);
}

export function text(value: string): string {
  return literal(value, 'text');
}

export function concat(...parts: readonly string[]): string {
  return parts.reduce((left, right) => infix(left, '||', right));
}

/** Types that the grammar itself puts into pg_catalog; their names cannot be qualified with all their modifiers. */
const grammarType =
  /^(?:bigint|integer|smallint|real|double precision|boolean|(?:bit|character)(?: varying)?|numeric|interval|time|timestamp)(?![\w."$])/;

const qualified = /^(?:"(?:[^"]|"")*"|[^".([]+)\./;
const qualifiedInCatalog = /^(?:pg_catalog|"pg_catalog")\./;

/** Whether a type's text names a type of pg_catalog. Under an empty search path `format_type` qualifies all others. */
export function isCatalogType(typeSql: string): boolean {
  return qualifiedInCatalog.test(typeSql) || !qualified.test(typeSql);
}

/** The text of a type as `format_type` gives it, made independent of what the session has under the same name. */
export function pinnedType(typeSql: string): string {
  return grammarType.test(typeSql) || qualified.test(typeSql) ? typeSql : `pg_catalog.${typeSql}`;
}
