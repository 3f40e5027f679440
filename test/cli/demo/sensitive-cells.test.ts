import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Agent } from '../../../src/cli/demo/agent.ts';
import { SensitiveCells } from '../../../src/cli/demo/sensitive-cells.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';

let postgres: Postgres;
let administrator: Agent;
let cells: SensitiveCells;
beforeAll(async () => {
  postgres = await startPostgres();
  await postgres.sql('CREATE DATABASE shop');
  await postgres.sql(readFileSync(join(import.meta.dirname, '../../../examples/quickstart/shop.sql'), 'utf8'), 'shop');
  administrator = await Agent.connect({ host: postgres.socketDirectory, port: postgres.port, user: postgres.superuser.user, database: 'shop' });
  cells = await SensitiveCells.read(administrator);
});
afterAll(async () => {
  await administrator.end();
  await postgres.stop();
});

async function found(statement: string): Promise<readonly string[]> {
  const { error, bytes } = await administrator.ask(statement);
  expect(error?.message).toBeUndefined();
  return [...cells.foundIn(bytes)].sort();
}

// 4 columns of 8 customers and 3 notes.
test('every sensitive cell of the shop is known', () => {
  expect(cells.size).toBe(35);
});

test.each([
  ['as it is', 'SELECT email, ssn, phone, portal_password FROM customers WHERE id = 1'],
  ['in other case', 'SELECT upper(email), ssn, phone, upper(portal_password) FROM customers WHERE id = 2'],
  ['backwards', 'SELECT reverse(email), reverse(ssn), reverse(phone), reverse(portal_password) FROM customers WHERE id = 3'],
  ['as bytes', 'SELECT email::bytea, ssn::bytea, phone::bytea, portal_password::bytea FROM customers WHERE id = 4'],
  ['in COPY data', 'COPY customers TO STDOUT'],
  ['in JSON', 'SELECT to_jsonb(c) FROM customers AS c WHERE id = 6'],
])('a value is found %s', async (_form, statement) => {
  expect(await found(statement)).toEqual(['email', 'phone', 'portal_password', 'ssn']);
});

test('a card number is found in a note', async () => {
  expect(await found('SELECT note FROM orders WHERE id = 1009')).toEqual(['note']);
});

test('an error that quotes a value is searched as well', async () => {
  const { error, bytes } = await administrator.ask('SELECT email::int FROM customers WHERE id = 1');
  expect(error?.sqlstate).toBe('22P02');
  expect(cells.foundIn(bytes)).toEqual(['email']);
});

test('what masks leave is not taken for a value', async () => {
  expect(await found(`SELECT name, left(email, 1) || '****@' || split_part(email, '@', 2), '****' || right(ssn, 4), '****' || right(phone, 2), '****' FROM customers`)).toEqual([]);
});
