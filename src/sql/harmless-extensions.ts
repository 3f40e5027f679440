/**
 * Extensions whose functions compute on their arguments alone: no SQL text, files, network, other sessions or
 * settings. `tablefunc`, `dblink`, `postgres_fdw`, `file_fdw`, `adminpack`, `pageinspect` and their kind are
 * left out on purpose. Only members of the extension count, so a function added beside it gains nothing.
 */
export const harmlessExtensions: ReadonlySet<string> = new Set([
  'btree_gin', 'btree_gist', 'citext', 'cube', 'earthdistance', 'fuzzystrmatch', 'hstore', 'intarray', 'isn', 'lo', 'ltree',
  'pg_trgm', 'pgcrypto', 'seg', 'tsm_system_rows', 'unaccent', 'uuid-ossp', 'vector',
]);

/** Extensions whose operators may be chosen for an unqualified one. PostGIS has functions that read tables, but no such operators. */
export const extensionOperators: ReadonlySet<string> = new Set([...harmlessExtensions, 'postgis', 'postgis_raster']);
