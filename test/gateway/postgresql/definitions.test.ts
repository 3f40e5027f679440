/** What a migration does: definitions and data in one transaction, before anybody else can see them. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { loadDataset, type Postgres, startPostgres } from '../../support/postgres.ts';
import { allowAll, type GatewayUnderTest, policy, startGateway } from './gateway-under-test.ts';

let postgres: Postgres;
let under: GatewayUnderTest;

beforeAll(async () => {
  postgres = await startPostgres();
  await loadDataset(postgres);
  await postgres.sql('GRANT CREATE ON SCHEMA public TO app', 'shop');
});
afterAll(async () => {
  await postgres.stop();
});
afterEach(async () => {
  await under.close();
});

describe('a relation made in a transaction', () => {
  test('can be filled, read and changed in it', async () => {
    under = await startGateway(postgres, { policies: [policy([allowAll])] });
    const client = await under.connect();
    await client.query('BEGIN');
    await client.query('CREATE TABLE fresh (id int PRIMARY KEY, note text)');
    await client.query("INSERT INTO fresh VALUES (1, 'one')");
    await client.query('ALTER TABLE fresh ADD COLUMN extra int DEFAULT 7');
    expect((await client.query('SELECT note, extra FROM public.fresh WHERE id = $1', [1])).rows).toEqual([{ note: 'one', extra: 7 }]);
    await client.query('COMMIT');
    expect((await client.query('SELECT count(*)::int AS n FROM fresh')).rows).toEqual([{ n: 1 }]);
  });

  test('is gone again when the transaction is rolled back', async () => {
    under = await startGateway(postgres, { policies: [policy([allowAll])] });
    const client = await under.connect();
    await client.query('BEGIN');
    await client.query('SAVEPOINT before');
    await client.query('CREATE TABLE gone (id int)');
    await client.query('INSERT INTO gone VALUES (1)');
    await client.query('ROLLBACK TO before');
    await expect(client.query('SELECT id FROM gone')).rejects.toMatchObject({ code: '42P01' });
    await client.query('ROLLBACK');
    await expect(client.query('SELECT id FROM gone')).rejects.toMatchObject({ code: '42P01' });
  });

  test('is not there for another session', async () => {
    under = await startGateway(postgres, { policies: [policy([allowAll])] });
    const [maker, other] = [await under.connect(), await under.connect()];
    await maker.query('BEGIN');
    await maker.query('CREATE TABLE mine (id int)');
    await maker.query('SELECT id FROM mine');
    await expect(other.query('SELECT id FROM mine')).rejects.toMatchObject({ code: '42P01' });
    await maker.query('ROLLBACK');
  });

  test('cannot take masked values along', async () => {
    under = await startGateway(postgres, { policies: [policy([allowAll])] });
    const client = await under.connect();
    await client.query('BEGIN');
    await client.query('CREATE TABLE loot (email text)');
    await expect(client.query('INSERT INTO loot SELECT email FROM customers')).rejects.toMatchObject({ code: '42501' });
    await client.query('ROLLBACK');
  });
});
