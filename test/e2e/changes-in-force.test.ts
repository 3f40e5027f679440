import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { allMasks, eventually, openPolicy, type ShopGateway, startShop, startShopGateway } from '../support/gateway.ts';
import { type Postgres } from '../support/postgres.ts';
import { messages, RawClient, rowsOf } from '../support/raw-client.ts';
import { leaksIn } from './canary-detector.ts';

/** What was prepared, opened or filled before a change must not tell more than what is made after it. */

const { parse, bind, describe: describeFrame, execute, sync } = messages;
const inTheClear = 'SELECT email FROM customers ORDER BY id';

describe('a mask that comes while a session is open', () => {
  let shop: ShopGateway;
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startShop();
  }, 60_000);
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    shop = await startShopGateway({ postgres, masks: {} });
  });
  afterEach(() => shop.close());

  const cases: readonly { readonly name: string; readonly before: (client: RawClient) => Promise<unknown>; readonly after: (client: RawClient) => Promise<unknown> }[] = [
    { name: 'the next simple query', before: (c) => c.query(inTheClear), after: (c) => c.query(inTheClear) },
    { name: 'a named statement', before: (c) => c.talk([parse(inTheClear, 's'), describeFrame('S', 's'), sync]), after: (c) => c.talk([bind([], { statement: 's' }), execute(), sync]) },
    { name: 'a named statement, in binary', before: (c) => c.talk([parse(inTheClear, 's'), sync]), after: (c) => c.talk([bind([], { statement: 's', format: 'binary' }), execute(), sync]) },
    { name: 'the statement without a name', before: (c) => c.talk([parse(inTheClear), sync]), after: (c) => c.talk([bind(), execute(), sync]) },
    { name: 'PREPARE', before: (c) => c.query(`PREPARE p AS ${inTheClear}`), after: (c) => c.query('EXECUTE p') },
    { name: 'PREPARE, bound', before: (c) => c.query(`PREPARE p AS ${inTheClear}`), after: (c) => c.talk([bind([], { statement: 'p' }), execute(), sync]) },
    { name: 'EXPLAIN EXECUTE', before: (c) => c.query("PREPARE p AS SELECT id FROM customers WHERE email > 'cam'"), after: (c) => c.query('EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) EXECUTE p') },
    { name: 'CREATE TABLE AS EXECUTE', before: (c) => c.query(`PREPARE p AS ${inTheClear}`), after: async (c) => { await c.query('CREATE TEMP TABLE t AS EXECUTE p'); await c.query('TABLE t'); } },
    { name: 'a cursor', before: async (c) => { await c.query('BEGIN'); await c.query(`DECLARE k CURSOR FOR ${inTheClear}`); await c.query('FETCH 1 FROM k'); }, after: (c) => c.query('FETCH 5 FROM k') },
    { name: 'a cursor that is moved back', before: async (c) => { await c.query('BEGIN'); await c.query(`DECLARE k SCROLL CURSOR FOR ${inTheClear}`); await c.query('MOVE 3 FROM k'); }, after: (c) => c.query('FETCH BACKWARD 2 FROM k') },
    { name: 'a cursor WITH HOLD', before: (c) => c.query(`DECLARE k CURSOR WITH HOLD FOR ${inTheClear}`), after: (c) => c.query('FETCH ALL FROM k') },
    { name: 'a cursor that is executed as a portal', before: async (c) => { await c.query('BEGIN'); await c.query(`DECLARE k CURSOR FOR ${inTheClear}`); }, after: (c) => c.talk([execute(3, 'k'), sync]) },
    { name: 'a portal in portions', before: async (c) => { await c.query('BEGIN'); await c.talk([parse(inTheClear), bind([], { portal: 'p' }), execute(1, 'p'), sync]); }, after: (c) => c.talk([execute(0, 'p'), sync]) },
    { name: 'a portal that FETCH reads', before: async (c) => { await c.query('BEGIN'); await c.talk([parse(inTheClear), bind([], { portal: 'p' }), sync]); }, after: (c) => c.query('FETCH ALL FROM p') },
    { name: 'a temporary table', before: (c) => c.query('CREATE TEMP TABLE t AS SELECT * FROM customers'), after: async (c) => { await c.query('SELECT * FROM t'); await c.query('COPY t TO STDOUT'); await c.query('SELECT * FROM pg_temp.t'); await c.query('UPDATE t SET id = id RETURNING *'); } },
    { name: 'a temporary table under another name', before: async (c) => { await c.query('CREATE TEMP TABLE t AS SELECT * FROM customers'); await c.query('ALTER TABLE t RENAME TO u'); }, after: (c) => c.query('SELECT * FROM u') },
    { name: 'a temporary view', before: (c) => c.query('CREATE TEMP VIEW v AS SELECT email FROM customers'), after: (c) => c.query('SELECT * FROM v') },
    { name: 'a temporary table by SELECT INTO', before: (c) => c.query('SELECT email INTO TEMP t FROM customers'), after: (c) => c.extended('SELECT email FROM t', 'binary') },
    { name: 'a temporary table by INSERT', before: async (c) => { await c.query('CREATE TEMP TABLE t (e text)'); await c.query('INSERT INTO t SELECT email FROM customers'); }, after: (c) => c.query('TABLE t') },
    { name: 'a COPY of a query', before: (c) => c.query(`COPY (${inTheClear}) TO STDOUT`), after: (c) => c.query(`COPY (${inTheClear}) TO STDOUT`) },
    { name: 'a transaction with a snapshot', before: async (c) => { await c.query('BEGIN ISOLATION LEVEL REPEATABLE READ'); await c.query('SELECT 1 FROM customers'); }, after: (c) => c.query(inTheClear) },
  ];

  test.each(cases)('holds for $name', async ({ before, after }) => {
    const client = await RawClient.login({ port: shop.port, password: await shop.token() });
    await before(client);
    expect(client.errors).toEqual([]);
    await shop.edit((world) => { world.masks = { pii: allMasks }; });
    const at = client.bytes.length;
    const from = client.frames.length;
    await after(client);
    expect(leaksIn(client.bytes.subarray(at), client.frames.slice(from))).toEqual([]);
    // And it is a session still, in which what is made anew is answered.
    await client.query('ROLLBACK');
    expect(rowsOf(await client.query('SELECT email FROM customers WHERE id = 1'))).toEqual([['c****@leak.example']]);
    client.end();
  });

  test('without a mask the same session reads in the clear, so the cases above can fail', async () => {
    const client = await RawClient.login({ port: shop.port, password: await shop.token() });
    await client.query(inTheClear);
    expect(leaksIn(client.bytes, client.frames)).not.toEqual([]);
    client.end();
  });

  test('a rule that goes takes prepared statements, portals and cursors with it', async () => {
    const client = await RawClient.login({ port: shop.port, password: await shop.token() });
    await client.talk([parse(inTheClear, 's'), sync]);
    await client.query(`PREPARE p AS ${inTheClear}`);
    await client.query('BEGIN');
    await client.query(`DECLARE k CURSOR FOR ${inTheClear}`);
    await shop.edit((world) => {
      world.policies = { open: { ...openPolicy(), rules: [{ name: 'orders', effect: 'Allow', postgresql: { operations: ['Select'], relations: ['public.orders'] } }] } };
    });
    await client.query('FETCH 1 FROM k');
    await client.query('ROLLBACK');
    await client.talk([bind([], { statement: 's' }), execute(), sync]);
    await client.query('EXECUTE p');
    await client.query(inTheClear);
    expect(client.errors.map((error) => error.slice(0, 5))).toEqual(['42501', '42501', '42501', '42501']);
    expect(rowsOf(client.frames)).toEqual([]);
    expect(rowsOf(await client.query('SELECT count(*) > 0 FROM orders'))).toEqual([['t']]);
    client.end();
  });

  test('a mask that goes lets the next statement see', async () => {
    await shop.edit((world) => { world.masks = { pii: allMasks }; });
    const client = await RawClient.login({ port: shop.port, password: await shop.token() });
    await client.talk([parse('SELECT email FROM customers WHERE id = 1', 's'), sync]);
    expect(rowsOf(await client.talk([bind([], { statement: 's' }), execute(), sync]))).toEqual([['c****@leak.example']]);
    await shop.edit((world) => { world.masks = {}; });
    expect(rowsOf(await client.talk([bind([], { statement: 's' }), execute(), sync]))).toEqual([['canary-email-0001@leak.example']]);
    client.end();
  });
});

const newColumn = 'adds a column that a glob covers';

/** Until the gateway has read all that the database holds now: it then knows a table that was made just before. */
async function catalogueIsRead(shop: ShopGateway): Promise<void> {
  const marker = `marker_${randomUUID().replaceAll('-', '')}`;
  await shop.postgres.sql(`CREATE TABLE ${marker} (a int); GRANT SELECT ON ${marker} TO app`, 'shop');
  const client = await RawClient.login({ port: shop.port, password: await shop.token() });
  await eventually('the catalogue is read', async () => (await client.query(`SELECT a FROM public.${marker}`)).some(({ type }) => type === 'C'));
  client.end();
}

describe('an administrator who changes the database under an open session', () => {
  let shop: ShopGateway;
  beforeEach(async () => {
    shop = await startShopGateway();
  }, 60_000);
  afterEach(() => shop.close());

  const changes: readonly { readonly name: string; readonly ddl: string; readonly then: readonly string[] }[] = [
    { name: 'renames a masked column', ddl: 'ALTER TABLE customers RENAME COLUMN email TO mail', then: ['SELECT mail FROM customers', 'SELECT * FROM customers', 'SELECT c FROM customers c', 'COPY customers TO STDOUT'] },
    { name: 'renames a masked table', ddl: 'ALTER TABLE customers RENAME TO clients', then: ['SELECT email FROM clients', 'SELECT * FROM clients', 'TABLE clients', 'COPY clients TO STDOUT'] },
    { name: 'moves a masked table', ddl: 'ALTER TABLE customers SET SCHEMA support', then: ['SELECT email FROM support.customers', 'SELECT * FROM support.customers', 'COPY support.customers TO STDOUT'] },
    { name: 'renames a schema', ddl: 'ALTER SCHEMA support RENAME TO help', then: ['SELECT body FROM help.tickets', 'TABLE help.tickets'] },
    { name: 'puts another table in its place', ddl: 'ALTER TABLE customers RENAME TO customers_old; CREATE TABLE customers (LIKE customers_old); INSERT INTO customers SELECT * FROM customers_old; GRANT SELECT ON customers, customers_old TO app', then: ['SELECT email FROM customers', 'SELECT email FROM customers_old', 'SELECT * FROM customers_old'] },
    { name: 'swaps the columns', ddl: 'ALTER TABLE customers RENAME COLUMN email TO x; ALTER TABLE customers RENAME COLUMN name TO email; ALTER TABLE customers RENAME COLUMN x TO name', then: ['SELECT name FROM customers', 'SELECT * FROM customers', 'SELECT email FROM customers'] },
    { name: 'drops a column and makes it again', ddl: "ALTER TABLE users ADD COLUMN kept text; UPDATE users SET kept = 'x'; ALTER TABLE users DROP COLUMN password_hash; ALTER TABLE users ADD COLUMN password_hash text; UPDATE users SET password_hash = 'canary-password-0001'", then: ['SELECT password_hash FROM users', 'SELECT * FROM users', 'SELECT u FROM users u'] },
    { name: newColumn, ddl: "ALTER TABLE orders ADD COLUMN old_password text DEFAULT 'canary-password-0007'", then: ['SELECT old_password FROM orders', 'SELECT * FROM orders', 'SELECT o FROM orders o'] },
    { name: 'attaches a partition', ddl: "CREATE TABLE more_events (LIKE events INCLUDING DEFAULTS); INSERT INTO more_events VALUES (500, '2026-03-05', 1, 'canary-payload-0500'); ALTER TABLE events ATTACH PARTITION more_events FOR VALUES FROM ('2026-03-01') TO ('2026-04-01'); GRANT SELECT ON more_events TO app", then: ['SELECT payload FROM events', 'SELECT payload FROM more_events', 'SELECT * FROM more_events'] },
    { name: 'makes a child table', ddl: "CREATE TABLE managers (level int) INHERITS (people); INSERT INTO managers VALUES (9, 'M', 'canary-manager-0009', 1); GRANT SELECT ON managers TO app", then: ['SELECT email FROM people', 'SELECT email FROM managers', 'TABLE managers'] },
    { name: 'makes a view', ddl: 'CREATE VIEW leak AS SELECT email AS shown FROM customers; GRANT SELECT ON leak TO app', then: ['SELECT shown FROM leak', 'TABLE leak', 'COPY (SELECT * FROM leak) TO STDOUT'] },
    { name: 'replaces a view', ddl: 'DROP VIEW support.directory; DROP VIEW customer_directory; CREATE VIEW customer_directory AS SELECT id, email AS name, email, phone FROM customers; GRANT SELECT ON customer_directory TO app', then: ['SELECT name FROM customer_directory', 'TABLE customer_directory'] },
    { name: 'makes a materialised view', ddl: 'CREATE MATERIALIZED VIEW kept AS SELECT email AS shown FROM customers; GRANT SELECT ON kept TO app', then: ['SELECT shown FROM kept', 'TABLE kept'] },
    { name: 'changes the type of a column', ddl: 'DROP VIEW support.directory, customer_directory, safe_customers; DROP MATERIALIZED VIEW customer_totals; ALTER TABLE customers ALTER COLUMN email TYPE bytea USING email::text::bytea', then: ['SELECT email FROM customers', 'SELECT * FROM customers'] },
    { name: 'makes a generated column', ddl: "ALTER TABLE customers ADD COLUMN copied text GENERATED ALWAYS AS (reverse(email::text)) STORED", then: ['SELECT copied FROM customers', 'SELECT * FROM customers'] },
  ];

  test.each(changes)('who $name', async ({ name, ddl, then }) => {
    const client = await RawClient.login({ port: shop.port, password: await shop.token() });
    await client.talk([parse('SELECT * FROM customers', 'all'), sync]);
    await client.query(`PREPARE everything AS SELECT * FROM customers`);
    const look = async (): Promise<void> => {
      for (const text of then) await client.query(text);
      await client.talk([bind([], { statement: 'all' }), execute(), sync]);
      await client.query('EXECUTE everything');
    };
    await shop.postgres.sql(ddl, 'shop');
    await look();
    const seen = { bytes: client.bytes.length, frames: client.frames.length };
    await catalogueIsRead(shop);
    await look();
    // A column that is new, in a table without masks, is not known for as long as a poll of the catalogue takes.
    const from = name === newColumn ? seen : { bytes: 0, frames: 0 };
    expect(leaksIn(client.bytes.subarray(from.bytes), client.frames.slice(from.frames))).toEqual([]);
    // The second check may have had to end the session, before a row passed.
    if (client.isClosed) expect(client.errors.at(-1)).toMatch(/^XX000 .*masked column/);
    client.end();
  });
});

describe('an agent who prepares the ground', () => {
  let shop: ShopGateway;
  beforeAll(async () => {
    shop = await startShopGateway();
    // Whoever captures a call of the mask's own would hear the raw value here.
    await shop.postgres.sql(`
      GRANT CREATE ON SCHEMA public TO app;
      CREATE TABLE heard (what text); GRANT ALL ON heard TO app;
    `, 'shop');
  }, 60_000);
  afterAll(() => shop.close());

  const told = "RAISE NOTICE 'heard %', $1; RETURN $1; END";
  const captures: readonly (readonly [string, string])[] = [
    ['left of varchar', `CREATE FUNCTION public.left(varchar, int) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN ${told} $f$`],
    ['substr of varchar', `CREATE FUNCTION public.substr(varchar, int) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN ${told} $f$`],
    ['strpos of varchar', `CREATE FUNCTION public.strpos(varchar, varchar) RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RAISE NOTICE 'heard %', $1; RETURN 3; END $f$`],
    ['length of varchar', `CREATE FUNCTION public.length(varchar) RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RAISE NOTICE 'heard %', $1; RETURN 3; END $f$`],
    ['right of bpchar', `CREATE FUNCTION public.right(bpchar, int) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN ${told} $f$`],
    ['floor of numeric', `CREATE FUNCTION public.floor(numeric) RETURNS numeric LANGUAGE plpgsql AS $f$ BEGIN ${told} $f$`],
    ['date_trunc', `CREATE FUNCTION public.date_trunc(text, date) RETURNS date LANGUAGE plpgsql AS $f$ BEGIN RAISE NOTICE 'heard %', $2; RETURN $2; END $f$`],
    ['isfinite', `CREATE FUNCTION public.isfinite(date) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN RAISE NOTICE 'heard %', $1; RETURN true; END $f$`],
    ['the operator ||', `CREATE FUNCTION public.tell(varchar, text) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN ${told} $f$; CREATE OPERATOR public.|| (LEFTARG = varchar, RIGHTARG = text, FUNCTION = public.tell)`],
    ['the operator >', `CREATE FUNCTION public.tells(varchar, text) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN RAISE NOTICE 'heard %', $1; RETURN true; END $f$; CREATE OPERATOR public.> (LEFTARG = varchar, RIGHTARG = text, FUNCTION = public.tells)`],
    ['the operator ~~', `CREATE FUNCTION public.likes(varchar, text) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN RAISE NOTICE 'heard %', $1; RETURN true; END $f$; CREATE OPERATOR public.~~ (LEFTARG = varchar, RIGHTARG = text, FUNCTION = public.likes)`],
    ['the operator = of numeric', `CREATE FUNCTION public.same(numeric, int) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN RAISE NOTICE 'heard %', $1; RETURN true; END $f$; CREATE OPERATOR public.= (LEFTARG = numeric, RIGHTARG = int, FUNCTION = public.same)`],
    ['a domain named text', 'CREATE DOMAIN public.text AS pg_catalog.text CHECK (length(VALUE) < 5)'],
    ['a domain named varchar', 'CREATE DOMAIN public.varchar AS pg_catalog.varchar CHECK (length(VALUE) < 5)'],
    ['a cast from varchar', `CREATE DOMAIN public.told AS int; CREATE FUNCTION public.to_told(varchar) RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RAISE NOTICE 'heard %', $1; RETURN 1; END $f$; CREATE CAST (varchar AS int) WITH FUNCTION public.to_told(varchar) AS ASSIGNMENT`],
  ];

  const tempting = [
    'SELECT email, ssn, birth, salary FROM customers', "SELECT email || 'x' FROM customers", "SELECT id FROM customers WHERE email LIKE 'c%'",
    'SELECT left(email, 3), length(ssn), floor(salary) FROM customers', 'SELECT email::text, email::int FROM customers',
  ];

  test.each(captures)('an administrator made %s in public', async (_name, ddl) => {
    await shop.postgres.sql(ddl, 'shop');
    const client = await RawClient.login({ port: shop.port, password: await shop.token() });
    const look = async (): Promise<void> => {
      for (const path of ['"$user", public', 'public, pg_catalog']) {
        await client.query(`SET search_path = ${path}`);
        for (const text of tempting) {
          await client.query(text);
          await client.extended(text, 'binary');
        }
      }
    };
    await look();
    await catalogueIsRead(shop);
    await look();
    expect(leaksIn(client.bytes, client.frames)).toEqual([]);
    expect(client.bytes.toString('latin1')).not.toMatch(/heard [^*c]/);
    client.end();
  });

  test.each([
    ['a temporary domain named text', "CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (VALUE !~ '^canar')"],
    ['a temporary domain named bpchar', "CREATE DOMAIN pg_temp.bpchar AS pg_catalog.text CHECK (VALUE !~ '^101')"],
    ['a temporary table named like a function', 'CREATE TEMP TABLE "left" (a int)'],
    ['a temporary composite type named numeric', 'CREATE TYPE pg_temp.numeric AS (a int)'],
    ['a temporary operator', "CREATE OPERATOR pg_temp.|| (LEFTARG = varchar, RIGHTARG = text, FUNCTION = pg_catalog.textcat)"],
    ['a temporary function', "CREATE FUNCTION pg_temp.left(varchar, int) RETURNS text LANGUAGE sql AS 'SELECT $1::text'"],
    ['a function in public', "CREATE FUNCTION public.upper(varchar) RETURNS text LANGUAGE sql AS 'SELECT $1::text'"],
    ['a rule on a view of its own', 'CREATE TEMP VIEW t AS SELECT 1 AS a'],
    ['a collation of its own', `CREATE COLLATION pg_temp."C" (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`],
  ])('%s', async (_name, ddl) => {
    const client = await RawClient.login({ port: shop.port, password: await shop.token() });
    await client.query(ddl);
    for (const path of ['pg_temp, public', 'public, pg_temp', 'pg_temp, pg_catalog, public']) {
      await client.query(`SET search_path = ${path}`);
      for (const text of ['SELECT email, ssn, birth, salary FROM customers', 'SELECT left(email, 20), upper(email) FROM customers', 'SELECT email::text, ssn::bpchar, salary::numeric FROM customers', "SELECT email || '' FROM customers"]) {
        await client.query(text);
        await client.extended(text);
      }
    }
    expect(leaksIn(client.bytes, client.frames)).toEqual([]);
    client.end();
  });
});

test('a second session sees an edit at once, whichever comes first', async () => {
  const shop = await startShopGateway({ masks: {} });
  try {
    const clients = await Promise.all(Array.from({ length: 4 }, async () => RawClient.login({ port: shop.port, password: await shop.token() })));
    let isMasked = false;
    const readers = clients.map(async (client) => {
      while (!isMasked) await client.query('SELECT email FROM customers WHERE id = 1');
    });
    await eventually('a first row', () => clients.every((client) => rowsOf(client.frames).length > 0));
    await shop.edit((world) => { world.masks = { pii: allMasks }; });
    isMasked = true;
    await Promise.all(readers);
    for (const client of clients) {
      expect(rowsOf(await client.query('SELECT email FROM customers WHERE id = 1'))).toEqual([['c****@leak.example']]);
      client.end();
    }
  } finally {
    await shop.close();
  }
});

test('two subjects who say the same are each answered under their own masks', async () => {
  const shop = await startShopGateway({
    masks: { pii: { ...allMasks, exemptSubjects: [{ serviceAccount: { namespace: 'agents', name: 'auditor' } }] } },
    policies: { tester: openPolicy(), auditor: openPolicy('auditor') },
  });
  try {
    const [tester, auditor] = [await RawClient.login({ port: shop.port, password: await shop.token() }), await RawClient.login({ port: shop.port, password: await shop.token('auditor') })];
    const texts = ['SELECT email FROM customers WHERE id = 1', 'SELECT * FROM customers ORDER BY id', 'COPY customers TO STDOUT', 'PREPARE p AS TABLE customers', 'EXECUTE p'];
    for (let round = 0; round < 3; round++) {
      for (const text of texts) {
        const order = round % 2 === 0 ? [auditor, tester] : [tester, auditor];
        for (const client of order) {
          await client.query(text);
          await client.extended(text, 'binary');
        }
      }
      for (const client of [tester, auditor]) await client.query('DEALLOCATE ALL');
    }
    expect(leaksIn(tester.bytes, tester.frames)).toEqual([]);
    expect(leaksIn(auditor.bytes, auditor.frames)).not.toEqual([]);
    tester.end();
    auditor.end();
  } finally {
    await shop.close();
  }
});
