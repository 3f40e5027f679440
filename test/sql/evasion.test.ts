/** Every attempt to get at what is masked that anybody thought of, against a real server. A canary in anything received is a leak. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PlannedShop, type MaskList } from './planned-shop.ts';
import { evasionCases } from './evasion-cases.ts';
import { hostileMasks as masks, leaks } from './hostile-shop.ts';

let shop: PlannedShop;

async function load(file: string): Promise<void> {
  await shop.postgres.sql(readFileSync(join(import.meta.dirname, file), 'utf8'), 'shop');
  await shop.reload();
}

beforeAll(async () => {
  shop = await PlannedShop.start();
  await load('hostile.sql');
}, 60_000);

afterAll(async () => {
  await shop.stop();
});

test('the detector finds what masks would otherwise hide', async () => {
  const { received, verdict } = await shop.runScript(['SELECT email, ssn, salary, address FROM customers'], []);
  expect(verdict).toBe('Ran');
  for (const part of ['canary-email', '101-11-4001', '31013.50', 'Köln']) expect(received).toContain(part);
  expect(received).toMatch(leaks);
});

describe.each(Object.entries(evasionCases))('%s', (group, cases) => {
  beforeAll(async () => {
    if (group === 'captured names') await load('captured-names.sql');
  });

  test.each(cases)('%s: %s', async (...[, verdict, statements, firstRow]) => {
    const outcome = await shop.runScript(statements, masks);
    expect(outcome.received).not.toMatch(leaks);
    expect(outcome.verdict).toBe(verdict);
    if (firstRow !== undefined) expect(outcome.rows[0]).toEqual(firstRow);
  });
});

describe('masks that stay where they were put', () => {
  const exact: MaskList = [['public.moved.secret', { type: 'Redact' }]];

  test('a renamed column keeps its mask, a new one of the old name gets it too', async () => {
    await shop.postgres.sql("CREATE TABLE public.moved (id int, secret text); INSERT INTO public.moved VALUES (1, 'canary-moved'); GRANT SELECT ON public.moved TO app", 'shop');
    await shop.reload();
    expect((await shop.runScript(['SELECT secret FROM moved'], exact)).rows).toEqual([{ secret: '****' }]);
    await shop.postgres.sql("ALTER TABLE public.moved RENAME COLUMN secret TO plain; ALTER TABLE public.moved ADD COLUMN secret text DEFAULT 'canary-new'", 'shop');
    await shop.reload();
    expect((await shop.runScript(['SELECT plain, secret FROM moved'], exact)).rows).toEqual([{ plain: '****', secret: '****' }]);
  });

  test('a renamed table keeps its mask', async () => {
    await shop.postgres.sql('ALTER TABLE public.moved RENAME TO away', 'shop');
    await shop.reload();
    expect((await shop.runScript(['SELECT plain FROM away'], exact)).rows).toEqual([{ plain: '****' }]);
  });

  test('a mask that names a column which is not there closes the relation', async () => {
    const missing: MaskList = [['public.customers.no_such_column', { type: 'Redact' }]];
    expect((await shop.runScript(['SELECT id FROM customers'], missing)).verdict).toBe('MaskUnresolved');
    expect((await shop.runScript(['UPDATE customers SET name = name WHERE id = 1'], missing)).verdict).toBe('MaskUnresolved');
  });

  test('a catalogue that is read for the first time under a glob mask', async () => {
    const globs: MaskList = [['*.*.e*l', { type: 'Null' }]];
    expect((await shop.runScript(['SELECT email FROM customers WHERE id = 1'], globs)).rows).toEqual([{ email: null }]);
    expect((await shop.runScript(['SELECT email FROM people'], globs)).rows).toEqual([{ email: null }, { email: null }]);
  });

  test('of several masks on one column the strongest holds, in any order', async () => {
    const several: MaskList = [['public.customers.email', { type: 'KeepFirst', count: 3 }], ['*.customers.*', { type: 'Null' }], ['*.*.email', { type: 'KeepLast', count: 3 }]];
    for (const order of [several, [...several].reverse()]) {
      expect((await shop.runScript(['SELECT email, ssn FROM customers LIMIT 1'], order)).rows).toEqual([{ email: null, ssn: null }]);
    }
  });
});

describe('predicates: Deny', () => {
  const deny: MaskList = [['public.customers.email', { type: 'Email' }, { predicates: 'Deny' }]];

  test.each([
    'SELECT email FROM customers WHERE id = 1',
    'SELECT * FROM customers WHERE id = 1',
    'SELECT c.email AS e, name FROM customers c ORDER BY id LIMIT 1',
    "UPDATE customers SET name = 'x' WHERE id = 1 RETURNING email",
    'SELECT name FROM customers ORDER BY name',
    'SELECT email FROM customer_directory WHERE id = 1',
  ])('allows %s', async (text) => {
    expect((await shop.runScript([text], deny)).verdict).toBe('Ran');
  });

  test.each([
    "SELECT id FROM customers WHERE email = 'x'", 'SELECT upper(email) FROM customers', 'SELECT email FROM customers ORDER BY email', 'SELECT email FROM customers ORDER BY 1',
    'SELECT email AS e FROM customers ORDER BY e', 'SELECT email, count(*) FROM customers GROUP BY email', 'SELECT email, count(*) FROM customers GROUP BY 1', 'SELECT DISTINCT email FROM customers',
    'SELECT DISTINCT * FROM customers', 'SELECT email FROM customers UNION SELECT name FROM customers', 'SELECT s.email FROM (SELECT email FROM customers) s', 'WITH c AS (SELECT email FROM customers) TABLE c',
    'SELECT c FROM customers c', 'SELECT to_jsonb(c) FROM customers c', 'SELECT max(email) FROM customers', 'SELECT count(*) FROM customers JOIN profiles USING (email)',
    'SELECT count(*) FROM customers NATURAL JOIN profiles', 'SELECT email::text FROM customers', 'SELECT row_number() OVER (ORDER BY email) FROM customers',
    "SELECT 1 FROM customers WHERE EXISTS (SELECT WHERE email = 'x')", "UPDATE customers SET name = 'x' WHERE id = 1 RETURNING lower(email)",
    "SELECT id FROM customer_directory WHERE email = 'x'", 'SELECT upper(email) FROM support.directory', 'SELECT upper(j.e) FROM (customers CROSS JOIN orders) AS j(a, b, e)',
    'SELECT * FROM customers ORDER BY 3',
  ])('refuses %s', async (text) => {
    expect((await shop.runScript([text], deny)).verdict).toMatch(/MaskedPredicate|MaskedWrite/);
  });
});

describe('the grammar survives', () => {
  test('a few in one turn harm nobody', async () => {
    const poison = `SELECT 1${'+1'.repeat(12_000)}`;
    for (let i = 0; i < 3; i++) shop.plan(poison);
    expect(shop.plan('SELECT 1').statements[0]?.action.refusals).toEqual([]);
    await expect(shop.runScript(['SELECT email FROM customers WHERE id = 1'], masks)).resolves.toMatchObject({ verdict: 'Ran' });
  });

  test('forty statements that break its stack', async () => {
    const poison = `SELECT 1${'+1'.repeat(12_000)}`;
    for (let i = 0; i < 40; i++) {
      const [statement] = shop.plan(poison).statements;
      expect(statement?.action.refusals).toHaveLength(1);
      // The next instance is loaded between turns: at worst others are asked to try again for a moment.
      while (shop.plan('SELECT 1').statements[0]?.action.refusals.length !== 0) await new Promise((resolve) => { setImmediate(resolve); });
      expect(shop.plan('SELECT email FROM customers').text).toContain('CASE');
    }
  }, 60_000);

  test('a megabyte of openings is withheld from the record in no time', () => {
    const tags = Array.from({ length: 90_000 }, (_, i) => `$a${String(i)}$ `).join('');
    const { recordedText } = shop.plan(`SELEKT ${tags}`);
    expect(recordedText).toBe("SELEKT '[withheld]'");
  });
});
