import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import type { Mask } from '../../src/bundle/bundle.ts';
import { Secret } from '../../src/lib/secret.ts';
import { type ColumnType, hashKeySetting } from '../../src/mask/column-mask.ts';
import { maskSql } from '../../src/mask/mask-sql.ts';
import { maskValue } from '../../src/mask/mask-value.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';

const key = 'key-of-the-test';

const masks: readonly Mask[] = [
  { type: 'Null' },
  { type: 'Redact' },
  { type: 'Hash' },
  { type: 'Truncate', unit: 'Year' },
  { type: 'Truncate', unit: 'Month' },
  ...[1, 7, 1000, Number.MAX_SAFE_INTEGER, 0, 0.5, Number.NaN].map((width): Mask => ({ type: 'Range', width })),
  ...[0, 1, 3, 2 ** 40, -1].flatMap((count): Mask[] => [{ type: 'KeepFirst', count }, { type: 'KeepLast', count }]),
  { type: 'Email' },
];

const texts = ["''", "' '", "'a'", "'abcd'", "'bob@example.com'", "'@'", "'a@'", "'@b'", "'a@b@c'", "'héé@ü.de'", "'日本語日本語'", "'😀😀😀😀😀'", "E'\\\\'", "E'a\\nb'", 'NULL'];
const numbers = ["'NaN'", "'Infinity'", "'-Infinity'", '0', '-0.5', '99.99', '-99.99', 'NULL'];
const moments = ["'infinity'", "'-infinity'", "'2024-02-29'", "'4713-12-31 BC'", "'4713-11-24 BC'", "'4712-01-01 BC'", "'0001-01-01 BC'", "'294276-12-31'", 'NULL'];

/** Declared types, with values that are at the edge of what they hold. */
const columns: Readonly<Record<string, readonly string[]>> = {
  text: [...texts, "repeat('x', 100000)", "repeat('@', 1000)"],
  'character varying': texts,
  'character varying(3)': texts.map((value) => `CAST(${value} AS varchar(3))`),
  'character varying(50)': texts,
  'character(5)': texts.map((value) => `CAST(${value} AS char(5))`),
  name: texts,
  '"char"': ["'x'", "''", 'NULL'],
  smallint: ['-32768', '32767', '-1', '0', 'NULL'],
  integer: ['-2147483648', '2147483647', '-1', '0', 'NULL'],
  bigint: ['-9223372036854775808', '9223372036854775807', '-1', '0', 'NULL'],
  numeric: [...numbers, "CAST('-1e131071' AS numeric)", "CAST('9e131071' AS numeric)", "CAST('1e-16000' AS numeric)"],
  'numeric(4,2)': ["'NaN'", '99.99', '-99.99', '0.01', 'NULL'],
  'numeric(2,0)': ['99', '-99', 'NULL'],
  'numeric(3,-2)': ['99900', '-99900', '0', 'NULL'],
  'numeric(2,4)': ['0.0099', '-0.0099', 'NULL'],
  'numeric(1000,0)': ["CAST('-1e999' AS numeric)", "CAST('9e999' AS numeric)"],
  real: [...numbers, '3.4e38', '-3.4e38', '1e-45'],
  'double precision': [...numbers, '1.7e308', '-1.7e308', '5e-324'],
  boolean: ['true', 'false', 'NULL'],
  date: [...moments, "'5874897-12-31'"],
  'timestamp without time zone': moments,
  'timestamp(3) without time zone': moments,
  'timestamp with time zone': moments,
  'time without time zone': ["'24:00'", "'00:00'"],
  'time with time zone': ["'24:00+15:59'"],
  interval: ["'178000000 years'", "'-1 day'"],
  'interval day to second(3)': ["'1 day'"],
  uuid: ["'550e8400-e29b-41d4-a716-446655440000'", 'NULL'],
  bytea: ["''", "decode('00ff5c', 'hex')", 'NULL'],
  json: ["'1'", `'{"a": [1, null]}'`, 'NULL'],
  jsonb: ["'1'", `'{"a": [1, null]}'`, 'NULL'],
  xml: ["'<a/>'"],
  inet: ["'10.0.0.1/8'", "'::1'"],
  cidr: ["'10.0.0.0/8'"],
  macaddr: ["'08:00:2b:01:02:03'"],
  'bit(3)': ["B'101'"],
  'bit varying(5)': ["B'1'"],
  money: ["'1.00'"],
  oid: ['4294967295'],
  tsvector: ["'a b'"],
  point: ["'(1,2)'"],
  int4range: ["'[1,5)'"],
  int4multirange: ["'{[1,5)}'"],
  'text[]': ["'{}'", "'{bob@example.com,NULL,abcdefg}'", "'{{a,b},{c,d}}'", "'[0:1]={a@b,b}'", 'NULL'],
  'character varying(3)[]': ["'{abc,a@b,NULL}'"],
  'character(4)[]': ["'{abc,a@b,NULL}'"],
  'integer[]': ["'{-2147483648,2147483647,NULL}'", "'{}'", "'{{1},{2}}'"],
  'numeric(4,2)[]': ["'{-99.99,99.99,NaN}'"],
  'date[]': ["'{infinity,5874897-12-31,NULL,2024-02-29}'"],
  'jsonb[]': [`'{"1","{}"}'`],
  'bytea[]': ["array[decode('00', 'hex')]"],
  'public.mood': ["'happy'", 'NULL'],
  'public.mood[]': ["'{happy}'"],
  'public.pair': ["'(1,b)'", 'NULL'],
  'public.address': ["'bob@example.com'", 'NULL'],
  'public.address[]': ["'{bob@example.com}'"],
  'public.small': ['7', 'NULL'],
};

const schema = `
  CREATE TYPE public.mood AS ENUM ('happy', 'sad');
  CREATE TYPE public.pair AS (a int, b text);
  CREATE DOMAIN public.address AS varchar(30) NOT NULL CHECK (VALUE LIKE '%@%.com');
  CREATE DOMAIN public.small AS numeric(2,0) CHECK (VALUE < 10);
  ALTER DOMAIN public.address DROP NOT NULL;`;

interface Described {
  readonly base: string;
  readonly schema: string;
  readonly category: string;
  readonly is_array: boolean;
  readonly is_domain: boolean;
  readonly declared: string;
  readonly base_sql: string;
}

/** What the catalogue says of a type, as the sql room reads it. */
async function describeType(client: pg.Client, declared: string): Promise<ColumnType> {
  await client.query(`CREATE TEMP TABLE described (c ${declared})`);
  const { rows } = await client.query<Described>(`
    SELECT e.typname AS base, n.nspname AS schema, b.typcategory AS category, b.typcategory = 'A' AS is_array, t.typtype = 'd' AS is_domain,
      format_type(t.oid, a.atttypmod) AS declared, format_type(b.oid, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE -1 END) AS base_sql
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    JOIN pg_type x ON x.oid = CASE WHEN b.typcategory = 'A' THEN b.typelem ELSE b.oid END
    JOIN pg_type e ON e.oid = CASE WHEN x.typtype = 'd' THEN x.typbasetype ELSE x.oid END JOIN pg_namespace n ON n.oid = e.typnamespace
    WHERE a.attrelid = 'pg_temp.described'::regclass AND a.attnum = 1`);
  await client.query('DROP TABLE pg_temp.described');
  const row = rows[0];
  if (row === undefined) throw new Error(`no type ${declared}`);
  return {
    baseName: row.schema === 'pg_catalog' ? row.base : '',
    isArray: row.is_array,
    kind: row.is_domain ? 'Domain' : 'Base',
    category: row.category,
    declaredSql: row.declared,
    isDomain: row.is_domain,
    baseSql: row.is_domain ? row.base_sql : '',
  };
}

const textType: ColumnType = { baseName: 'text', isArray: false, kind: 'Base', category: 'S', declaredSql: 'text', isDomain: false, baseSql: '' };

describe.each([18, 15] as const)('PostgreSQL %i', (version) => {
  let server: Postgres;
  let client: pg.Client;

  async function connect(): Promise<pg.Client> {
    const made = new pg.Client({ host: server.socketDirectory, port: server.port, user: server.superuser.user, database: 'postgres', options: `-c ${hashKeySetting}=${key}` });
    await made.connect();
    return made;
  }

  async function only<T>(sql: string, values: readonly unknown[] = []): Promise<T[]> {
    const { rows } = await client.query<{ v: T }>(sql, [...values]);
    return rows.map(({ v }) => v);
  }

  beforeAll(async () => {
    server = await startPostgres({ version });
    client = await connect();
    await client.query(schema);
    await client.query("SET search_path TO ''");
  });

  afterAll(async () => {
    await client.end();
    await server.stop();
  });

  test.each(Object.entries(columns))('no mask raises for a value of %s, and the type stays', async (declared, values) => {
    const type = await describeType(client, declared);
    await client.query(`CREATE TEMP TABLE cells (c ${declared})`);
    for (const value of values) await client.query(`INSERT INTO pg_temp.cells VALUES (${value})`);
    for (const mask of masks) {
      const masked = maskSql(mask, 'q.c', type);
      await client.query(`CREATE TEMP TABLE masked AS SELECT q.c AS raw, ${masked} AS c FROM pg_temp.cells q`);
      const [kept] = await only<string>("SELECT format_type(atttypid, atttypmod) AS v FROM pg_attribute WHERE attrelid = 'pg_temp.masked'::regclass AND attname = 'c'");
      expect(kept).toBe(type.isDomain ? type.baseSql : type.declaredSql);
      expect(await only('SELECT 1 AS v FROM pg_temp.masked WHERE raw IS NULL AND c IS NOT NULL')).toEqual([]);
      await client.query('DROP TABLE pg_temp.masked');
    }
    await client.query('DROP TABLE pg_temp.cells');
  });

  test.each<[Mask, string, string, string | null]>([
    [{ type: 'Truncate', unit: 'Month' }, 'date', '2024-02-29', '2024-02-01'],
    [{ type: 'Truncate', unit: 'Year' }, 'date', '0044-03-15 BC', '0044-01-01 BC'],
    [{ type: 'Truncate', unit: 'Year' }, 'date', 'infinity', 'infinity'],
    [{ type: 'Truncate', unit: 'Year' }, 'date', '5874897-12-31', null],
    [{ type: 'Truncate', unit: 'Year' }, 'timestamp without time zone', '2024-02-29 12:34:56', '2024-01-01 00:00:00'],
    [{ type: 'Range', width: 10 }, 'integer', '-5', '-10'],
    [{ type: 'Range', width: 10 }, 'integer', '-2147483648', null],
    [{ type: 'Range', width: 1000 }, 'numeric', '-0.000000001', '-1000'],
    [{ type: 'Range', width: 3 }, 'numeric(4,2)', '99.99', '99.00'],
    [{ type: 'Range', width: 10 }, 'numeric', '12.345678', '10'],
    [{ type: 'Range', width: 10 }, 'double precision', '19.999', '10'],
    [{ type: 'Range', width: 10 }, 'double precision', 'NaN', null],
    [{ type: 'KeepLast', count: 4 }, 'text[]', '{123-45-6789,NULL,1}', '{****6789,NULL,****}'],
    [{ type: 'Redact' }, 'text[]', '{a,b,c}', '{****}'],
    [{ type: 'Redact' }, 'jsonb', '{"a": 1}', '"****"'],
    [{ type: 'Redact' }, 'bytea', '\\x00', '\\x'],
    [{ type: 'Redact' }, 'integer', '1', null],
    [{ type: 'Email' }, 'public.address', 'bob@example.com', 'b****@example.com'],
  ])('%j of %s %j is %j', async (mask, declared, value, expected) => {
    const type = await describeType(client, declared);
    const masked = maskSql(mask, 'q.c', type);
    expect(await only(`SELECT CAST(${masked} AS text) AS v FROM (SELECT CAST($1 AS ${declared}) AS c OFFSET 0) q`, [value])).toEqual([expected]);
  });

  test('the gateway masks a text as PostgreSQL does', async () => {
    const alphabet = fc.constantFrom('a', 'B', '@', '.', ' ', '*', 'é', '日', '😀', "'", '\\', '\n');
    const value = fc.string({ unit: fc.oneof(alphabet, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 })), maxLength: 12 });
    const sample = fc.sample(value.filter((text) => !text.includes('\0') && text.isWellFormed()), 500);
    sample.push(`${'a'.repeat(250)}@b.c`, `${'a'.repeat(251)}@b.c`);
    for (const mask of masks) {
      const inSql = await only(`SELECT ${maskSql(mask, 'q.c', textType)} AS v FROM unnest($1::text[]) WITH ORDINALITY q(c, o) ORDER BY o`, [sample]);
      expect(inSql).toEqual(sample.map((text) => maskValue(mask, text, new Secret(key))));
    }
  });

  test('equal values have equal digests, however they are written', async () => {
    const digestOf = (declared: ColumnType): string => maskSql({ type: 'Hash' }, 'q.c', declared);
    const numeric = await describeType(client, 'numeric');
    const [count] = await only(`SELECT count(DISTINCT ${digestOf(numeric)})::int AS v FROM (VALUES (1.0), (1.00), (1)) q(c)`);
    expect(count).toBe(1);
    const padded = await describeType(client, 'character(5)');
    const same = await only(`SELECT ${digestOf(padded)} = left(${digestOf(textType)}, 5) AS v FROM (VALUES ('a'::char(5))) q(c)`);
    expect(same).toEqual([true]);
  });

  test('the hash key is in no plan', async () => {
    const masked = maskSql({ type: 'Hash' }, 'q.c', textType);
    const plan = await client.query({ text: `EXPLAIN (VERBOSE, COSTS OFF) SELECT ${masked} FROM (SELECT 'fixed'::text AS c) q WHERE ${masked} <> ''`, rowMode: 'array' });
    expect(JSON.stringify(plan.rows)).toContain(hashKeySetting);
    expect(JSON.stringify(plan.rows)).not.toContain(key);
  });

  test('the session time zone does not move a truncated moment', async () => {
    const masked = maskSql({ type: 'Truncate', unit: 'Year' }, 'q.c', await describeType(client, 'timestamp with time zone'));
    const read = (): Promise<unknown[]> => only(`SELECT extract(epoch FROM ${masked})::text AS v FROM (SELECT '2024-01-01 00:30+00'::timestamptz AS c OFFSET 0) q`);
    await client.query("SET TimeZone TO 'Pacific/Honolulu'");
    const there = await read();
    await client.query('RESET TimeZone');
    expect(there).toEqual(await read());
  });

  test('a column under a nondeterministic collation is masked, and keeps it', async () => {
    await client.query("CREATE COLLATION IF NOT EXISTS public.anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
    const masked = maskSql({ type: 'Email' }, 'q.c', textType);
    const rows = await only(`SELECT ${masked} = 'B****@EXAMPLE.COM' AS v FROM (SELECT 'bob@example.com'::text COLLATE public.anycase AS c OFFSET 0) q`);
    expect(rows).toEqual([true]);
  });

  test('nothing of the same name is called instead, from public or pg_temp, on any search path', async () => {
    const trap = await connect();
    const raise = "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'captured'; END $$";
    const names = ['text', 'date', 'uuid', 'bytea', 'jsonb', 'json', 'name', 'int8', 'int4', 'numeric', 'timestamp', 'timestamptz', 'varchar', 'bpchar', 'bit', 'float8', 'interval'];
    try {
      await trap.query('CREATE SCHEMA trap');
      for (const name of names) {
        // NOT NULL and CHECK would both see the raw value, or the masked one, or the literal.
        for (const place of ['pg_temp', 'trap']) await trap.query(`CREATE DOMAIN ${place}."${name}" AS pg_catalog."${name}" NOT NULL CHECK (false)`);
      }
      await trap.query('SET search_path TO pg_temp, trap, pg_catalog');
      for (const signature of [
        'left(pg_catalog.text, pg_catalog.int4)', 'right(pg_catalog.text, pg_catalog.int4)', 'length(pg_catalog.text)', 'strpos(pg_catalog.text, pg_catalog.text)',
        'substr(pg_catalog.text, pg_catalog.int4)', 'sha256(pg_catalog.bytea)', 'encode(pg_catalog.bytea, pg_catalog.text)', 'current_setting(pg_catalog.text)',
        'convert_to(pg_catalog.text, pg_catalog.name)', 'date_trunc(pg_catalog.text, pg_catalog.timestamp)', 'isfinite(pg_catalog.date)', 'floor(pg_catalog.numeric)',
      ]) {
        for (const place of ['pg_temp', 'trap']) await trap.query(`CREATE FUNCTION ${place}.${signature} RETURNS pg_catalog.text ${raise}`);
      }
      const operands: readonly (readonly [string, string])[] = [['||', 'text'], ['=', 'int4'], ['>', 'int4'], ['<=', 'int4'], ['+', 'int4'], ['-', 'int8'], ['%', 'int8'], ['&', 'int8'], ['>=', 'int8'], ['||', 'bytea']];
      for (const [operator, operand] of operands) {
        const result = ['||', '+', '-', '%', '&'].includes(operator) ? operand : 'bool';
        await trap.query(`CREATE OR REPLACE FUNCTION trap.caught_${result}(pg_catalog.${operand}, pg_catalog.${operand}) RETURNS pg_catalog.${result} ${raise}`);
        await trap.query(`CREATE OPERATOR trap.${operator} (FUNCTION = trap.caught_${result}, LEFTARG = pg_catalog.${operand}, RIGHTARG = pg_catalog.${operand})`);
      }
      // The traps are live: what is not pinned falls into them.
      await expect(trap.query("SELECT 'a'::text")).rejects.toThrow();
      await expect(trap.query("SELECT pg_catalog.text 'a' || pg_catalog.text 'b'")).rejects.toThrow('captured');
      const builtIn = Object.keys(columns).filter((declared) => !declared.startsWith('public.') && !declared.startsWith('numeric(3'));
      for (const declared of builtIn) {
        const type = await describeType(client, declared);
        const pinned = maskSql({ type: 'Null' }, 'NULL', type).replace(/^CAST\(NULL AS (.*)\)$/, '$1');
        for (const mask of masks) {
          const value = columns[declared]?.find((candidate) => /^('[^']*'|-?[\d.]+|true)$/.test(candidate)) ?? 'NULL';
          await trap.query(`SELECT ${maskSql(mask, 'q.c', type)} FROM (SELECT CAST(${value} AS ${pinned}) AS c OFFSET 0) q`);
        }
      }
    } finally {
      await trap.query('SET search_path TO pg_catalog; DROP SCHEMA IF EXISTS trap CASCADE');
      await trap.end();
    }
  });
});
