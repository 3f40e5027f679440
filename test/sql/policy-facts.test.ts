/** What policies decide on: each statement's touches, conditions, functions, settings, channels, operations and effects. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { conditionsOf, factsOf } from './facts.ts';
import { PlannedShop, shopMasks } from './planned-shop.ts';

let shop: PlannedShop;

beforeAll(async () => {
  shop = await PlannedShop.start();
  await shop.postgres.sql(readFileSync(join(import.meta.dirname, 'hostile.sql'), 'utf8'), 'shop');
  await shop.reload();
}, 60_000);

afterAll(async () => {
  await shop.stop();
});

/** A statement and one line for each statement in it; see facts.ts. */
const cases: readonly (readonly [text: string, ...facts: string[]])[] = [
  ['SELECT id, total FROM orders', 'Select public.orders(id,total)'],
  ['SELECT * FROM orders', 'Select public.orders(created,customer_id,discount,id,state,status,tax,total)'],
  ['SELECT o.* FROM orders o', 'Select public.orders(created,customer_id,discount,id,state,status,tax,total)'],
  ['SELECT count(*) FROM orders', 'Select public.orders()'],
  ['SELECT 1', ''],
  ['SELECT o FROM orders o', 'Select public.orders(created,customer_id,discount,id,state,status,tax,total)'],
  ['SELECT (o).total FROM orders o', 'Select public.orders(created,customer_id,discount,id,state,status,tax,total)'],
  ["SELECT total FROM orders WHERE status = 'x' ORDER BY created", 'Select public.orders(created,status,total)'],
  ['SELECT a.id FROM orders a JOIN orders b ON a.id = b.customer_id', 'Select public.orders(customer_id,id)'],
  ['SELECT id FROM orders NATURAL JOIN (SELECT 1 AS total) x', 'Select public.orders(id,total)'],
  ['SELECT name FROM customers WHERE EXISTS (SELECT FROM orders WHERE customer_id = customers.id)', 'Select public.customers(id,name); Select public.orders(customer_id)'],
  ['WITH o AS (SELECT id FROM orders) SELECT * FROM o', 'Select public.orders(id)'],
  ['SELECT id FROM public.order_view', 'Select public.order_view(id)'],
  ['SELECT relname FROM pg_class', 'Select pg_catalog.pg_class(relname) catalogue'],
  ['SELECT table_name FROM information_schema.tables', 'Select information_schema.tables(table_name) catalogue'],
  ['SELECT id FROM orders FOR UPDATE', 'Lock public.orders(*); Select public.orders(id)'],
  ['SELECT o.id FROM orders o, customers c FOR SHARE OF o', 'Lock public.orders(*); Select public.customers(); Select public.orders(id)'],
  ['SELECT * FROM (SELECT id FROM orders) s FOR UPDATE', 'Lock public.orders(*); Select public.orders(id)'],
  ['TABLE orders', 'Select public.orders(created,customer_id,discount,id,state,status,tax,total)'],
  ['VALUES (1), (2)', ''],
  ['INSERT INTO orders (customer_id, total) VALUES (1, 2)', 'Insert public.orders(customer_id,total)'],
  ['INSERT INTO orders (customer_id, total) VALUES (1, 2) RETURNING id, tax', 'Insert public.orders(customer_id,total); Select public.orders(id,tax)'],
  ['INSERT INTO public.log SELECT status FROM orders', 'Insert public.log(line); Select public.orders(status)'],
  ['INSERT INTO public.log DEFAULT VALUES', 'Insert public.log()'],
  ['INSERT INTO orders (id, customer_id, total) VALUES (1, 1, 2) ON CONFLICT (id) DO NOTHING', 'Insert public.orders(customer_id,id,total)'],
  ['INSERT INTO orders (id, customer_id, total) VALUES (1, 1, 2) ON CONFLICT (id) DO UPDATE SET total = excluded.total', 'Insert public.orders(customer_id,id,total); Update public.orders(total) where'],
  ["UPDATE orders SET status = 'x' WHERE id = 1001", 'Update public.orders(status) where'],
  ["UPDATE orders SET status = 'x'", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE 1 = 1", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id = id", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id = 1001 OR true", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE true", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id = 1001 AND true", 'Update public.orders(status) where'],
  ["UPDATE orders SET status = 'x' WHERE NOT (id <> 1001)", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id IN (1001, 1002)", 'Update public.orders(status) where'],
  ["UPDATE orders SET status = 'x' WHERE id NOT IN (1001)", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id IN (SELECT id FROM orders)", 'Select public.orders(id); Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id = ANY ('{1001}')", 'Update public.orders(status) where'],
  ["UPDATE orders SET status = 'x' WHERE id = ANY (ARRAY[1001, 1002])", 'Update public.orders(status) where'],
  ["UPDATE orders SET status = 'x' WHERE id = ALL ('{}')", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id = ANY (ARRAY(SELECT id FROM orders))", 'Select public.orders(id); Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id = $1", 'Update public.orders(status) where'],
  ["UPDATE orders SET status = 'x' WHERE id = $1::bigint", 'Update public.orders(status) where'],
  ["UPDATE orders SET status = 'x' WHERE $1 = id", 'Update public.orders(status) where'],
  ["UPDATE orders SET status = 'x' WHERE id BETWEEN 1 AND 1001", 'Update public.orders(status) where'],
  ["UPDATE orders SET status = 'x' WHERE id NOT BETWEEN 5 AND 1", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id > 0", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id = 1000 + 1", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id = (SELECT 1001)", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id = abs(1001)", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id IS NOT NULL", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE coalesce(id, 1) = 1", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id = customer_id", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE id OPERATOR(pg_catalog.=) 1001", 'Update public.orders(status) where'],
  ["UPDATE orders SET status = 'x' WHERE id OPERATOR(public.=) 1001", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE (id, customer_id) = (1001, 1)", 'Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' WHERE CASE WHEN true THEN id = 1001 END", 'Update public.orders(status) everywhere'],
  ["UPDATE orders AS o SET status = 'x' WHERE o.id = 1001", 'Update public.orders(status) where'],
  ["UPDATE orders SET status = 'x' WHERE public.orders.id = 1001", 'Update public.orders(status) where'],
  ["UPDATE orders SET status = 'x' FROM customers c WHERE c.id = 1", 'Select public.customers(id); Update public.orders(status) everywhere'],
  ["UPDATE orders SET status = 'x' FROM customers c WHERE c.id = customer_id AND orders.id = 1001", 'Select public.customers(id); Update public.orders(status) where'],
  ["UPDATE orders SET status = 'x' FROM (SELECT 1001 AS k) s WHERE s.k = 1001", 'Update public.orders(status) everywhere'],
  ["WITH t AS (SELECT 1) UPDATE orders SET status = 'x' WHERE id = 1001", 'Update public.orders(status) where'],
  ["WITH u AS (UPDATE orders SET status = 'x' WHERE id = 1001 RETURNING id) SELECT * FROM u", 'Select public.orders(id); Update public.orders(status) where uncounted'],
  ['WITH u AS (DELETE FROM orders) SELECT 1', 'Delete public.orders(*) everywhere uncounted'],
  ['DELETE FROM orders WHERE id = 1001', 'Delete public.orders(*) where'],
  ['DELETE FROM orders', 'Delete public.orders(*) everywhere'],
  ['DELETE FROM orders USING customers c WHERE c.id = 1 AND orders.customer_id = c.id', 'Delete public.orders(*) everywhere; Select public.customers(id)'],
  ['DELETE FROM ONLY people WHERE id = 1', 'Delete public.people(*) where'],
  ['DELETE FROM orders WHERE id = 1001 RETURNING *', 'Delete public.orders(*) where; Select public.orders(created,customer_id,discount,id,state,status,tax,total)'],
  ['DELETE FROM orders WHERE CURRENT OF c', 'Delete public.orders(*) everywhere'],
  ['MERGE INTO orders o USING (SELECT 1 AS id) s ON o.id = s.id WHEN MATCHED THEN DELETE', 'Delete public.orders(*) everywhere; Merge public.orders(*) everywhere'],
  ["MERGE INTO orders o USING (SELECT 1 AS id) s ON o.id = s.id AND o.id = 1 WHEN MATCHED THEN UPDATE SET status = 'x' WHEN NOT MATCHED THEN INSERT (customer_id, total) VALUES (1, 1)", 'Insert public.orders(customer_id,total); Merge public.orders(*) where; Update public.orders(status) where'],
  ['EXPLAIN SELECT id FROM orders', 'Select public.orders(id)'],
  ['EXPLAIN DELETE FROM orders WHERE id = 1', 'Delete public.orders(*) where'],
  ['EXPLAIN ANALYZE DELETE FROM orders WHERE id = 1', 'Delete public.orders(*) where uncounted'],
  ["EXPLAIN (ANALYZE false) UPDATE orders SET status = 'x'", 'Update public.orders(status) everywhere'],
  ['COPY orders TO STDOUT', 'Copy public.orders(created,customer_id,discount,id,state,status,tax,total); Select public.orders(created,customer_id,discount,id,state,status,tax,total)'],
  ['COPY orders (id, total) TO STDOUT', 'Copy public.orders(id,total); Select public.orders(id,total)'],
  ['COPY orders (customer_id, total) FROM STDIN', 'Copy public.orders(customer_id,total); Insert public.orders(customer_id,total) uncounted'],
  ['COPY (SELECT id FROM orders) TO STDOUT', 'Select public.orders(id); operation Copy'],
  ['COPY (DELETE FROM orders WHERE id = 1 RETURNING id) TO STDOUT', 'Delete public.orders(*) where uncounted; Select public.orders(id); operation Copy'],
  ['TRUNCATE orders', 'Truncate public.orders(*)'],
  ['TRUNCATE orders, public.log', 'Truncate public.log(*); Truncate public.orders(*)'],
  ['LOCK TABLE orders IN SHARE MODE', 'Lock public.orders(*)'],
  ["SELECT nextval('order_numbers')", 'Insert public.order_numbers()'],
  ["SELECT nextval('public.order_numbers'::regclass)", 'Insert public.order_numbers()'],
  ["SELECT setval('public.order_numbers', 1)", 'function pg_catalog.setval'],
  ["SELECT currval('public.order_numbers')", ''],
  ['SELECT add_tax(1)', 'function public.add_tax'],
  ['SELECT public.add_tax(total) FROM orders', 'Select public.orders(total); function public.add_tax'],
  ['SELECT pg_advisory_lock(1)', 'function pg_catalog.pg_advisory_lock'],
  ['SELECT pg_sleep(0)', ''],
  ["SELECT pg_notify('a', 'b')", 'built-in pg_catalog.pg_notify'],
  ['CALL public.add_tax(1)', 'function public.add_tax; operation Call'],
  ["SET work_mem = '4MB'", ''],
  ['SET enable_seqscan = off', 'setting enable_seqscan'],
  ['SET LOCAL statement_timeout = 5', ''],
  ["SELECT set_config('enable_sort', 'off', true)", 'setting enable_sort'],
  ['SET search_path = support, public', 'effect SearchPath'],
  ['RESET search_path', 'effect SearchPath'],
  ['RESET ALL', 'effect SearchPath'],
  ['SHOW server_version', ''],
  ['BEGIN', 'effect Transaction Begin'],
  ['START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY', 'effect Transaction Begin'],
  ['COMMIT AND CHAIN', 'effect Transaction Commit'],
  ['ROLLBACK', 'effect Transaction Rollback'],
  ['SAVEPOINT a', 'effect Transaction a Savepoint'],
  ['RELEASE a', 'effect Transaction a Release'],
  ['ROLLBACK TO a', 'effect Transaction a RollbackTo'],
  ['SET TRANSACTION READ ONLY', ''],
  ['SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED', ''],
  ['LISTEN a', 'channel a; operation Listen'],
  ["NOTIFY a, 'x'", 'channel a; operation Listen'],
  ['UNLISTEN *', ''],
  ['PREPARE p AS DELETE FROM orders WHERE id = $1', 'Delete public.orders(*) where; effect Prepare p'],
  ['EXECUTE p(1)', 'effect Execute p'],
  ['DEALLOCATE p', 'effect Deallocate p'],
  ['DEALLOCATE ALL', 'effect Deallocate'],
  ['DECLARE c CURSOR FOR SELECT id FROM orders', 'Select public.orders(id); effect DeclareCursor c'],
  ['FETCH 1 FROM c', 'effect Fetch c'],
  ['MOVE c', 'effect Fetch c'],
  ['CLOSE c', 'effect CloseCursor c'],
  ['CLOSE ALL', 'effect CloseCursor'],
  ['DISCARD ALL', 'effect Discard'],
  ['DISCARD TEMP', 'effect Discard'],
  ["SET chaperone.reason = 'because'", 'effect Reason'],
  ["CREATE TABLE public.t (a int, b text DEFAULT 'x')", 'Ddl public.t(*); effect CreateRelation t; effect CatalogueChange'],
  ['CREATE TABLE support.t (LIKE orders)', 'Ddl public.orders(*); Ddl support.t(*); effect CreateRelation t; effect CatalogueChange'],
  ['CREATE TEMP TABLE t (a int)', 'Ddl pg_temp.t(*) own; effect CreateTemporary t'],
  ['CREATE TABLE pg_temp.t (a int)', 'Ddl pg_temp.t(*) own; effect CreateTemporary t'],
  ['CREATE TEMP TABLE t AS SELECT id FROM orders', 'Ddl pg_temp.t(*) own; Select public.orders(id); effect CreateTemporary t'],
  ['CREATE TABLE public.t AS SELECT id FROM orders', 'Ddl public.t(*); Select public.orders(id); effect CreateRelation t; effect CatalogueChange'],
  ['SELECT id INTO public.t FROM orders', 'Ddl public.t(*); Select public.orders(id); effect CreateRelation t; effect CatalogueChange'],
  ['CREATE VIEW public.v AS SELECT id FROM orders', 'Ddl public.v(*); Select public.orders(id); effect CreateRelation v; effect CatalogueChange'],
  ['CREATE INDEX ON orders (status)', 'Ddl public.orders(*); effect CatalogueChange'],
  ['CREATE INDEX ON orders (add_tax(total))', 'Ddl public.orders(*); function public.add_tax; effect CatalogueChange'],
  ['ALTER TABLE orders ADD COLUMN x int', 'Ddl public.orders(*); effect CatalogueChange'],
  ['ALTER TABLE orders RENAME TO o', 'Ddl public.orders(*); effect RenameRelation; effect CatalogueChange'],
  ['ALTER TABLE orders RENAME COLUMN status TO s', 'Ddl public.orders(*); effect CatalogueChange'],
  ['DROP TABLE orders', 'Ddl public.orders(*); effect DropRelations; effect CatalogueChange'],
  ['DROP TABLE IF EXISTS public.log, orders', 'Ddl public.log(*); Ddl public.orders(*); effect DropRelations; effect CatalogueChange'],
  ['DROP VIEW public.order_view', 'Ddl public.order_view(*); effect DropRelations; effect CatalogueChange'],
  ['CREATE SCHEMA mine', 'operation Ddl; effect CatalogueChange'],
  ['CREATE SEQUENCE public.s', 'Ddl public.s(*); effect CreateRelation s; effect CatalogueChange'],
  ["CREATE TYPE public.e AS ENUM ('a')", 'operation Ddl; effect CatalogueChange'],
  ["COMMENT ON TABLE orders IS 'x'", 'Ddl public.orders(*); effect CatalogueChange'],
  ["COMMENT ON COLUMN orders.status IS 'x'", 'Ddl public.orders(*); effect CatalogueChange'],
  ['GRANT SELECT ON orders TO app', 'Grant public.orders(*); effect CatalogueChange'],
  ['GRANT app TO introspection', 'operation Grant; effect CatalogueChange'],
  ["CREATE ROLE x PASSWORD 'secret'", 'operation Grant; effect CatalogueChange'],
  ["ALTER ROLE app SET work_mem = '1MB'", 'operation Grant; effect CatalogueChange'],
  ['VACUUM', 'operation Maintenance'],
  ['VACUUM ANALYZE orders', 'Maintenance public.orders(*)'],
  ['ANALYZE orders (status)', 'Maintenance public.orders(*)'],
  ['REINDEX TABLE orders', 'Maintenance public.orders(*)'],
  ['REFRESH MATERIALIZED VIEW public.customer_totals', 'Maintenance public.customer_totals(*)'],
  ["CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", 'operation Ddl; effect CatalogueChange'],
  ['CREATE EXTENSION citext', 'operation Ddl; effect CatalogueChange'],
  ['SELECT id FROM no_such', 'refused UnknownObject'],
  ['SELECT id FROM orders; DELETE FROM orders WHERE id = 1', 'Select public.orders(id)', 'Delete public.orders(*) where'],
  ['CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (1); SELECT a FROM t; DROP TABLE t', 'Ddl pg_temp.t(*) own; effect CreateTemporary t', 'Insert pg_temp.t() own', 'Select pg_temp.t(a) own', 'Ddl pg_temp.t(*) own; effect DropRelations'],
  ['SET CONSTRAINTS ALL IMMEDIATE', ''],
  ['SELECT jsonb_agg(o) FROM orders o', 'Select public.orders(created,customer_id,discount,id,state,status,tax,total)'],
  ['SELECT status FROM orders GROUP BY status HAVING sum(total) > 1', 'Select public.orders(status,total)'],
  ['SELECT id FROM orders ORDER BY (SELECT 1)', 'Select public.orders(id)'],
  ["INSERT INTO orders (customer_id, total) SELECT id, 1 FROM customers WHERE name = 'x'", 'Insert public.orders(customer_id,total); Select public.customers(id,name)'],
  ["UPDATE people SET name = 'x' WHERE id = 1", 'Update public.people(name) where'],
  ['SELECT happened FROM events WHERE id = 1', 'Select public.events(happened,id)'],
];

describe('without masks', () => {
  test.each(cases)('%s', (...[text, ...facts]) => {
    expect(factsOf(shop.plan(text, []))).toEqual(facts);
  });

  test.each(cases)('is forwarded as it came: %s', (...[text]) => {
    const plan = shop.plan(text, []);
    // Only names that an earlier statement of the text could have changed the meaning of are written out.
    const isPinned = plan.statements.some(({ effects }) => effects.some(({ kind }) => kind === 'CreateTemporary' || kind === 'Prepare'));
    if (!isPinned) expect(plan.text).toBe(text);
  });
});

describe('with masks', () => {
  test('columns read through a masked table are those that were named', () => {
    expect(factsOf(shop.plan('SELECT name FROM customers WHERE id = 1'))).toEqual(['Select public.customers(id,name)']);
  });

  test('values for masked columns are not recorded, parameters are named', () => {
    const plan = shop.plan("UPDATE customers SET phone = upper('my-number'), name = 'Ada', notes = $1 WHERE id = 1");
    expect(plan.recordedText).not.toContain('my-number');
    expect(plan.recordedText).toContain("name = 'Ada'");
    expect(plan.statements[0]?.secretParameters).toEqual([1]);
  });

  test('passwords are not recorded', () => {
    expect(shop.plan("CREATE ROLE x PASSWORD 'open-sesame'").recordedText).toBe("CREATE ROLE x PASSWORD '[withheld]'");
    expect(shop.plan("CREATE ROLE x PASSWORD 'open-sesame' oops").recordedText).not.toContain('open-sesame');
    expect(shop.plan('CREATE ROLE x PASSWORD $a$open-sesame$a$ oops').recordedText).not.toContain('open-sesame');
  });

  test('an unknown relation is refused the way PostgreSQL does, with a position', () => {
    const [refusal] = shop.plan('SELECT ü FROM no_such').statements[0]?.action.refusals ?? [];
    expect(refusal).toMatchObject({ code: 'UnknownObject', sqlstate: '42P01', position: Buffer.byteLength('SELECT ü FROM ') });
  });

  test('errors are withheld where constraints may speak of masked cells, late ones too', () => {
    const withheld = (text: string): boolean | undefined => shop.plan(text).statements[0]?.withholdErrors;
    expect(withheld('COMMIT')).toBe(true);
    expect(withheld('SET CONSTRAINTS ALL IMMEDIATE')).toBe(true);
    expect(withheld("UPDATE customers SET name = 'x' WHERE id = 1")).toBe(true);
    expect(withheld("UPDATE orders SET status = 'x' WHERE id = 1")).toBe(false);
  });

  test('every masked column is named as one that must not be the origin of a result', () => {
    const origins = shop.plan('SELECT 1').statements[0]?.mustNotOriginate;
    const customers = [...shop.catalogue.relations.values()].find(({ name }) => name === 'customers');
    expect([...(origins?.get(customers?.oid ?? 0) ?? [])].sort()).toEqual([3, 4, 5, 7, 8, 9]);
  });
});

describe('what a write reads of its own target', () => {
  const facts = (text: string): readonly string[] => factsOf(shop.plan(text, []));

  test('conditions belong to the write', () => {
    expect(facts("UPDATE orders SET status = 'x' WHERE total > 5 AND id = 1")).toEqual(['Update public.orders(status) where']);
  });

  test.each([
    ["UPDATE orders SET status = 'x' WHERE total > 5 AND id = 1", 'orders(id,total) for Update'],
    ['UPDATE orders SET total = total + 1 WHERE id = 1', 'orders(id,total) for Update'],
    ['DELETE FROM orders o WHERE o IS NOT NULL', 'orders(created,customer_id,discount,id,state,status,tax,total) for Delete'],
    ['DELETE FROM orders WHERE brand_new = 1', 'orders(brand_new) for Delete'],
    ["INSERT INTO orders (id, customer_id, total) VALUES (1, 1, 1) ON CONFLICT (id) DO UPDATE SET total = 1 WHERE orders.state = 'open'", 'orders(state) for Update'],
    ['MERGE INTO orders o USING (SELECT 1 AS x) s ON o.id = s.x WHEN MATCHED AND o.total > 1 THEN DELETE', 'orders(id,total) for Merge'],
  ])('what conditions read must be covered: %s', (text, expected) => {
    expect(conditionsOf(shop.plan(text, []))).toEqual([expected]);
  });

  test('copying one column into another is a read', () => {
    expect(facts('UPDATE orders SET status = state::text WHERE id = 1')).toEqual(['Select public.orders(state); Update public.orders(status) where']);
    expect(facts('UPDATE orders SET status = (SELECT orders.state::text) WHERE id = 1')).toEqual(['Select public.orders(state); Update public.orders(status) where']);
  });

  test('a column computed from itself is not', () => {
    expect(facts('UPDATE orders SET total = total + 1 WHERE id = 1')).toEqual(['Update public.orders(total) where']);
  });

  test('a column that the catalogue does not know counts as read', () => {
    expect(facts('SELECT id, brand_new FROM orders')).toEqual(['Select public.orders(brand_new,id)']);
  });

  test('an upsert of rows that a query gives touches as many rows as it likes', () => {
    expect(facts('INSERT INTO orders (id, customer_id, total) SELECT id, 1, 2 FROM orders ON CONFLICT (id) DO UPDATE SET total = excluded.total')).toEqual([
      'Insert public.orders(customer_id,id,total); Select public.orders(id); Update public.orders(total) everywhere',
    ]);
  });
});

describe('a relation that the open transaction made', () => {
  const created = new Set(['"public"."fresh"']);

  test('may be used before anybody else sees it', () => {
    expect(factsOf(shop.plan('INSERT INTO fresh (a) VALUES (1)', shopMasks, { created }))).toEqual(['Insert public.fresh()']);
    expect(factsOf(shop.plan('SELECT a FROM public.fresh', shopMasks, { created }))).toEqual(['Select public.fresh(a)']);
  });

  test('may be used in the very text that makes it', () => {
    expect(factsOf(shop.plan('BEGIN; CREATE TABLE fresh (a int); INSERT INTO fresh VALUES (1); COMMIT', [])).at(2)).toBe('Insert public.fresh()');
  });

  test('does not hide one that the catalogue knows', async () => {
    const hidden = new Set(['"support"."customers"']);
    const { rows } = await shop.run('SELECT email FROM customers WHERE id = 1', shopMasks, { created: hidden });
    expect(rows).toEqual([{ email: 'c****@leak.example' }]);
  });

  test('is unknown in another schema', () => {
    expect(factsOf(shop.plan('SELECT a FROM support.fresh', [], { created }))).toEqual(['refused UnknownObject']);
  });
});

describe('names without quotes', () => {
  test('are folded as PostgreSQL does it, ASCII letters alone', () => {
    expect(factsOf(shop.plan("SELECT nextval('PUBLIC.Order_Numbers')", []))).toEqual(['Insert public.order_numbers()']);
    const effects = shop.plan("SELECT set_config('search_path', 'Support, ÄB, \"Quoted\"', false)", []).statements[0]?.effects;
    expect(effects).toEqual([{ kind: 'SearchPath', path: ['support', 'Äb', 'Quoted'], isLocal: false }]);
  });
});

describe('once names may have changed their meaning', () => {
  const dirty = { isDirty: true, temporaries: new Map([['t', { maskSet: '' }]]) };

  /** A statement about the temporary table t, which may have been rolled back meanwhile. */
  const kinds = [
    'SELECT * FROM t', 'TABLE t', 'INSERT INTO t VALUES (1)', 'UPDATE t SET a = 1', 'DELETE FROM t', 'MERGE INTO t USING (SELECT 1 AS x) s ON true WHEN MATCHED THEN DELETE',
    'COPY t TO STDOUT', 'COPY t FROM STDIN', 'TRUNCATE t', 'LOCK TABLE t', 'DROP TABLE t', 'ALTER TABLE t ADD COLUMN b int', 'ALTER TABLE t RENAME TO u', 'CREATE INDEX ON t (a)', "COMMENT ON TABLE t IS 'x'",
    "COMMENT ON COLUMN t.a IS 'x'", 'ANALYZE t', 'VACUUM t', 'REINDEX TABLE t', 'GRANT SELECT ON t TO app', 'DECLARE c CURSOR FOR SELECT * FROM t', 'EXPLAIN SELECT * FROM t', 'PREPARE p AS SELECT * FROM t',
    'CREATE VIEW pg_temp.v AS SELECT * FROM t', 'CREATE TEMP TABLE u AS SELECT * FROM t', 'SELECT * INTO TEMP u FROM t', 'DROP TABLE IF EXISTS t', 'CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch_ticket()',
  ];

  test.each(kinds)('%s says which t it means', (text) => {
    const plan = shop.plan(text, [], { ...dirty, temporaries: new Map([['t', { maskSet: shop.context([]).masks.id }]]) });
    const refusals = plan.statements.flatMap(({ action }) => action.refusals.map(({ code }) => code));
    if (refusals.length === 0) expect(plan.text).toMatch(/pg_temp\.t\b/);
    else expect(refusals).toEqual(['SessionPinned']);
  });

  test.each(kinds.map((text) => text.replace(/\bt\b(?! TO STD|\()/, 'orders').replace('t.a', 'orders.status').replace('FROM t', 'FROM orders')))('%s says which schema it means', (text) => {
    const plan = shop.plan(text, [], { isDirty: true });
    const refusals = plan.statements.flatMap(({ action }) => action.refusals.map(({ code }) => code));
    if (refusals.length === 0) expect(plan.text).toMatch(/"public"\.(?:orders|t)\b/);
    else expect(['SessionPinned', 'UnknownObject']).toContain(refusals[0]);
  });

  test('a temporary table filled under other masks is refused', () => {
    const plan = shop.plan('SELECT * FROM t', [], dirty);
    expect(plan.statements[0]?.action.refusals).toMatchObject([{ code: 'StaleCatalogue' }]);
  });
});
