import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { ClientConfig } from 'pg';
import { loadDataset, type Postgres, startPostgres } from '../../support/postgres.ts';
import { allowAll, type GatewayUnderTest, policy, rule, startGateway } from './gateway-under-test.ts';

let postgres: Postgres;
let under: GatewayUnderTest;

beforeAll(async () => {
  postgres = await startPostgres();
  await loadDataset(postgres);
});
afterAll(async () => {
  await postgres.stop();
});
afterEach(async () => {
  const problems = [...under.problems];
  await under.close();
  expect(problems).toEqual([]);
});

describe('simple queries', () => {
  test('are answered with masked values, and recorded before and after', async () => {
    under = await startGateway(postgres);
    const client = await under.connect();
    const result = await client.query('select id, email from customers order by id limit 2');
    expect(result.rows).toHaveLength(2);
    expect(JSON.stringify(result.rows)).not.toContain('canary');
    const [action] = under.records.of('Action');
    expect(action).toMatchObject({ action: 1, via: 'Query', decision: { verdict: 'Allow' }, statements: [{ masked: ['public.customers.email'] }] });
    expect(under.records.of('Result')).toMatchObject([{ action: 1, tag: 'SELECT 2', rows: 2 }]);
    expect(Buffer.concat(under.records.frames).toString('latin1')).not.toContain('canary');
    expect(Buffer.concat(under.records.frames)[0]).toBe(0x54);
  });

  test('that are denied leave the session and its transaction as an error of the target would', async () => {
    under = await startGateway(postgres, { policies: [policy([rule({ operations: ['Select'] })])] });
    const client = await under.connect();
    await expect(client.query('delete from orders')).rejects.toMatchObject({ code: '42501', severity: 'ERROR' });
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await client.query('begin');
    await expect(client.query('delete from orders where id = 1')).rejects.toMatchObject({ code: '42501' });
    await expect(client.query('select 1')).rejects.toMatchObject({ code: '25P02' });
    expect((await client.query('commit')).command).toBe('ROLLBACK');
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    expect(under.records.of('Action').map(({ decision }) => decision.verdict)).toEqual(['Deny', 'Allow', 'Allow', 'Deny', 'Allow', 'Allow', 'Allow']);
    expect(postgres.log()).not.toMatch(/delete from orders/i);
  });

  test('with several statements are denied as a whole', async () => {
    under = await startGateway(postgres, { policies: [policy([rule({ operations: ['Select', 'Insert'] })])] });
    const client = await under.connect();
    await expect(client.query("insert into support.agents values (77, 'app', 'x'); truncate orders")).rejects.toMatchObject({ code: '42501' });
    expect(await postgres.sql('select * from support.agents where id = 77', 'shop')).toEqual([]);
    const results = (await client.query('select 1 as a; select 2 as b')) as unknown as { rows: unknown[] }[];
    expect(results.map(({ rows }) => rows)).toEqual([[{ a: 1 }], [{ b: 2 }]]);
  });

  test('may be empty or fail at the target, with positions in the text that was sent', async () => {
    under = await startGateway(postgres);
    const client = await under.connect();
    expect((await client.query('')).rows).toEqual([]);
    await expect(client.query('select 1/0')).rejects.toMatchObject({ code: '22012', message: 'division by zero' });
    const text = 'select c.email, c.name + 1 from customers c';
    await expect(client.query(text)).rejects.toMatchObject({ code: '42883', position: String(text.indexOf('+') + 1) });
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  test('keep track of search_path through transactions', async () => {
    under = await startGateway(postgres, { policies: [policy([rule({ operations: ['Select'], relations: ['support.*'] })])] });
    const client = await under.connect();
    await expect(client.query('select id from tickets')).rejects.toMatchObject({ code: expect.any(String) });
    await client.query('set search_path = support');
    expect((await client.query('select id from tickets where id = 1')).rows).toEqual([{ id: 1 }]);
    await client.query('begin; set search_path = public; rollback');
    expect((await client.query('select id from tickets where id = 1')).rows).toEqual([{ id: 1 }]);
  });

  test('take many rows through, byte for byte', async () => {
    under = await startGateway(postgres, { recording: { store: { kind: 'Folder', path: '' }, results: 'None', onFailure: 'Block' } });
    const client = await under.connect();
    const { rows } = await client.query<{ n: number; text: string }>("select n, repeat('x', n % 300) as text from generate_series(1, 20000) n");
    expect(rows).toHaveLength(20_000);
    expect(rows.every(({ n, text }) => text.length === n % 300)).toBe(true);
    expect(under.records.frames).toEqual([]);
  });
});

describe('login', () => {
  test.each<[string, ClientConfig, string]>([
    ['a wrong token', { password: 'wrong' }, '28P01'],
    ['another database', { database: 'postgres' }, '3D000'],
    ['a client_encoding other than UTF8', { options: '-c client_encoding=LATIN1' }, '0A000'],
    ['options that are not harmless', { options: '-c session_replication_role=replica' }, '42501'],
    ['a replication connection', { replication: 'database' } as ClientConfig, '0A000'],
  ])('is refused with %s', async (_what, config, code) => {
    under = await startGateway(postgres);
    await expect(under.connect(config)).rejects.toMatchObject({ code });
    expect(under.records.records).toEqual([]);
  });

  test('is refused while a required MaskRule is missing', async () => {
    under = await startGateway(postgres, { masking: { required: ['pii'], missing: ['pii'] } });
    await expect(under.connect()).rejects.toMatchObject({ code: '57P03', message: 'nothing is served: MaskRule pii missing' });
  });

  test('is refused beyond maxSessions, and possible again when one ends', async () => {
    under = await startGateway(postgres, { policies: [policy([allowAll], { maxSessions: 1 })] });
    const first = await under.connect();
    await expect(under.connect()).rejects.toMatchObject({ code: '53300' });
    await first.end();
    while (under.gateway.sessions().length > 0) await new Promise(setImmediate);
    await under.connect();
  });

  test('passes harmless settings on, and options set the search path', async () => {
    under = await startGateway(postgres);
    const client = await under.connect({ options: '-c search_path=support -c DateStyle=German', application_name: 'tool' });
    expect((await client.query('select id from tickets where id = 1')).rows).toEqual([{ id: 1 }]);
    expect((await client.query('show datestyle')).rows).toEqual([{ DateStyle: 'German, DMY' }]);
    expect(under.records.of('SessionStart')).toMatchObject([{ claimed: { user: 'anyone', applicationName: 'tool' }, isEncrypted: false }]);
  });
});
