/** The same attempts on an older server: what it does not know yet it refuses itself, and nothing leaks there either. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { evasionCases } from './evasion-cases.ts';
import { hostileMasks, leaks } from './hostile-shop.ts';
import { PlannedShop } from './planned-shop.ts';

let shop: PlannedShop;

async function load(file: string): Promise<void> {
  await shop.postgres.sql(readFileSync(join(import.meta.dirname, file), 'utf8'), 'shop');
  await shop.reload();
}

beforeAll(async () => {
  shop = await PlannedShop.start(15);
  await load('hostile.sql');
}, 60_000);

afterAll(async () => {
  await shop.stop();
});

/** Syntax that the planner knows to be too new for the server, or what the server says: a syntax error, an undefined function or name. */
const tooNew: readonly string[] = ['Unsupported', 'Error 42601', 'Error 42883', 'Error 42P01', 'Error 42703'];

describe.each(Object.entries(evasionCases))('%s', (group, cases) => {
  beforeAll(async () => {
    if (group === 'captured names') await load('captured-names.sql');
  });

  test.each(cases)('%s: %s', async (...[, verdict, statements]) => {
    const outcome = await shop.runScript(statements, hostileMasks);
    expect(outcome.received).not.toMatch(leaks);
    expect([verdict, ...tooNew]).toContain(outcome.verdict);
  });
});
