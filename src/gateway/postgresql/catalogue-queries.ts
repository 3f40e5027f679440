/**
 * What is asked of the target's catalogue, for PostgreSQL 13 to 18. Results are plain text columns. Temporary
 * objects are left out: they belong to sessions, which track their own, and would make every agent's temporary
 * table a change for all. OIDs below 16384 were made by initdb.
 */

/** Output that reads back the same in any session: names qualified unless they are PostgreSQL's, constants in ISO form. */
export const sessionSettings = `SET search_path = ''; SET quote_all_identifiers = off; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres';
SET extra_float_digits = 3; SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET default_transaction_read_only = on`;

/** Asked before `sessionSettings`: the server's own default, unless the introspection login has one for itself. */
export const ownSearchPath = `SELECT CASE WHEN source IN ('user', 'database user') THEN boot_val ELSE setting END
FROM pg_catalog.pg_settings WHERE name = 'search_path'`;

export function roleQuery(role: string): string {
  return `SELECT r.oid, r.rolname, r.rolsuper, r.rolbypassrls, pg_catalog.current_setting('server_version_num'), pg_catalog.current_database(),
  (SELECT pg_catalog.substr(c.entry, 13)
   FROM pg_db_role_setting s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (entry)
   WHERE s.setrole IN (0, r.oid) AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = pg_catalog.current_database()))
     AND c.entry LIKE 'search\\_path=%'
   ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC LIMIT 1)
FROM pg_roles r WHERE r.rolname = ${literal(role)}`;
}

export function schemasQuery(role: number): string {
  return `SELECT nspname, pg_catalog.has_schema_privilege(${role}::oid, oid, 'USAGE') FROM pg_namespace`;
}

export function relationsQuery(role: number): string {
  return `SELECT c.oid, n.nspname, c.relname, c.relkind, pg_catalog.pg_get_userbyid(c.relowner), c.relrowsecurity,
  COALESCE(c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 't') AND pg_catalog.has_table_privilege(${role}::oid, c.oid, 'SELECT'), false),
  CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid) END,
  CASE WHEN c.relkind = 'v' THEN ${viewOption('security_barrier')} END,
  CASE WHEN c.relkind = 'v' THEN ${viewOption('security_invoker')} END,
  c.relhasrules AND EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = c.oid AND w.rulename <> '_RETURN'),
  c.relhastriggers AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't'`;
}

function viewOption(name: string): string {
  return `(SELECT o.option_value::boolean FROM pg_catalog.pg_options_to_table(c.reloptions) o WHERE o.option_name = '${name}')`;
}

export const columnsQuery = `SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attgenerated <> '', a.attnotnull,
  CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation END
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relpersistence <> 't' AND c.relkind NOT IN ('i', 'I', 't')
ORDER BY a.attrelid, a.attnum`;

export const typeNamesQuery = `SELECT d.atttypid, d.atttypmod, pg_catalog.format_type(d.atttypid, d.atttypmod)
FROM (SELECT DISTINCT atttypid, atttypmod FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped) d`;

export const collationsQuery = `SELECT k.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(k.collname)
FROM pg_collation k JOIN pg_namespace n ON n.oid = k.collnamespace WHERE k.oid IN (SELECT attcollation FROM pg_attribute)`;

export const parentsQuery = `SELECT i.inhrelid, i.inhparent FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE c.relkind NOT IN ('i', 'I') ORDER BY i.inhrelid, i.inhseqno`;

/** A deferrable key makes nothing functionally dependent, so it is none here. */
export const primaryKeysQuery = `SELECT conrelid, pg_catalog.array_to_string(conkey, ',') FROM pg_constraint WHERE contype = 'p' AND NOT condeferrable`;

export const foreignKeysQuery = `SELECT conrelid, confrelid, pg_catalog.array_to_string(conkey, ','), pg_catalog.array_to_string(confkey, ',')
FROM pg_constraint WHERE contype = 'f'`;

/** Columns generated from others: the dependency hangs on the column up to 14, on its expression from 15. */
export const generatedQuery = `SELECT d.refobjid, COALESCE(f.adnum, d.objsubid), d.refobjsubid
FROM pg_depend d LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid AND f.adrelid = d.refobjid
WHERE d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
  AND (f.oid IS NOT NULL OR (d.classid = 'pg_class'::regclass AND d.objid = d.refobjid AND d.objsubid > 0))
  AND COALESCE(f.adnum, d.objsubid) <> d.refobjsubid`;

/**
 * Columns whose assigned value an index, a constraint, a partition key or a row security policy looks at.
 * Expressions and predicates are found through what they depend on, but for those of partition keys: there the
 * column depends on its table, so that it cannot be dropped alone. NOT NULL constraints (18) tell nothing.
 */
export const probedQuery = `SELECT i.indrelid, k.attnum FROM pg_index i CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) AS k (attnum) WHERE k.attnum > 0
UNION SELECT s.conrelid, k.attnum FROM pg_constraint s CROSS JOIN LATERAL pg_catalog.unnest(s.conkey) AS k (attnum)
  WHERE s.conrelid <> 0 AND s.contype <> 'n' AND k.attnum > 0
UNION SELECT s.confrelid, k.attnum FROM pg_constraint s CROSS JOIN LATERAL pg_catalog.unnest(s.confkey) AS k (attnum) WHERE s.confrelid <> 0
UNION SELECT p.partrelid, k.attnum FROM pg_partitioned_table p CROSS JOIN LATERAL pg_catalog.unnest(p.partattrs) AS k (attnum) WHERE k.attnum > 0
UNION SELECT d.refobjid, d.refobjsubid FROM pg_depend d
  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND (
    (d.classid = 'pg_constraint'::regclass AND NOT EXISTS (SELECT FROM pg_constraint s WHERE s.oid = d.objid AND s.contype = 'n'))
    OR d.classid = 'pg_policy'::regclass
    OR (d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class c WHERE c.oid = d.objid AND c.relkind IN ('i', 'I'))))
UNION SELECT d.objid, d.objsubid FROM pg_depend d
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.objid = d.refobjid AND d.objsubid > 0 AND d.refobjsubid = 0`;

/** An expression or predicate that takes the whole row depends on the table, not on columns: then all of them. */
export const wholeRowProbedQuery = `SELECT DISTINCT x.relation FROM (
  SELECT i.indrelid AS relation, pg_catalog.concat(i.indexprs, i.indpred) AS tree FROM pg_index i WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
  UNION ALL SELECT s.conrelid, s.conbin::text FROM pg_constraint s WHERE s.conbin IS NOT NULL AND s.conrelid <> 0
  UNION ALL SELECT k.partrelid, k.partexprs::text FROM pg_partitioned_table k WHERE k.partexprs IS NOT NULL
  UNION ALL SELECT p.polrelid, pg_catalog.concat(p.polqual, p.polwithcheck) FROM pg_policy p) x
WHERE x.tree LIKE '%:varattno 0 %'`;

export const typesQuery = `SELECT t.oid, n.nspname, t.typname, t.typtype, t.typcategory, e.oid, t.typbasetype, t.typrelid
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_type e ON e.typarray = t.oid
WHERE n.nspname NOT LIKE 'pg\\_temp\\_%'`;

export const functionsQuery = `SELECT p.oid, n.nspname, p.proname, x.extname, l.lanname, p.prosecdef, p.prokind
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
${extensionOf('pg_proc', 'p.oid')}
WHERE (n.nspname NOT IN ('pg_catalog', 'information_schema') OR p.oid >= 16384) AND n.nspname NOT LIKE 'pg\\_temp\\_%'`;

export const operatorsQuery = `SELECT n.nspname, o.oprname, o.oprcode::oid, x.extname
FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
${extensionOf('pg_operator', 'o.oid')}
WHERE (n.nspname <> 'pg_catalog' OR o.oid >= 16384) AND n.nspname NOT LIKE 'pg\\_temp\\_%'`;

export const castsQuery = `SELECT k.castsource, k.casttarget, k.castfunc, k.castcontext
FROM pg_cast k JOIN pg_proc p ON p.oid = k.castfunc JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname <> 'pg_catalog' OR p.oid >= 16384`;

function extensionOf(catalogue: string, oid: string): string {
  return `LEFT JOIN pg_depend d ON d.classid = '${catalogue}'::regclass AND d.objid = ${oid} AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
LEFT JOIN pg_extension x ON x.oid = d.refobjid`;
}

const temporaryRelations = `(SELECT oid FROM pg_class WHERE relpersistence = 't')`;
const temporarySchemas = `(SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\\_temp\\_%' OR nspname LIKE 'pg\\_toast\\_temp\\_%')`;

const watched: readonly (readonly [catalogue: string, condition: string])[] = [
  ['pg_class', `relpersistence <> 't'`],
  ['pg_attribute', `attnum > 0 AND attrelid NOT IN ${temporaryRelations}`],
  ['pg_attrdef', `adrelid NOT IN ${temporaryRelations}`],
  ['pg_constraint', `conrelid NOT IN ${temporaryRelations}`],
  ['pg_trigger', `tgrelid NOT IN ${temporaryRelations}`],
  ['pg_rewrite', `ev_class NOT IN ${temporaryRelations}`],
  ['pg_inherits', `inhrelid NOT IN ${temporaryRelations}`],
  ['pg_type', `typnamespace NOT IN ${temporarySchemas}`],
  ['pg_namespace', `oid NOT IN ${temporarySchemas}`],
  ['pg_proc', `oid >= 16384 AND pronamespace NOT IN ${temporarySchemas}`],
  ['pg_operator', 'oid >= 16384'],
  ['pg_cast', 'oid >= 16384'],
  ['pg_policy', 'true'],
  ['pg_depend', `refclassid = 'pg_extension'::regclass`],
  // Roles are not a table of this database, but their attributes, memberships and settings decide privileges and paths.
  ['pg_auth_members', 'true'],
  ['pg_db_role_setting', 'true'],
];

/**
 * Changes with everything that is loaded. Each change of a catalogue row writes a new row version under the
 * transaction that made it, so transactions with their numbers of rows tell (and are quickly summed up);
 * VACUUM and ANALYZE, which come often and mean nothing, leave them as they are. Attributes of the role come
 * through pg_roles, as pg_authid is closed to ordinary logins. With it comes the snapshot it was taken in.
 */
export function signatureQuery(role: string): string {
  const parts = watched.map(
    ([catalogue, condition]) => `(SELECT pg_catalog.concat_ws(':', pg_catalog.sum(x.n), pg_catalog.sum(pg_catalog.hashtextextended(x.xmin::text, x.n)))
  FROM (SELECT xmin, pg_catalog.count(*) AS n FROM ${catalogue} WHERE ${condition} GROUP BY xmin) x)`,
  );
  const ownRole = `(SELECT pg_catalog.concat_ws(',', oid, rolsuper, rolbypassrls) FROM pg_roles WHERE rolname = ${literal(role)})`;
  return `SELECT pg_catalog.concat_ws(' ', ${[...parts, ownRole].join(', ')}), pg_catalog.pg_current_snapshot()::text`;
}

/** Cheap: as long as it is the same and nothing was running, nothing at all has been written on the server. */
export const snapshotQuery = 'SELECT pg_catalog.pg_current_snapshot()::text';

function literal(text: string): string {
  if (text.includes('\0')) throw new Error('a role name contains a zero byte');
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
