import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadCatalogue, prepareIntrospection, readSignature } from '../../../src/gateway/postgresql/catalogue-loader.ts';
import { CatalogueSource, type IntrospectionLogin } from '../../../src/gateway/postgresql/catalogue-source.ts';
import { ControlQuery } from '../../../src/gateway/postgresql/control-query.ts';
import { parseSearchPath } from '../../../src/sql/search-path.ts';
import { systemClock, type Clock } from '../../../src/lib/clock.ts';
import { silentLog, type Log } from '../../../src/lib/log.ts';
import { Secret } from '../../../src/lib/secret.ts';
import type { Catalogue, Column, Relation } from '../../../src/sql/catalogue.ts';
import { datasetLogins, loadDataset, type Postgres, startPostgres } from '../../support/postgres.ts';

function loginFor(server: Postgres, role = 'app'): IntrospectionLogin {
  const { user, password } = datasetLogins.introspection;
  return { host: server.host, port: server.port, tls: { mode: 'Disable' }, user, password: new Secret(password), database: 'shop', role };
}

async function load(server: Postgres, role = 'app'): Promise<Catalogue> {
  const connection = await ControlQuery.open({ ...loginFor(server), parameters: {} });
  try {
    return (await loadCatalogue(connection, role, await prepareIntrospection(connection), 1)).catalogue;
  } finally {
    connection.close();
  }
}

function relationOf(catalogue: Catalogue, schema: string, name: string): Relation {
  const found = [...catalogue.relations.values()].find((relation) => relation.schema === schema && relation.name === name);
  if (found === undefined) throw new Error(`no relation ${schema}.${name}`);
  return found;
}

function columnOf(relation: Relation, name: string): Column {
  const found = relation.columns.find((column) => column.name === name);
  if (found === undefined) throw new Error(`no column ${relation.name}.${name}`);
  return found;
}

function probedOf(catalogue: Catalogue, schema: string, name: string): string[] {
  return relationOf(catalogue, schema, name)
    .columns.filter(({ isProbed }) => isProbed)
    .map((column) => column.name);
}

describe.each([18, 15] as const)('the catalogue of PostgreSQL %i', (version) => {
  let server: Postgres;
  let catalogue: Catalogue;

  beforeAll(async () => {
    server = await startPostgres({ version });
    await loadDataset(server);
    await server.sql(
      `CREATE SCHEMA hidden; CREATE TABLE hidden.secrets (id int); CREATE SCHEMA app AUTHORIZATION app;
       CREATE VIEW public.invoker WITH (security_invoker = on) AS SELECT 1 AS one;
       CREATE TABLE public.guarded (id int, a int, b int, c text COLLATE "C", d int, e int, w text, CHECK (a < b));
       CREATE UNIQUE INDEX ON public.guarded ((c || 'x')) WHERE d > 0;
       CREATE TABLE public.whole (a int, b text); CREATE INDEX ON public.whole ((whole IS NULL));
       CREATE TABLE public.hooked (a int, b text); CREATE FUNCTION public.noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
       CREATE TRIGGER t BEFORE INSERT ON public.hooked FOR EACH ROW EXECUTE FUNCTION public.noop();
       CREATE TABLE public.ruled (a int, b text); CREATE RULE r AS ON DELETE TO public.ruled DO ALSO SELECT 1;
       CREATE TABLE public.feeds (a text, b text GENERATED ALWAYS AS (upper(a)) STORED UNIQUE);
       CREATE TABLE public.parted (k text, v text, x text) PARTITION BY LIST (lower(k));
       CREATE TABLE public.parted_a (x text, v text, k text);
       ALTER TABLE public.parted ATTACH PARTITION public.parted_a FOR VALUES IN ('a');
       CREATE UNIQUE INDEX ON public.parted_a (v);
       CREATE TABLE public.loose (id int PRIMARY KEY DEFERRABLE, dropped int, kept int); ALTER TABLE public.loose DROP COLUMN dropped;
       CREATE FUNCTION public.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
       CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = public.same);
       CREATE FUNCTION public.to_contact(text) RETURNS public.contact LANGUAGE sql AS 'SELECT ROW($1, $1)::public.contact';
       CREATE CAST (text AS public.contact) WITH FUNCTION public.to_contact(text) AS ASSIGNMENT;
       CREATE DOMAIN public.narrow AS public.positive_amount CHECK (VALUE < 100);
       CREATE EXTENSION hstore;`,
      'shop',
    );
    catalogue = await load(server);
  });
  afterAll(() => server.stop());

  test('says which server, database and role it is about', () => {
    expect(Math.floor(catalogue.serverVersion / 10_000)).toBe(version);
    expect(catalogue.database).toBe('shop');
    expect(catalogue.role).toEqual({ name: 'app', isSuperuser: false, bypassesRowSecurity: false });
    expect(catalogue.defaultSearchPath).toEqual(['app', 'public']);
    expect(catalogue.schemas).toContain('hidden');
    expect(catalogue.usableSchemas).not.toContain('hidden');
    expect(catalogue.usableSchemas).toContain('support');
  });

  test('columns come in order, with types that can be pasted into a cast', () => {
    const customers = relationOf(catalogue, 'public', 'customers');
    expect(customers).toMatchObject({ kind: 'Table', isSystem: false, owner: 'postgres', primaryKey: [1], isSelectable: true, hasRowSecurity: false, hasRules: false });
    expect(customers.columns.map(({ name, typeSql }) => `${name} ${typeSql}`)).toEqual([
      'id bigint', 'name text', 'email character varying(120)', 'ssn character(11)', 'phone text', 'birth date', 'salary numeric(10,2)', 'notes text', 'address jsonb',
      'created timestamp with time zone',
    ]);
    expect(columnOf(relationOf(catalogue, 'public', 'orders'), 'state').typeSql).toBe('public.order_status');
    expect(columnOf(customers, 'name').isNotNull).toBe(true);
    expect(columnOf(customers, 'email').isNotNull).toBe(false);
  });

  test('a dropped column leaves its number unused', () => {
    expect(relationOf(catalogue, 'public', 'loose').columns.map(({ name, number }) => [name, number])).toEqual([['id', 1], ['kept', 3]]);
  });

  test('a deferrable key makes nothing functionally dependent', () => {
    expect(relationOf(catalogue, 'public', 'loose').primaryKey).toBeUndefined();
  });

  test('a collation is named where it is not the one of the type', () => {
    const guarded = relationOf(catalogue, 'public', 'guarded');
    expect(columnOf(guarded, 'c').collationSql).toBe('pg_catalog."C"');
    expect(columnOf(guarded, 'w').collationSql).toBeUndefined();
  });

  test('views carry their definition under an empty search path', () => {
    expect(relationOf(catalogue, 'public', 'customer_directory').definition).toMatch(/^ ?SELECT (customers\.)?id,[^]* FROM public\.customers$/);
    expect(relationOf(catalogue, 'support', 'directory').definition).toContain('FROM public.customer_directory');
    expect(relationOf(catalogue, 'public', 'customer_totals')).toMatchObject({ kind: 'MaterializedView', definition: expect.stringContaining('public.orders') });
    expect(relationOf(catalogue, 'public', 'safe_customers')).toMatchObject({ isSecurityBarrier: true, isSecurityInvoker: false });
    expect(relationOf(catalogue, 'public', 'invoker')).toMatchObject({ isSecurityBarrier: false, isSecurityInvoker: true });
  });

  test('system relations are there, with columns and definitions', () => {
    const activity = relationOf(catalogue, 'pg_catalog', 'pg_stat_activity');
    expect(activity).toMatchObject({ kind: 'View', isSystem: true, isSelectable: true });
    expect(columnOf(activity, 'query').typeSql).toBe('text');
    expect(relationOf(catalogue, 'information_schema', 'columns').definition).toContain('pg_attribute');
    expect(relationOf(catalogue, 'pg_catalog', 'pg_authid').isSelectable).toBe(false);
  });

  test('partitions and children name their parents', () => {
    const events = relationOf(catalogue, 'public', 'events');
    expect(events.kind).toBe('PartitionedTable');
    expect(relationOf(catalogue, 'public', 'events_2026_01').parents).toEqual([events.oid]);
    expect(relationOf(catalogue, 'public', 'employees').parents).toEqual([relationOf(catalogue, 'public', 'people').oid]);
  });

  test('generated columns name what they come from', () => {
    const profiles = relationOf(catalogue, 'public', 'profiles');
    expect(columnOf(profiles, 'email_domain')).toMatchObject({ isGenerated: true, generatedFrom: [columnOf(profiles, 'email').number] });
    expect(columnOf(profiles, 'email')).toMatchObject({ isGenerated: false });
    expect(columnOf(profiles, 'email').generatedFrom).toBeUndefined();
  });

  test('foreign keys pair columns up', () => {
    const customers = relationOf(catalogue, 'public', 'customers');
    expect(relationOf(catalogue, 'public', 'orders').foreignKeys).toEqual([{ columns: [2], relationOid: customers.oid, referencedColumns: [1] }]);
  });

  test('row security and privileges are those of the role', async () => {
    expect(relationOf(catalogue, 'support', 'agents').hasRowSecurity).toBe(true);
    expect(relationOf(catalogue, 'hidden', 'secrets').isSelectable).toBe(false);
    expect(relationOf(await load(server, 'postgres'), 'hidden', 'secrets').isSelectable).toBe(true);
  });

  test.each([
    ['index columns, expressions, predicates, keys', 'public', 'customers', ['id', 'name', 'email', 'salary']],
    ['check constraints and partial expression indexes', 'public', 'guarded', ['a', 'b', 'c', 'd']],
    ['an expression over the whole row', 'public', 'whole', ['a', 'b']],
    ['any trigger', 'public', 'hooked', ['a', 'b']],
    ['any rule', 'public', 'ruled', ['a', 'b']],
    ['a generated column with an index, on its source', 'public', 'feeds', ['a', 'b']],
    ['a partition key expression, and the index of a partition', 'public', 'parted', ['k', 'v']],
    ['the same on the partition, whose columns are numbered otherwise', 'public', 'parted_a', ['v', 'k']],
    ['a row security policy', 'support', 'agents', ['id', 'owner']],
    ['foreign keys, not NOT NULL', 'public', 'profiles', ['customer_id']],
    ['an identity column is not a reader of itself', 'public', 'users', ['id', 'login']],
  ])('probed: %s', (_case, schema, name, columns) => {
    expect(probedOf(catalogue, schema, name)).toEqual(columns);
  });

  test('types: arrays, domains to the bottom, enums, composites', () => {
    const named = new Map([...catalogue.types.values()].map((type) => [`${type.schema}.${type.name}`, type]));
    const numeric = named.get('pg_catalog.numeric');
    expect(named.get('public.narrow')).toMatchObject({ kind: 'Domain', baseOid: numeric?.oid });
    expect(named.get('pg_catalog._text')).toMatchObject({ kind: 'Base', category: 'A', elementOid: named.get('pg_catalog.text')?.oid });
    expect(named.get('pg_catalog.int2vector')?.elementOid).toBeUndefined();
    expect(named.get('public.order_status')).toMatchObject({ kind: 'Enum', category: 'E' });
    expect(named.get('public.contact')).toMatchObject({ kind: 'Composite', relationOid: relationOf(catalogue, 'public', 'contact').oid });
    expect(named.get('pg_catalog.int4multirange')).toMatchObject({ kind: 'Multirange' });
  });

  test('functions, operators and casts beside the built-in ones', () => {
    const functions = new Map(catalogue.functions.map((entry) => [`${entry.schema}.${entry.name}`, entry]));
    expect(functions.get('public.email_of')).toMatchObject({ isSecurityDefiner: true, language: 'sql', kind: 'Function' });
    expect(functions.get('public.add_tax')?.extension).toBeUndefined();
    expect(functions.get('public.hstore_to_json')).toMatchObject({ extension: 'hstore', language: 'c' });
    expect([...functions.keys()].filter((name) => name.startsWith('pg_catalog.'))).toEqual([]);
    expect(catalogue.operators).toContainEqual({ schema: 'public', name: '===', functionOid: functions.get('public.same')?.oid });
    expect(catalogue.operators).toContainEqual(expect.objectContaining({ name: '->', extension: 'hstore' }));
    expect(catalogue.casts).toContainEqual(expect.objectContaining({ functionOid: functions.get('public.to_contact')?.oid, context: 'Assignment' }));
  });

  test('temporary objects of sessions are nobody else\'s', async () => {
    const connection = await ControlQuery.open({ ...loginFor(server), user: 'app', password: new Secret(datasetLogins.app.password), parameters: {} });
    await server.sql('GRANT TEMP ON DATABASE shop TO app');
    const watcher = await ControlQuery.open({ ...loginFor(server), parameters: {} });
    // The first temporary table of a session may make its schema, which stays.
    await connection.query('CREATE TEMP TABLE first (a int)', 5_000);
    const before = await readSignature(watcher, 'app', 5_000);
    await connection.query(`CREATE TEMP TABLE text (id int PRIMARY KEY, a text DEFAULT 'x', CHECK (id > 0)); CREATE TEMP VIEW v AS SELECT 1 AS a`, 5_000);
    expect((await readSignature(watcher, 'app', 5_000)).value).toBe(before.value);
    expect([...(await load(server)).relations.values()].some(({ schema }) => schema.startsWith('pg_temp'))).toBe(false);
    connection.close();
    watcher.close();
  });

  test.each([
    'CREATE TABLE public.s_new (a int)',
    'ALTER TABLE public.s_new ADD COLUMN b text',
    'ALTER TABLE public.s_new RENAME COLUMN b TO c',
    'ALTER TABLE public.s_new ALTER COLUMN c SET NOT NULL',
    'ALTER TABLE public.s_new ADD CHECK (a > 0)',
    'CREATE INDEX s_index ON public.s_new (c)',
    'CREATE TRIGGER t BEFORE INSERT ON public.s_new FOR EACH ROW EXECUTE FUNCTION public.noop()',
    'DROP TRIGGER t ON public.s_new',
    'ALTER TABLE public.s_new DROP COLUMN c',
    'ALTER TABLE public.s_new INHERIT public.s_parent',
    'CREATE OR REPLACE VIEW public.invoker AS SELECT 2 AS one',
    'CREATE FUNCTION public.s_f() RETURNS int LANGUAGE sql AS \'SELECT 1\'',
    'ALTER FUNCTION public.s_f() SECURITY DEFINER',
    'ALTER EXTENSION hstore ADD FUNCTION public.s_f()',
    'ALTER EXTENSION hstore DROP FUNCTION public.s_f()',
    'CREATE SCHEMA s_schema',
    'ALTER SCHEMA s_schema RENAME TO s_other',
    'GRANT USAGE ON SCHEMA hidden TO app',
    'GRANT SELECT ON hidden.secrets TO app',
    'CREATE POLICY p ON public.s_new USING (a > 1)',
    'ALTER TABLE public.s_new ENABLE ROW LEVEL SECURITY',
    'CREATE TYPE public.s_enum AS ENUM (\'a\')',
    'ALTER ROLE app SET search_path = support, public',
    'ALTER ROLE app BYPASSRLS',
    'GRANT pg_read_all_data TO app',
  ])('the signature changes with: %s', async (statement) => {
    if (statement.includes('s_parent')) await server.sql('CREATE TABLE public.s_parent (a int)', 'shop');
    const watcher = await ControlQuery.open({ ...loginFor(server), parameters: {} });
    const before = await readSignature(watcher, 'app', 5_000);
    await server.sql(statement, 'shop');
    const after = await readSignature(watcher, 'app', 5_000);
    expect(after.value).not.toBe(before.value);
    expect((await readSignature(watcher, 'app', 5_000)).value).toBe(after.value);
    watcher.close();
  });

  test('data, VACUUM and ANALYZE change nothing', async () => {
    const watcher = await ControlQuery.open({ ...loginFor(server), parameters: {} });
    const before = await readSignature(watcher, 'app', 5_000);
    await server.sql('UPDATE public.customers SET notes = notes', 'shop');
    await server.sql('VACUUM ANALYZE public.customers', 'shop');
    const after = await readSignature(watcher, 'app', 5_000);
    expect(after.value).toBe(before.value);
    expect(after.snapshot).not.toBe(before.snapshot);
    watcher.close();
  });

  test('the search path of the role wins over that of the database', async () => {
    await server.sql('ALTER DATABASE shop SET search_path = app', 'shop');
    expect((await load(server)).defaultSearchPath).toEqual(['support', 'public']);
    await server.sql('ALTER ROLE app RESET search_path', 'shop');
    expect((await load(server)).defaultSearchPath).toEqual(['app']);
  });

  test('a role that is not there is said to be so', async () => {
    await expect(load(server, `nobody'; --`)).rejects.toMatchObject({ code: 'TargetRejected' });
  });
});

describe('a source of catalogues', () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres();
    await loadDataset(server);
  });
  afterAll(() => server.stop());

  const quiet = { log: silentLog, clock: systemClock };

  test('sees DDL by itself, tells its listeners, and outlives one that fails', async () => {
    const errors: string[] = [];
    const log: Log = { ...silentLog, error: (message) => errors.push(message) };
    const source = new CatalogueSource({ login: async () => loginFor(server), log, clock: systemClock, pollMs: 20 });
    expect([source.current, source.isStale]).toEqual([undefined, true]);
    await source.start();
    const first = source.current!;
    expect([first.epoch, source.isStale]).toEqual([1, false]);
    source.onChange(() => {
      throw new Error('a listener of no use');
    });
    const changed = new Promise<Catalogue>((resolve) => source.onChange(resolve));
    await server.sql('CREATE TABLE public.seen (a int)', 'shop');
    const second = await changed;
    expect(relationOf(second, 'public', 'seen').columns).toHaveLength(1);
    expect(second.epoch).toBe(2);
    expect(source.current).toBe(second);
    expect(errors).toEqual(['a listener to catalogue changes failed']);
    await source.close();
  });

  test('refresh sees what was done before it was called, and keeps the snapshot when that was nothing', async () => {
    const source = new CatalogueSource({ login: async () => loginFor(server), ...quiet, pollMs: 600_000 });
    await source.start();
    const before = source.current;
    expect(await source.refresh()).toBe(before);
    await server.sql('CREATE TABLE public.refreshed (a int)', 'shop');
    const [one, two] = await Promise.all([source.refresh(), source.refresh()]);
    expect(two).toBe(one);
    expect(relationOf(one, 'public', 'refreshed').kind).toBe('Table');
    await source.close();
    await expect(source.refresh()).resolves.toBe(one);
  });

  test('keeps the last snapshot while the target is away, and says when it is stale', async () => {
    let now = 0;
    const clock: Clock = { now: () => now, monotonic: () => now };
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };
    const source = new CatalogueSource({ login: async () => loginFor(server), log, clock, pollMs: 600_000 });
    await source.start();
    const before = source.current;
    await server.pause();
    now = 60_000;
    await expect(source.refresh()).rejects.toMatchObject({ code: 'TargetUnreachable' });
    expect([source.current, source.isStale]).toEqual([before, false]);
    now = 60_001;
    await expect(source.refresh()).rejects.toMatchObject({ code: 'TargetUnreachable' });
    expect([source.current, source.isStale]).toEqual([before, true]);
    expect(source.error).toMatchObject({ code: 'TargetUnreachable' });
    expect(warnings.length).toBeGreaterThan(0);
    await server.start();
    expect(await source.refresh()).toBe(before);
    expect([source.isStale, source.error]).toEqual([false, undefined]);
    await source.close();
  });

  test('starts without a target and finds it later', async () => {
    await server.pause();
    const source = new CatalogueSource({ login: async () => loginFor(server), ...quiet, pollMs: 20 });
    await source.start();
    expect(source.current).toBeUndefined();
    const found = new Promise<Catalogue>((resolve) => source.onChange(resolve));
    await server.start();
    expect((await found).epoch).toBe(1);
    await source.close();
  });

  test('picks up rotated credentials at the next connect', async () => {
    let password = datasetLogins.introspection.password as string;
    const login = async (): Promise<IntrospectionLogin> => ({ ...loginFor(server), password: new Secret(password) });
    const source = new CatalogueSource({ login, ...quiet, pollMs: 600_000 });
    await source.start();
    await server.sql(`ALTER ROLE introspection PASSWORD 'rotated'`);
    source.reconnect();
    await expect(source.refresh()).rejects.toMatchObject({ code: 'TargetAuthenticationFailed' });
    password = 'rotated';
    expect((await source.refresh()).epoch).toBe(1);
    await server.sql(`ALTER ROLE introspection PASSWORD '${datasetLogins.introspection.password}'`);
    await source.close();
  });

  test('a login that cannot be read is an error like any other', async () => {
    const source = new CatalogueSource({ login: async () => Promise.reject(new Error('no Secret orders-db-introspection')), ...quiet, pollMs: 600_000 });
    await source.start();
    await expect(source.refresh()).rejects.toThrow('no Secret orders-db-introspection');
    expect(source.isStale).toBe(true);
    await source.close();
  });

  test('another role is another catalogue', async () => {
    let role = 'app';
    const source = new CatalogueSource({ login: async () => loginFor(server, role), ...quiet, pollMs: 600_000 });
    await source.start();
    role = 'introspection';
    source.reconnect();
    expect((await source.refresh()).role.name).toBe('introspection');
    await source.close();
  });
});

test.each([
  ['"$user", public', ['$user', 'public']],
  ['Public,"Mixed ""Case""", a$1', ['public', 'Mixed "Case"', 'a$1']],
  ['""', []],
  ['', []],
  ['"a,b" ,  c', ['a,b', 'c']],
])('the search path %s', (setting, names) => {
  expect(parseSearchPath(setting)).toEqual(names);
});
