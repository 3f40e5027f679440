import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { serialize } from 'pg-protocol';
import postgresJs from 'postgres';
import { encodeQuery } from '../../../src/wire/postgresql/frontend-messages.ts';
import { loadDataset, type Postgres, startPostgres } from '../../support/postgres.ts';
import { allowAll, type GatewayUnderTest, maskEmails, pattern, policy, rule, startGateway, token } from './gateway-under-test.ts';
import { WireClient } from './wire-client.ts';

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

const { parse, bind, execute, describe: describeFrame, sync, flush, close } = serialize;
/** Parse, Bind and Execute of one text without names. */
const run = (text: string, values: unknown[] = []): Buffer => Buffer.concat([parse({ text }), bind({ values }), execute({})]);

describe('the extended protocol', () => {
  test('masks, records parameters at Execute, and describes for the second check', async () => {
    under = await startGateway(postgres);
    const client = await under.connect();
    const { rows } = await client.query('select id, email from customers where id = $1', [7]);
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain('canary');
    expect(under.records.of('Action')).toMatchObject([{ via: 'Execute', parameters: [{ text: '7' }] }]);
    expect(under.records.of('Result')).toMatchObject([{ action: 1, tag: 'SELECT 1', rows: 1 }]);
  });

  test('hides the description that only the gateway asked for', async () => {
    under = await startGateway(postgres);
    const client = await WireClient.login(under.address.port);
    expect(await client.talk(run('select id from customers where id = 1'), sync())).toEqual(['parseComplete', 'bindComplete', 'row 1', 'done SELECT 1', 'ready I']);
  });

  test('answers a denial in the middle of a pipeline as an error there', async () => {
    under = await startGateway(postgres, { policies: [policy([rule({ operations: ['Select', 'Insert'] })])] });
    const client = await WireClient.login(under.address.port);
    const insert = (id: number): Buffer => run(`insert into support.agents values (${id}, 'app', 'x')`);
    const seen = await client.talk(insert(201), run('truncate orders'), insert(202), sync());
    expect(seen).toEqual(['parseComplete', 'bindComplete', 'done INSERT 0 1', 'error 42501', 'ready I']);
    expect(await postgres.sql('select id from support.agents where id > 200', 'shop')).toEqual([]);
    expect(await client.talk(insert(203), sync(), run('delete from orders'), sync(), run('select 5'), sync())).toContain('done INSERT 0 1');
    await client.until('readyForQuery', 3);
    expect(client.shown()).toEqual([
      'parseComplete', 'bindComplete', 'done INSERT 0 1', 'ready I', 'error 42501', 'ready I', 'parseComplete', 'bindComplete', 'row 5', 'done SELECT 1', 'ready I',
    ]);
    expect(await postgres.sql('select id from support.agents where id > 200', 'shop')).toEqual([{ id: 203 }]);
    await postgres.sql('delete from support.agents where id > 200', 'shop');
    expect(postgres.log()).not.toMatch(/truncate orders|delete from orders/);
  });

  test('aborts an open transaction with a denial', async () => {
    under = await startGateway(postgres, { policies: [policy([rule({ operations: ['Select'] })])] });
    const client = await WireClient.login(under.address.port);
    expect(await client.talk(run('begin'), sync())).toContain('ready T');
    expect(await client.talk(run('delete from orders'), sync())).toEqual(['error 42501', 'ready E']);
    expect(await client.talk(run('rollback'), sync())).toContain('ready I');
  });

  test('keeps names: unknown ones are refused, failed ones are forgotten, closed ones are gone', async () => {
    under = await startGateway(postgres);
    const client = await WireClient.login(under.address.port);
    expect(await client.talk(bind({ statement: 'nope' }), sync())).toEqual(['error 26000', 'ready I']);
    expect(await client.talk(execute({ portal: 'nope' }), sync())).toEqual(['error 34000', 'ready I']);
    expect(await client.talk(describeFrame({ type: 'S', name: 'nope' }), sync())).toEqual(['error 26000', 'ready I']);
    expect(await client.talk(parse({ name: 's', text: 'select 1' }), sync())).toEqual(['parseComplete', 'ready I']);
    expect(await client.talk(parse({ name: 's', text: 'select 2' }), sync())).toEqual(['error 42P05', 'ready I']);
    expect(await client.talk(bind({ statement: 's' }), execute({}), sync())).toContain('row 1');
    expect(await client.talk(close({ type: 'S', name: 's' }), bind({ statement: 's' }), sync())).toEqual(['closeComplete', 'error 26000', 'ready I']);
    // An unnamed portal ends with its batch.
    expect(await client.talk(execute({}), sync())).toEqual(['error 34000', 'ready I']);
    // Unlike a closed name that was skipped behind an error.
    expect(await client.talk(parse({ name: 't', text: 'select 3' }), sync())).toContain('parseComplete');
    expect(await client.talk(parse({ text: 'nonsense' }), close({ type: 'S', name: 't' }), sync())).toEqual(['error 42601', 'ready I']);
    expect(await client.talk(bind({ statement: 't' }), execute({}), sync())).toContain('row 3');
  });

  test('answers Flush without Sync, portions of a portal, and empty texts', async () => {
    under = await startGateway(postgres);
    const client = await WireClient.login(under.address.port);
    client.send(parse({ text: 'select n from generate_series(1, 3) n' }), describeFrame({ type: 'S', name: '' }), flush());
    await client.until('rowDescription');
    expect(client.shown()).toEqual(['parseComplete', 'parameterDescription', 'rowDescription']);
    expect(await client.talk(bind({}), execute({ rows: 2 }), execute({ rows: 2 }), sync())).toEqual([
      'bindComplete', 'row 1', 'row 2', 'portalSuspended', 'row 3', 'done SELECT 1', 'ready I',
    ]);
    expect(await client.talk(run(''), sync())).toEqual(['parseComplete', 'bindComplete', 'emptyQuery', 'ready I']);
  });

  test('plans what follows a SET only when it has happened', async () => {
    under = await startGateway(postgres, { policies: [policy([rule({ operations: ['Select'], relations: ['support.*'] })])] });
    const client = await WireClient.login(under.address.port);
    const seen = await client.talk(run('set search_path = support'), run('select id from tickets where id = 1'), sync());
    // PostgreSQL 18 reports the path.
    const answers = seen.filter((name) => name !== 'parameterStatus');
    expect(answers).toEqual(['parseComplete', 'bindComplete', 'done SET', 'parseComplete', 'bindComplete', 'row 1', 'done SELECT 1', 'ready I']);
    // And takes back what an implicit transaction has lost.
    expect(await client.talk(run('set search_path = public'), run('select 1/0'), sync())).toContain('error 22012');
    expect(await client.talk(run('select id from tickets where id = 1'), sync())).toContain('row 1');
  });

  test('prepares anew, unseen, when masks change under a prepared statement', async () => {
    under = await startGateway(postgres, { maskRules: [] });
    const client = await WireClient.login(under.address.port);
    await client.talk(parse({ name: 's', text: 'select email from customers where id = 1' }), sync());
    expect((await client.talk(bind({ statement: 's' }), execute({}), sync())).join()).toContain('canary');
    under.bundles.set({ maskRules: [maskEmails()] });
    const seen = await client.talk(bind({ statement: 's' }), execute({}), sync());
    expect(seen).toHaveLength(4);
    expect(seen.join()).not.toContain('canary');
  });

  test('prepares anew again when the first attempt was skipped behind an error', async () => {
    under = await startGateway(postgres, { maskRules: [] });
    const client = await WireClient.login(under.address.port);
    await client.talk(parse({ name: 's', text: 'select email from customers where id = 1' }), sync());
    under.bundles.set({ maskRules: [maskEmails()] });
    expect(await client.talk(run('select 1/0'), bind({ statement: 's' }), execute({}), sync())).toContain('error 22012');
    const seen = await client.talk(bind({ statement: 's' }), execute({}), sync());
    expect(seen).toHaveLength(4);
    expect(seen.join()).not.toContain('canary');
  });

  test('keeps the text that a portal was made from, whatever its statement has become', async () => {
    await postgres.sql(`create schema other; create table other.shelf (n int); create table public.shelf (n int);
      insert into other.shelf values (1); insert into public.shelf values (2); grant usage on schema other to app; grant select on other.shelf, public.shelf to app`, 'shop');
    under = await startGateway(postgres);
    const client = await WireClient.login(under.address.port);
    await client.talk(encodeQuery('begin; set search_path = other'));
    await client.talk(parse({ name: 's', text: 'select n, (select count(email) from public.customers where id < 0) from shelf' }), bind({ statement: 's', portal: 'p' }), sync());
    await client.talk(encodeQuery('set search_path = public'));
    await client.talk(bind({ statement: 's', portal: 'q' }), execute({ portal: 'q' }), sync());
    expect(client.shown()).toContain('row 2,0');
    expect(await client.talk(execute({ portal: 'p' }), sync())).toContain('error 42501');
    await postgres.sql('drop schema other cascade; drop table public.shelf', 'shop');
  });

  test('plans with the new catalogue after DDL', async () => {
    await postgres.sql('grant create on schema public to app', 'shop');
    under = await startGateway(postgres);
    const client = await under.connect();
    await client.query('create table fresh (id int)');
    expect((await client.query('insert into fresh values (1) returning id')).rows).toEqual([{ id: 1 }]);
    await client.query('drop table fresh');
    await expect(client.query('select * from fresh')).rejects.toMatchObject({ code: '42P01' });
  });

  test('refuses portals and cursors that were made under other masks', async () => {
    under = await startGateway(postgres, { maskRules: [] });
    const client = await WireClient.login(under.address.port);
    await client.talk(encodeQuery('begin'));
    await client.talk(parse({ name: 's', text: 'select email from customers' }), bind({ statement: 's', portal: 'p' }), sync());
    await client.talk(encodeQuery('declare c cursor for select email from customers'));
    expect((await client.talk(encodeQuery('fetch 1 from c'))).join()).toContain('canary');
    under.bundles.set({ maskRules: [maskEmails()] });
    expect(await client.talk(execute({ portal: 'p', rows: 1 }), sync())).toEqual(['error 42501', 'ready E']);
    expect(await client.talk(encodeQuery('rollback; begin; declare c cursor for select email from customers'))).toContain('ready T');
    under.bundles.set({ maskRules: [] });
    expect(await client.talk(encodeQuery('fetch 1 from c'))).toEqual(['error 42501', 'ready E']);
  });

  test('decides PREPARE, EXECUTE and their kin by what the name stands for', async () => {
    under = await startGateway(postgres);
    const client = await under.connect();
    await client.query('prepare one as select email from customers where id = $1');
    expect(JSON.stringify((await client.query('execute one(1)')).rows)).not.toContain('canary');
    await expect(client.query('execute other(1)')).rejects.toMatchObject({ code: '26000' });
    under.bundles.set({ policies: [policy([rule({ operations: ['Select'], relations: ['public.orders'] })])] });
    await expect(client.query('execute one(1)')).rejects.toMatchObject({ code: '42501' });
    await client.query('deallocate all');
    await expect(client.query('execute one(1)')).rejects.toMatchObject({ code: '26000' });
    await expect(client.query('fetch 1 from nothing')).rejects.toMatchObject({ code: '34000' });
  });

  test('refuses the fast path and text that is not UTF-8, and goes on', async () => {
    under = await startGateway(postgres);
    const client = await WireClient.login(under.address.port);
    expect(await client.talk(Buffer.from([0x46, 0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]))).toEqual(['error 0A000', 'ready I']);
    const bad = Buffer.concat([Buffer.from('select \''), Buffer.from([0xc0, 0xaf]), Buffer.from('\'\0')]);
    const header = Buffer.from([0x51, 0, 0, 0, bad.length + 4]);
    expect(await client.talk(header, bad)).toEqual(['error 22021', 'ready I']);
    expect(await client.talk(encodeQuery(`select '${'x'.repeat(1_200_000)}'`))).toEqual(['error 54000', 'ready I']);
    expect(await client.talk(encodeQuery('select 1'))).toContain('row 1');
  });

  test('ends the session on bytes that are no message', async () => {
    under = await startGateway(postgres);
    for (const garbage of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from([0x42, 0, 0, 0, 5, 1]), Buffer.from([0x53, 0, 0, 0, 3])]) {
      const client = await WireClient.login(under.address.port);
      client.send(garbage);
      await client.closed();
      expect(client.shown()).toEqual(['error 08P01']);
    }
    while (under.gateway.sessions().length > 0) await new Promise(setImmediate);
    expect(under.records.of('SessionEnd').map(({ reason }) => reason)).toEqual(['ProtocolError', 'ProtocolError', 'ProtocolError']);
  });

  test('serves postgres.js with its pipelines and transactions', async () => {
    under = await startGateway(postgres, { policies: [policy([allowAll])], maskRules: [maskEmails(), { ...maskEmails(), name: 'n', columns: [{ relation: pattern('public.orders'), column: 'status', mask: { type: 'Redact' } }] }] });
    const sql = postgresJs({ host: '127.0.0.1', port: under.address.port, user: 'x', database: 'shop', password: token, max: 2 });
    try {
      const all = await Promise.all(Array.from({ length: 50 }, (_unused, n) => sql`select ${n}::int as n, email from customers where id = ${n + 1}`));
      expect(all.map(([row]) => row?.['n'] as number)).toEqual(Array.from({ length: 50 }, (_unused, n) => n));
      expect(JSON.stringify(all)).not.toContain('canary');
      await sql.begin(async (tx) => {
        await tx`insert into support.agents values (301, 'app', 'x')`;
        await tx.savepoint(async (inner) => inner`select 1/0`).catch(() => undefined);
        await tx`delete from support.agents where id = 301`;
      });
    } finally {
      await sql.end();
    }
  });
});
