/** Statements of honest agents over masked tables, held against a database in which the masked values are real. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { benignStatements, mistakenStatements, untouchedStatements } from './benign-statements.ts';
import type { Plan } from '../../src/sql/plan.ts';
import { PlannedShop, shopMasks } from './planned-shop.ts';
import { createShadow, hostile } from './shadow.ts';

let shop: PlannedShop;
let shadow: pg.Client;

beforeAll(async () => {
  shop = await PlannedShop.start();
  await shop.postgres.sql(hostile, 'shop');
  await shop.reload();
  shadow = await createShadow(shop, shopMasks);
}, 60_000);

afterAll(async () => {
  await shadow.end();
  await shop.stop();
});

type Answer = { readonly fields: readonly (readonly [name: string, type: number | 'own'])[]; readonly rows: readonly string[]; readonly tag: string } | { readonly code: string | undefined; readonly position: number | undefined };

const firstUserOid = 16_384;

/** Types that the databases made themselves have other OIDs in each. */
async function answerOf(client: pg.Client, text: string, position: (at: number) => number): Promise<Answer> {
  await client.query('BEGIN');
  try {
    const { fields, rows, command, rowCount } = await client.query<unknown[]>({ text, rowMode: 'array' });
    const lines = rows.map((row) => JSON.stringify(row));
    return {
      fields: fields.map(({ name, dataTypeID }) => [name, dataTypeID < firstUserOid ? dataTypeID : 'own'] as const),
      rows: /\border by\b/i.test(text) ? lines : lines.sort(),
      tag: `${command} ${String(rowCount)}`,
    };
  } catch (thrown) {
    if (!(thrown instanceof pg.DatabaseError)) throw thrown;
    return { code: thrown.code, position: thrown.position === undefined ? undefined : position(Number(thrown.position)) };
  } finally {
    await client.query('ROLLBACK');
  }
}

async function answersOf(text: string): Promise<{ readonly masked: Answer; readonly real: Answer }> {
  const plan = shop.plan(text);
  expect(objections(plan)).toEqual([]);
  return { masked: await answerOf(shop.client, plan.text, (at) => plan.position(at)), real: await answerOf(shadow, text, (at) => at) };
}

function objections({ statements }: Plan): readonly unknown[] {
  return statements.flatMap(({ action }) => [...action.refusals, ...action.functions]);
}

describe('what PostgreSQL answers', () => {
  test.each(benignStatements)('%s', async (text) => {
    const { masked, real } = await answersOf(text);
    expect(real).toHaveProperty('rows');
    expect(masked).toEqual(real);
  });
});

describe('what PostgreSQL refuses', () => {
  test.each(mistakenStatements)('%s', async (text) => {
    const { masked, real } = await answersOf(text);
    expect(real).toHaveProperty('code');
    expect(masked).toEqual(real);
  });
});

describe('what touches nothing masked', () => {
  test.each(untouchedStatements)('passes byte for byte: %s', (text) => {
    const plan = shop.plan(text);
    expect(objections(plan)).toEqual([]);
    expect(plan.text).toBe(text);
  });

  /** As `psql -E` printed them for \d and its kind; not \dt+ and \df+, which ask for sizes and function bodies. */
  const psql = readFileSync(join(import.meta.dirname, 'psql-describe.sql'), 'utf8').split('\n-- --\n').map((text) => text.trim()).filter((text) => text !== '');

  test.each(psql.map((text) => [text.replaceAll(/\s+/g, ' ').slice(0, 100), text] as const))('psql asks: %s', async (_title, text) => {
    const plan = shop.plan(text);
    expect(objections(plan)).toEqual([]);
    if (!text.includes('prosrc')) expect(plan.text).toBe(text);
    expect(await answerOf(shop.client, plan.text, (at) => at)).toHaveProperty('rows');
  });
});
