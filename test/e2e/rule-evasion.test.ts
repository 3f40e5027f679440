import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Postgres } from '../support/postgres.ts';
import { type PolicySpec, type ShopGateway, startShopGateway } from '../support/gateway.ts';
import { RawClient, rowsOf } from '../support/raw-client.ts';
import { attempt } from './evasion-attempt.ts';
import { type EvasionCase, evasionCases } from './evasion-cases.ts';
import { startTwins } from './twin-shop.ts';

/**
 * The same ways round, where nothing is masked: the rules alone keep the subject to two columns of customers. What
 * no rule covers must not be seen, and nothing that is answered may depend on it.
 */

const policy: PolicySpec = {
  subjects: [{ serviceAccount: { namespace: 'agents', name: 'tester' } }],
  rules: [
    { name: 'two-columns', effect: 'Allow', postgresql: { operations: ['Select', 'Lock', 'Copy'], relations: ['public.customers'], columns: ['id', 'name'] } },
    { name: 'rename', effect: 'Allow', postgresql: { operations: ['Insert', 'Update', 'Merge'], relations: ['public.customers'], columns: ['id', 'name'], where: 'Optional', maxRows: 'Unlimited' } },
    { name: 'orders', effect: 'Allow', postgresql: { operations: ['Select', 'Insert', 'Update', 'Copy', 'Lock'], relations: ['public.orders'], where: 'Optional', maxRows: 'Unlimited', functions: ['public.add_tax'] } },
    { name: 'own', effect: 'Allow', postgresql: { operations: ['Ddl', 'Select', 'Insert'], relations: ['public.t', 'public.u', 'public.v', 'public.m', 's.*'] } },
    { name: 'hear', effect: 'Allow', postgresql: { operations: ['Listen'], channels: ['*'] } },
  ],
};

let twins: readonly [Postgres, Postgres];
let gateways: readonly [ShopGateway, ShopGateway];
let tokens: readonly [string, string];

beforeAll(async () => {
  twins = await startTwins(18);
  gateways = [await startShopGateway({ postgres: twins[0], masks: {}, policies: { narrow: policy } }), await startShopGateway({ postgres: twins[1], masks: {}, policies: { narrow: policy } })];
  for (const { log } of gateways) expect(log.filter(({ level, message }) => level === 'error' || message.includes('problem'))).toEqual([]);
  tokens = [await gateways[0].token(), await gateways[1].token()];
}, 60_000);
afterAll(async () => {
  for (const gateway of gateways) await gateway.close();
  for (const twin of twins) await twin.stop();
});

const login = (which: 0 | 1): Promise<RawClient> => RawClient.login({ port: gateways[which].port, password: tokens[which] });

test('what the rules cover is answered', async () => {
  const client = await login(0);
  for (const text of ['SELECT id, name FROM customers ORDER BY id', 'SELECT o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id', 'COPY customers (id, name) TO STDOUT', 'SELECT count(*) FROM customers']) await client.query(text);
  client.end();
  expect(client.errors).toEqual([]);
  expect(rowsOf(client.frames)).toHaveLength(251);
});

async function expectNothing(evasion: EvasionCase): Promise<void> {
  const mine = await attempt(await login(0), evasion);
  const others = await attempt(await login(1), evasion);
  expect(mine.leaks).toEqual([]);
  expect(others.leaks).toEqual([]);
  expect(others.transcript).toBe(mine.transcript);
}

test.each([...evasionCases])('$name', expectNothing);
