/**
 * Reads the target's catalogue into the one snapshot that statements are planned on. Everything comes from one
 * REPEATABLE READ transaction; view definitions and privileges, which PostgreSQL computes on the present, are
 * taken only if the signature is still the same after it, so the snapshot is that of one moment.
 */
import type { Catalogue, Column, PgType, Relation, RelationKind, UserFunction } from '../../sql/catalogue.ts';
import * as queries from './catalogue-queries.ts';
import type { ControlQuery, TextRow } from './control-query.ts';
import { addProbed, type ColumnSet, spreadProbed } from './probed-columns.ts';
import { parseSearchPath } from '../../sql/search-path.ts';
import { TargetError } from './target-error.ts';

export interface LoadedCatalogue {
  readonly catalogue: Catalogue;
  readonly signature: Signature;
}

/** Equal values mean that nothing which is loaded has changed. */
export interface Signature {
  readonly value: string;
  /** `xmin:xmax:running` of the snapshot that it was taken in. */
  readonly snapshot: string;
}

const queryTimeoutMs = 60_000;
const attempts = 5;

/** Prepares a fresh connection; hands back the server's default search path, for `loadCatalogue`. */
export async function prepareIntrospection(connection: ControlQuery): Promise<string> {
  const rows = await connection.query(queries.ownSearchPath, queryTimeoutMs);
  await connection.query(queries.sessionSettings, queryTimeoutMs);
  return text(rows[0]?.[0]);
}

export async function readSignature(connection: ControlQuery, role: string, timeoutMs: number): Promise<Signature> {
  const [row] = await connection.query(queries.signatureQuery(role), timeoutMs);
  return { value: text(row?.[0]), snapshot: text(row?.[1]) };
}

/** The signature as it is now, without asking for it where nothing can have changed since `last`. */
export async function updateSignature(connection: ControlQuery, role: string, last: Signature, timeoutMs: number): Promise<Signature> {
  const [oldest, next] = last.snapshot.split(':');
  if (oldest === next) {
    const [row] = await connection.query(queries.snapshotQuery, timeoutMs);
    if (row?.[0] === last.snapshot) return last;
  }
  return readSignature(connection, role, timeoutMs);
}

/** Loads what names mean to statements that run as `role`. */
export async function loadCatalogue(connection: ControlQuery, role: string, defaultSearchPath: string, epoch: number): Promise<LoadedCatalogue> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', queryTimeoutMs);
    let loaded: LoadedCatalogue;
    try {
      const signature = await readSignature(connection, role, queryTimeoutMs);
      loaded = { signature, catalogue: await readCatalogue(connection, role, defaultSearchPath, epoch) };
    } catch (thrown) {
      // An object that is dropped meanwhile can make the functions that look at the present fail.
      if (connection.isOpen) await connection.query('ROLLBACK', queryTimeoutMs);
      if (connection.isOpen && attempt < attempts && isVanished(thrown)) continue;
      throw thrown;
    }
    await connection.query('COMMIT', queryTimeoutMs);
    const after = await updateSignature(connection, role, loaded.signature, queryTimeoutMs);
    if (after.value === loaded.signature.value) return { catalogue: loaded.catalogue, signature: after };
  }
  throw new TargetError('TargetRejected', 'the catalogue of the target changes faster than it can be read');
}

function isVanished(thrown: unknown): boolean {
  const code = thrown instanceof TargetError ? thrown.fields?.code : undefined;
  // internal_error ("cache lookup failed"), undefined_table, undefined_object
  return code === 'XX000' || code === '42P01' || code === '42704';
}

async function readCatalogue(connection: ControlQuery, roleName: string, serverSearchPath: string, epoch: number): Promise<Catalogue> {
  const ask = (query: string): Promise<TextRow[]> => connection.query(query, queryTimeoutMs);
  const [role] = await ask(queries.roleQuery(roleName));
  if (role === undefined) throw new TargetError('TargetRejected', `the target has no role ${roleName}`);
  const roleOid = integer(role[0]);
  const schemas = await ask(queries.schemasQuery(roleOid));
  const usableSchemas = new Set(schemas.filter(([, isUsable]) => boolean(isUsable)).map(([name]) => text(name)));
  const typeRows = await ask(queries.typesQuery);
  return {
    epoch,
    serverVersion: integer(role[4]),
    database: text(role[5]),
    role: { name: roleName, isSuperuser: boolean(role[2]), bypassesRowSecurity: boolean(role[3]) },
    defaultSearchPath: resolvePath(role[6] ?? serverSearchPath, roleName, usableSchemas),
    schemas: new Set(schemas.map(([name]) => text(name))),
    usableSchemas,
    types: buildTypes(typeRows),
    relations: await readRelations(ask, roleOid),
    functions: (await ask(queries.functionsQuery)).map(buildFunction),
    operators: (await ask(queries.operatorsQuery)).map(([schema, name, functionOid, extension]) => ({
      schema: text(schema),
      name: text(name),
      functionOid: integer(functionOid),
      ...(typeof extension === 'string' && { extension }),
    })),
    casts: (await ask(queries.castsQuery)).map(([source, target, functionOid, context]) => ({
      source: integer(source),
      target: integer(target),
      functionOid: integer(functionOid),
      context: context === 'i' ? 'Implicit' : context === 'a' ? 'Assignment' : 'Explicit',
    })),
  };
}

/** PostgreSQL passes over schemas that do not exist or that the role may not use. */
function resolvePath(setting: string, roleName: string, usable: ReadonlySet<string>): string[] {
  const names = parseSearchPath(setting).map((name) => (name === '$user' ? roleName : name));
  return [...new Set(names.filter((name) => usable.has(name)))];
}

type Ask = (query: string) => Promise<TextRow[]>;

type ForeignKey = NonNullable<Relation['foreignKeys']>[number];

interface RelationLinks {
  readonly parents: ReadonlyMap<number, readonly number[]>;
  readonly primaryKeys: ReadonlyMap<number, readonly number[]>;
  readonly foreignKeys: ReadonlyMap<number, readonly ForeignKey[]>;
}

interface ColumnFacts {
  readonly typeNames: ReadonlyMap<string, string>;
  readonly collations: ReadonlyMap<number, string>;
  /** Sources of generated columns by relation and attribute number. */
  readonly generated: ReadonlyMap<string, readonly number[]>;
}

type Draft = Omit<Relation, 'columns'> & { readonly columns: ColumnDraft[] };
type ColumnDraft = Omit<Column, 'isProbed'>;

async function readRelations(ask: Ask, roleOid: number): Promise<Map<number, Relation>> {
  const rows = await ask(queries.relationsQuery(roleOid));
  const links: RelationLinks = {
    parents: group(await ask(queries.parentsQuery), ([child]) => integer(child), ([, parent]) => integer(parent)),
    primaryKeys: new Map((await ask(queries.primaryKeysQuery)).map(([oid, numbers]) => [integer(oid), integers(numbers)])),
    foreignKeys: group(await ask(queries.foreignKeysQuery), ([oid]) => integer(oid), buildForeignKey),
  };
  const drafts = new Map<number, Draft>();
  for (const row of rows) {
    const draft = buildRelation(row, links);
    drafts.set(draft.oid, draft);
  }
  const facts: ColumnFacts = {
    typeNames: new Map((await ask(queries.typeNamesQuery)).map(([oid, typmod, name]) => [`${oid} ${typmod}`, text(name)])),
    collations: new Map((await ask(queries.collationsQuery)).map(([oid, name]) => [integer(oid), text(name)])),
    generated: group(await ask(queries.generatedQuery), ([oid, number]) => `${oid} ${number}`, ([, , source]) => integer(source)),
  };
  for (const row of await ask(queries.columnsQuery)) drafts.get(integer(row[0]))?.columns.push(buildColumn(row, facts));
  const probed = await readProbed(ask, rows, drafts);
  return new Map([...drafts].map(([oid, draft]) => [oid, finish(draft, probed.get(oid))]));
}

const relationKinds: Readonly<Record<string, RelationKind>> = {
  r: 'Table', p: 'PartitionedTable', v: 'View', m: 'MaterializedView', f: 'ForeignTable', S: 'Sequence', i: 'Index', I: 'Index', c: 'CompositeType', t: 'Toast',
};

function buildForeignKey([, relation, columns, referenced]: TextRow): ForeignKey {
  return { columns: integers(columns), relationOid: integer(relation), referencedColumns: integers(referenced) };
}

function buildRelation(row: TextRow, links: RelationLinks): Draft {
  const [oidText, schema, name, relkind, owner, hasRowSecurity, isSelectable, definition, isBarrier, isInvoker, hasRules] = row;
  const oid = integer(oidText);
  const kind = relationKinds[text(relkind)];
  if (kind === undefined) throw new TargetError('TargetRejected', `the target has a kind of relation that is not known: ${relkind}`);
  const primaryKey = links.primaryKeys.get(oid);
  const foreignKeys = links.foreignKeys.get(oid);
  return {
    oid,
    schema: text(schema),
    name: text(name),
    kind,
    isSystem: schema === 'pg_catalog' || schema === 'information_schema',
    owner: text(owner),
    columns: [],
    parents: links.parents.get(oid) ?? [],
    hasRowSecurity: boolean(hasRowSecurity),
    isSelectable: boolean(isSelectable),
    hasRules: boolean(hasRules),
    ...(primaryKey !== undefined && { primaryKey }),
    ...(foreignKeys !== undefined && { foreignKeys }),
    ...(typeof definition === 'string' && { definition: definition.trim().replace(/;$/, '') }),
    ...(kind === 'View' && { isSecurityBarrier: isBarrier === 't', isSecurityInvoker: isInvoker === 't' }),
  };
}

function buildColumn(row: TextRow, facts: ColumnFacts): ColumnDraft {
  const [relation, number, name, typeOid, typmod, isGenerated, isNotNull, collation] = row;
  const generatedFrom = facts.generated.get(`${relation} ${number}`);
  const collationSql = typeof collation === 'string' ? facts.collations.get(integer(collation)) : undefined;
  return {
    number: integer(number),
    name: text(name),
    typeOid: integer(typeOid),
    typmod: integer(typmod),
    typeSql: text(facts.typeNames.get(`${typeOid} ${typmod}`)),
    isGenerated: boolean(isGenerated),
    isNotNull: boolean(isNotNull),
    ...(generatedFrom !== undefined && { generatedFrom }),
    ...(collationSql !== undefined && { collationSql }),
  };
}

async function readProbed(ask: Ask, rows: readonly TextRow[], drafts: ReadonlyMap<number, Draft>): Promise<ColumnSet> {
  const probed: ColumnSet = new Map();
  for (const [oid, number] of await ask(queries.probedQuery)) addProbed(probed, integer(oid), integer(number));
  const whole = new Set((await ask(queries.wholeRowProbedQuery)).map(([oid]) => integer(oid)));
  for (const row of rows) {
    const hasTriggers = boolean(row[11]);
    const hasRules = boolean(row[10]);
    // A trigger or rule may read the whole row; what a view or a foreign table does with it is decided elsewhere.
    if (hasTriggers || hasRules || row[3] === 'v' || row[3] === 'f') whole.add(integer(row[0]));
  }
  for (const oid of whole) {
    for (const { number } of drafts.get(oid)?.columns ?? []) addProbed(probed, oid, number);
  }
  spreadProbed(drafts, probed);
  return probed;
}

function finish(draft: Draft, probed: ReadonlySet<number> | undefined): Relation {
  return { ...draft, columns: draft.columns.map((column) => ({ ...column, isProbed: probed?.has(column.number) === true })) };
}

const typeKinds: Readonly<Record<string, PgType['kind']>> = {
  b: 'Base', c: 'Composite', d: 'Domain', e: 'Enum', p: 'Pseudo', r: 'Range', m: 'Multirange',
};

function buildTypes(rows: readonly TextRow[]): Map<number, PgType> {
  const bases = new Map(rows.map((row) => [integer(row[0]), integer(row[6])]));
  const types = new Map<number, PgType>();
  for (const [oidText, schema, name, typtype, category, element, base, relation] of rows) {
    const oid = integer(oidText);
    types.set(oid, {
      oid,
      schema: text(schema),
      name: text(name),
      kind: typeKinds[text(typtype)] ?? 'Pseudo',
      category: text(category),
      ...(typeof element === 'string' && { elementOid: integer(element) }),
      ...(base !== '0' && { baseOid: bottomOf(oid, bases) }),
      ...(relation !== '0' && { relationOid: integer(relation) }),
    });
  }
  return types;
}

function bottomOf(oid: number, bases: ReadonlyMap<number, number>): number {
  for (let at = oid; ; ) {
    const base = bases.get(at);
    if (base === undefined || base === 0) return at;
    at = base;
  }
}

function buildFunction([oid, schema, name, extension, language, isSecurityDefiner, prokind]: TextRow): UserFunction {
  return {
    oid: integer(oid),
    schema: text(schema),
    name: text(name),
    language: text(language),
    isSecurityDefiner: boolean(isSecurityDefiner),
    kind: prokind === 'p' ? 'Procedure' : prokind === 'a' ? 'Aggregate' : prokind === 'w' ? 'Window' : 'Function',
    ...(typeof extension === 'string' && { extension }),
  };
}

function group<K, V>(rows: readonly TextRow[], keyOf: (row: TextRow) => K, valueOf: (row: TextRow) => V): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const values = groups.get(key);
    if (values === undefined) groups.set(key, [valueOf(row)]);
    else values.push(valueOf(row));
  }
  return groups;
}

function text(value: string | null | undefined): string {
  if (typeof value !== 'string') throw new TargetError('TargetRejected', 'the catalogue of the target has a gap where a value belongs');
  return value;
}

function integer(value: string | null | undefined): number {
  return Number(text(value));
}

/** Of `array_to_string(..., ',')`. */
function integers(value: string | null | undefined): number[] {
  return text(value).split(',').map(Number);
}

function boolean(value: string | null | undefined): boolean {
  return text(value) === 't';
}
