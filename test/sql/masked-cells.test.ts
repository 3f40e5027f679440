/**
 * The promise itself: two databases that differ only in masked cells whose masks are equal answer byte for byte
 * alike. Random SELECTs, of which PostgreSQL refuses some: then both must refuse alike.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { hashKeySetting } from '../../src/mask/column-mask.ts';
import { datasetLogins, loadDataset } from '../support/postgres.ts';
import { PlannedShop, shopMasks } from './planned-shop.ts';
import { hostile } from './shadow.ts';

let shop: PlannedShop;
let twin: pg.Client;

/** Other values behind the same masks, in every masked column whose mask has equals. */
const otherValues = `
ALTER TABLE public.customers DROP CONSTRAINT customers_email_key CASCADE;
UPDATE public.customers SET
  email = CASE WHEN email IS NULL THEN NULL WHEN email LIKE '%@%' THEN 'cx-' || md5(id::text) || '@leak.example' ELSE email END,
  ssn = CASE WHEN ssn IS NULL THEN NULL ELSE overlay(ssn PLACING to_char(id, 'FM000') FROM 1 FOR 3) END,
  phone = CASE WHEN phone IS NULL THEN NULL ELSE 'other ' || id END,
  notes = CASE WHEN notes IS NULL OR notes = '' THEN notes ELSE 'another note' || id END,
  address = jsonb_build_object('x', id),
  salary = CASE WHEN salary IS NULL THEN NULL ELSE floor(salary / 10000) * 10000 + id END;
UPDATE public.users SET password_hash = 'p' || id, "Reset Token" = 't' || id;
UPDATE public.events SET payload = 'p' || id;
UPDATE public.people SET email = 'e' || id;
UPDATE support.tickets SET body = CASE WHEN body IS NULL THEN NULL ELSE 'b' || id END;
REFRESH MATERIALIZED VIEW public.mv_directory;
VACUUM (FULL, ANALYZE)`;

beforeAll(async () => {
  shop = await PlannedShop.start();
  await shop.postgres.sql(hostile, 'shop');
  await shop.reload();
  await loadDataset(shop.postgres, 'twin');
  await shop.postgres.sql(hostile, 'twin');
  for (const statement of otherValues.split(';')) await shop.postgres.sql(statement, 'twin');
  const { app } = datasetLogins;
  twin = new pg.Client({ host: '127.0.0.1', port: shop.postgres.port, database: 'twin', user: app.user, password: app.password, options: `-c ${hashKeySetting}=a-key-of-tests` });
  await twin.connect();
}, 60_000);

afterAll(async () => {
  await twin.end();
  await shop.stop();
});

interface Source {
  readonly name: string;
  readonly columns: readonly string[];
}

const sources: readonly Source[] = [
  { name: 'customers', columns: ['id', 'name', 'email', 'ssn', 'phone', 'birth', 'salary', 'notes', 'address'] },
  { name: 'public.customer_directory', columns: ['id', 'name', 'email', 'phone'] },
  { name: 'support.directory', columns: ['id', 'name', 'email'] },
  { name: 'safe_customers', columns: ['id', 'name', 'email'] },
  { name: 'mv_directory', columns: ['id', 'name', 'email'] },
  { name: 'users', columns: ['id', 'login', 'password_hash', '"Reset Token"'] },
  { name: 'events', columns: ['id', 'happened', 'payload'] },
  { name: 'events_2026_01', columns: ['id', 'payload'] },
  { name: 'ONLY people', columns: ['id', 'name', 'email'] },
  { name: 'employees', columns: ['id', 'badge', 'email'] },
  { name: 'support.tickets', columns: ['id', 'subject', 'body'] },
  { name: 'orders', columns: ['id', 'total', 'status', 'customer_id'] },
];

const relation = fc.constantFrom(...sources);

function expression(alias: string, { columns }: Source): fc.Arbitrary<string> {
  const column = fc.constantFrom(...columns).map((name) => `${alias}.${name}`);
  return fc.oneof(
    { weight: 4, arbitrary: column },
    column.map((of) => `upper(${of}::text)`),
    column.map((of) => `length(${of}::text)`),
    column.map((of) => `coalesce(${of}::text, '-')`),
    column.map((of) => `md5(${of}::text)`),
    column.map((of) => `(${of} IS NULL)`),
    column.map((of) => `CASE WHEN ${of}::text > 'c' THEN 1 ELSE 2 END`),
    column.map((of) => `(SELECT count(*) FROM customers q WHERE q.email = ${of}::text)`),
    fc.tuple(column, column).map(([a, b]) => `${a}::text || ${b}::text`),
    fc.constant(`${alias}::text`),
    fc.constant(`to_jsonb(${alias})`),
    column.map((of) => `to_jsonb(${alias}) -> '${of.slice(alias.length + 1).replaceAll('"', '')}'`),
    column.map((of) => `count(*) OVER (PARTITION BY ${of})`),
    column.map((of) => `first_value(${of}) OVER (ORDER BY ${alias}.id)`),
  );
}

function condition(alias: string, source: Source): fc.Arbitrary<string> {
  const column = fc.constantFrom(...source.columns).map((name) => `${alias}.${name}`);
  return fc.oneof(
    fc.constant('true'),
    fc.integer({ min: 1, max: 50 }).map((id) => `${alias}.id < ${String(id)}`),
    fc.tuple(column, fc.constantFrom('canary%', '%1%', 'c%', '****%', '%@%')).map(([of, like]) => `${of}::text LIKE '${like}'`),
    fc.tuple(column, column).map(([a, b]) => `${a}::text < ${b}::text`),
    column.map((of) => `${of} IN (SELECT ${of.slice(alias.length + 1)} FROM ${source.name})`),
    column.map((of) => `EXISTS (SELECT FROM profiles p WHERE p.email = ${of}::text OR ${of}::text LIKE '%canary%')`),
    fc.integer({ min: 30_000, max: 80_000 }).map((salary) => `EXISTS (SELECT FROM customers z WHERE z.id = ${alias}.id AND z.salary > ${String(salary)})`),
    column.map((of) => `NOT (${of} IS DISTINCT FROM ${of})`),
  );
}

const simple = relation.chain((source) =>
  fc.tuple(fc.array(expression('a', source), { minLength: 1, maxLength: 3 }), condition('a', source), fc.constantFrom('', 'DISTINCT '), fc.constantFrom('', ' ORDER BY 1', ' ORDER BY 1 DESC LIMIT 5')).map(
    ([items, where, distinct, tail]) => `SELECT ${distinct}${items.join(', ')} FROM ${source.name} AS a WHERE ${where}${tail}`,
  ),
);
const joined = fc.tuple(relation, relation, fc.constantFrom('JOIN', 'LEFT JOIN', 'FULL JOIN')).chain(([left, right, kind]) =>
  fc.tuple(expression('a', left), expression('b', right), condition('b', right), fc.constantFrom(...right.columns)).map(
    ([a, b, where, column]) => `SELECT ${a}, ${b}, b.${column} FROM ${left.name} a ${kind} ${right.name} b ON a.id = b.id WHERE ${where}`,
  ),
);
const grouped = relation.chain((source) =>
  fc.tuple(fc.constantFrom(...source.columns), condition('a', source), fc.constantFrom('count(*)', 'min(a.id)', `max(a.${source.columns.at(-1) ?? 'id'}::text)`, "string_agg(a.id::text, ',' ORDER BY a.id)")).map(
    ([column, where, aggregate]) => `SELECT a.${column}, ${aggregate} FROM ${source.name} a WHERE ${where} GROUP BY a.${column}`,
  ),
);
const starred = relation.map(({ name }) => `SELECT * FROM ${name}`);
const query = fc.oneof(
  { weight: 4, arbitrary: simple },
  { weight: 3, arbitrary: joined },
  { weight: 2, arbitrary: grouped },
  starred,
  simple.map((inner) => `WITH q AS (${inner}) SELECT q FROM q`),
  simple.map((inner) => `SELECT s::text FROM (${inner}) s`),
  fc.tuple(grouped, grouped).map(([a, b]) => `(${a}) UNION ALL (${b})`),
);

async function answerOf(client: pg.Client, text: string): Promise<string> {
  await client.query('BEGIN');
  try {
    const { fields, rows } = await client.query<unknown[]>({ text, rowMode: 'array' });
    const lines = rows.map((row) => JSON.stringify(row));
    return JSON.stringify([fields.map(({ name }) => name), text.includes('ORDER BY 1') ? lines : lines.sort()]);
  } catch (thrown) {
    if (!(thrown instanceof pg.DatabaseError)) throw thrown;
    return JSON.stringify([thrown.code, thrown.message, thrown.detail, thrown.position]);
  } finally {
    await client.query('ROLLBACK');
  }
}

test('the twin differs where nothing is masked', async () => {
  const text = 'SELECT email, ssn, phone, salary, notes, address FROM customers WHERE id = 1';
  expect(await answerOf(twin, text)).not.toEqual(await answerOf(shop.client, text));
});

test('four hundred random statements', async () => {
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(query, async (text) => {
      const plan = shop.plan(text, shopMasks);
      expect(plan.statements.flatMap(({ action }) => [...action.refusals, ...action.functions])).toEqual([]);
      const answer = await answerOf(shop.client, plan.text);
      if (answer.startsWith('[[')) answered++;
      expect(answer).not.toMatch(/canary/);
      expect(await answerOf(twin, plan.text)).toBe(answer);
    }),
    { numRuns: 400, seed: 20_260_101 },
  );
  // A grammar whose statements PostgreSQL mostly refuses would prove nothing.
  expect(answered).toBeGreaterThan(300);
}, 120_000);
