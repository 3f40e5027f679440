import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { serialize } from 'pg-protocol';
import { encodeQuery } from '../../../src/wire/postgresql/frontend-messages.ts';
import { loadDataset, type Postgres, startPostgres } from '../../support/postgres.ts';
import { agent, allowAll, type GatewayUnderTest, policy, rule, startGateway } from './gateway-under-test.ts';
import { WireClient } from './wire-client.ts';

let postgres: Postgres;
let under: GatewayUnderTest;

beforeAll(async () => {
  postgres = await startPostgres();
  await loadDataset(postgres);
  await postgres.sql('create table loaded (id int primary key, note text); grant all on loaded to app', 'shop');
});
afterAll(async () => {
  await postgres.stop();
});
afterEach(async () => {
  const problems = [...under.problems];
  await under.close();
  expect(problems).toEqual([]);
});

const { parse, bind, execute, sync, copyData, copyDone, copyFail } = serialize;
const run = (text: string, values: unknown[] = []): Buffer => Buffer.concat([parse({ text }), bind({ values }), execute({})]);
const lines = (...rows: string[]): Buffer => copyData(Buffer.from(rows.map((row) => `${row}\n`).join('')));

describe('COPY', () => {
  test('takes data in, by simple query', async () => {
    under = await startGateway(postgres);
    const client = await WireClient.login(under.address.port);
    client.send(encodeQuery('copy loaded from stdin'));
    await client.until('copyInResponse');
    expect(await client.talk(lines('1\tone'), lines('2\ttwo', '3\tthree'), copyDone())).toEqual(['done COPY 3', 'ready I']);
    expect(under.records.of('Result')).toMatchObject([{ tag: 'COPY 3' }]);
    expect(Buffer.concat(under.records.frames).toString()).toContain('three');
  });

  test('takes data in, by the extended protocol, with the Sync that libpq sends behind Execute', async () => {
    under = await startGateway(postgres);
    const client = await WireClient.login(under.address.port);
    client.send(run('copy loaded from stdin'), sync());
    await client.until('copyInResponse');
    expect(await client.talk(lines('11\tone'), copyDone(), sync())).toEqual(['done COPY 1', 'ready I']);
    expect(await client.talk(run('select 1'), sync())).toContain('row 1');
  });

  test('drains what is still sent when the target refuses a line', async () => {
    under = await startGateway(postgres);
    const client = await WireClient.login(under.address.port);
    client.send(encodeQuery('copy loaded from stdin'));
    await client.until('copyInResponse');
    expect(await client.talk(lines('x\tbad'), lines('21\tgood'), copyDone())).toEqual(['error 22P02', 'ready I']);
    client.send(run('copy loaded from stdin'), sync());
    await client.until('copyInResponse');
    expect(await client.talk(lines('x\tbad'), copyDone(), sync())).toEqual(['error 22P02', 'ready I']);
    client.send(encodeQuery('copy loaded from stdin'));
    await client.until('copyInResponse');
    expect(await client.talk(lines('22\tgood'), copyFail('enough'))).toEqual(['error 57014', 'ready I']);
    expect(await client.talk(encodeQuery('select count(*) from loaded where id between 20 and 29'))).toContain('row 0');
  });

  test('is denied before data flows', async () => {
    under = await startGateway(postgres, { policies: [policy([rule({ operations: ['Select'] })])] });
    const client = await WireClient.login(under.address.port);
    expect(await client.talk(encodeQuery('copy loaded from stdin'))).toEqual(['error 42501', 'ready I']);
    expect(await client.talk(run('copy loaded from stdin'), sync())).toEqual(['error 42501', 'ready I']);
  });

  test('gives masked data out', async () => {
    under = await startGateway(postgres);
    const client = await WireClient.login(under.address.port);
    const seen: Buffer[] = [];
    client.socket.on('data', (chunk: Buffer) => seen.push(chunk));
    const answers = await client.talk(encodeQuery('copy customers (id, email) to stdout'));
    expect(answers.at(-1)).toBe('ready I');
    expect(answers.filter((name) => name === 'copyData').length).toBeGreaterThan(10);
    expect(Buffer.concat(seen).toString('latin1')).not.toContain('canary');
  });
});

describe('cancel', () => {
  test('by the key that the gateway gave out, of either length, and by no other', async () => {
    under = await startGateway(postgres);
    for (const minor of [0, 2]) {
      const client = new WireClient(under.address.port);
      client.send(WireClient.startup(3, minor, { user: 'x', database: 'shop' }));
      await client.until('authenticationCleartextPassword');
      const bytes: Buffer[] = [];
      client.socket.on('data', (chunk: Buffer) => bytes.push(chunk));
      client.send(serialize.password('token-of-the-agent'));
      await client.until('readyForQuery');
      const all = Buffer.concat(bytes);
      const at = all.indexOf(Buffer.from([0x4b, 0, 0, 0, minor === 2 ? 40 : 12]));
      const keyData = all.subarray(at + 5, at + 5 + (minor === 2 ? 36 : 8));
      client.send(encodeQuery('select pg_sleep(60)'));
      await waitFor(async () => (await postgres.sql("select 1 from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'")).length > 0);
      client.seen.length = 0;
      await cancel(under.address.port, Buffer.concat([keyData.subarray(0, -1), Buffer.from([keyData.at(-1)! ^ 1])]));
      expect(client.shown()).toEqual([]);
      await cancel(under.address.port, keyData);
      await client.until('readyForQuery');
      expect(client.shown().slice(-2)).toEqual(['error 57014', 'ready I']);
    }
  });
});

async function cancel(port: number, keyData: Buffer): Promise<void> {
  const client = new WireClient(port);
  const head = Buffer.from([0, 0, 0, 8 + keyData.length, 0x04, 0xd2, 0x16, 0x2e]);
  client.send(head, keyData);
  await client.closed();
}

async function waitFor(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await new Promise(setImmediate);
}

describe('limits', () => {
  test('rowsPerStatement stops rows and the statement, simple, extended and COPY', async () => {
    under = await startGateway(postgres, { policies: [policy([allowAll], { rowsPerStatement: 10 })] });
    const client = await WireClient.login(under.address.port);
    const query = 'select n from generate_series(1, 5000000) n';
    const simple = await client.talk(encodeQuery(query));
    expect([simple.filter((name) => name.startsWith('row ')).length, ...simple.slice(-2)]).toEqual([10, 'error 54000', 'ready I']);
    const extended = await client.talk(run(query), sync());
    expect([extended.filter((name) => name.startsWith('row ')).length, ...extended.slice(-2)]).toEqual([10, 'error 54000', 'ready I']);
    const copy = await client.talk(encodeQuery('copy (select id from orders) to stdout'));
    expect([copy.filter((name) => name === 'copyData').length, ...copy.slice(-2)]).toEqual([10, 'error 54000', 'ready I']);
    // Even where the target is done before it hears of it.
    const short = await client.talk(encodeQuery('select n from generate_series(1, 11) n'));
    expect([short.filter((name) => name.startsWith('row ')).length, ...short.slice(-2)]).toEqual([10, 'error 54000', 'ready I']);
    expect(await client.talk(encodeQuery('select n from generate_series(1, 10) n; select 11'))).toContain('done SELECT 10');
    expect(await client.talk(encodeQuery('begin; declare c cursor for select n from generate_series(1, 50) n; fetch 9 from c'))).toContain('ready T');
    expect(await client.talk(encodeQuery('fetch 9 from c'))).toContain('error 54000');
  });

  test('statementTimeout cancels in our words', async () => {
    under = await startGateway(postgres, { policies: [policy([allowAll], { statementTimeoutMs: 50 })] });
    const client = await under.connect();
    await expect(client.query('select pg_sleep(60)')).rejects.toMatchObject({ code: '57014', message: expect.stringContaining('statementTimeout') });
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  test('statementTimeout holds for each Execute of a pipeline, and for one whose Sync does not come', async () => {
    under = await startGateway(postgres, { policies: [policy([allowAll], { statementTimeoutMs: 1000 })] });
    const client = await WireClient.login(under.address.port);
    expect((await client.talk(run('select pg_sleep(60)'), sync())).slice(-2)).toEqual(['error 57014', 'ready I']);
    expect((await client.talk(run('select 1'), run('select pg_sleep(60)'), run('select 2'), sync())).slice(-2)).toEqual(['error 57014', 'ready I']);
    const short = Array.from({ length: 4 }, () => run('select pg_sleep(0.4)'));
    expect((await client.talk(...short, sync())).slice(-2)).toEqual(['done SELECT 1', 'ready I']);
    client.seen.length = 0;
    client.send(run("insert into support.agents values (710, 'app', 'x')"));
    await client.until('error');
    expect(await client.talk(sync())).toEqual(['ready I']);
    expect(await postgres.sql('select id from support.agents where id = 710', 'shop')).toEqual([]);
  });

  test('idleTimeout ends a session that stops in the middle of a batch or of a COPY', async () => {
    under = await startGateway(postgres, { policies: [policy([allowAll], { idleTimeoutMs: 60 })] });
    for (const half of [parse({ text: 'select 1' }), encodeQuery('copy loaded from stdin')]) {
      const client = await WireClient.login(under.address.port);
      client.send(half);
      await client.closed();
      expect(client.shown()).toContain('error 57P05');
    }
  });

  test('idleTimeout ends an idle session', async () => {
    under = await startGateway(postgres, { policies: [policy([allowAll], { idleTimeoutMs: 30 })] });
    const client = await WireClient.login(under.address.port);
    await client.closed();
    expect(client.shown()).toEqual(['error 57P05']);
    expect(under.records.of('SessionEnd')).toMatchObject([{ reason: 'IdleTimeout' }]);
  });

  test('expiry of the token ends an idle session at once and a busy one after its transaction', async () => {
    under = await startGateway(postgres);
    under.subject = { ...agent, expiresAt: Date.now() + 300 };
    const [idle, busy] = [await WireClient.login(under.address.port), await WireClient.login(under.address.port)];
    await busy.talk(encodeQuery('begin'));
    await idle.closed();
    expect(idle.shown()).toEqual(['error 57P01']);
    expect(await busy.talk(encodeQuery('select 1'))).toContain('ready T');
    busy.send(encodeQuery('commit'));
    await busy.closed();
    expect(busy.shown().slice(-3)).toEqual(['done COMMIT', 'ready I', 'error 57P01']);
    expect(under.records.of('SessionEnd').map(({ reason }) => reason)).toEqual(['TokenExpired', 'TokenExpired']);
  });

  test('an expired token keeps its session where the connection says so', async () => {
    under = await startGateway(postgres, { identity: { oidc: [], onExpiry: 'KeepUntilSessionDuration' } });
    under.subject = { ...agent, expiresAt: Date.now() - 1 };
    const client = await under.connect();
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  test('a subject that no policy names any more loses its session', async () => {
    under = await startGateway(postgres);
    const client = await WireClient.login(under.address.port);
    under.bundles.set({ policies: [] });
    await client.closed();
    expect(client.shown()).toEqual(['error 57P01']);
    expect(under.records.of('SessionEnd')).toMatchObject([{ reason: 'Revoked' }]);
  });

  test('sessionDuration, kill and drain end sessions', async () => {
    under = await startGateway(postgres, { policies: [policy([allowAll], { sessionDurationMs: 50 })] });
    const first = await WireClient.login(under.address.port);
    await first.closed();
    expect(under.records.of('SessionEnd')).toMatchObject([{ reason: 'SessionDuration' }]);
    under.bundles.set({ policies: [policy([allowAll])] });
    const second = await WireClient.login(under.address.port);
    expect(under.gateway.kill(under.gateway.sessions()[0]!.id)).toBe(true);
    await second.closed();
    const third = await WireClient.login(under.address.port);
    await third.talk(encodeQuery('begin'));
    const drained = under.gateway.drain();
    expect(await third.talk(encodeQuery('commit'))).toEqual(expect.arrayContaining(['done COMMIT']));
    await drained;
    expect(under.records.of('SessionEnd').map(({ reason }) => reason)).toEqual(['SessionDuration', 'Killed', 'Shutdown']);
  });
});

describe('maxRows', () => {
  const limited = [policy([allowAll].map((each) => ({ ...each, postgresql: { ...each.postgresql, maxRows: 2 } })))];
  const count = async (): Promise<unknown> => (await postgres.sql('select count(*)::int as n from support.agents where id between 500 and 599', 'shop'))[0]?.['n'];

  beforeAll(async () => {
    await postgres.sql("insert into support.agents select n, 'app', 'kept' from generate_series(500, 509) n", 'shop');
  });

  test('rolls back what goes beyond it, simple and extended, with RETURNING unseen', async () => {
    under = await startGateway(postgres, { policies: limited });
    const client = await WireClient.login(under.address.port);
    const many = 'delete from support.agents where id between 500 and 509';
    expect(await client.talk(encodeQuery(many))).toEqual(['error 42501', 'ready I']);
    expect(await client.talk(encodeQuery(`${many} returning id`))).toEqual(['error 42501', 'ready I']);
    expect(await client.talk(run(`${many} returning id`), sync())).toEqual(['parseComplete', 'bindComplete', 'error 42501', 'ready I']);
    expect(await client.talk(run("insert into support.agents values (598, 'app', 'x')"), run(many), run('select 1'), sync())).toEqual([
      'parseComplete', 'bindComplete', 'done INSERT 0 1', 'parseComplete', 'bindComplete', 'error 42501', 'ready I',
    ]);
    expect(await client.talk(encodeQuery('begin'))).toContain('ready T');
    expect(await client.talk(encodeQuery(many))).toEqual(['error 42501', 'ready E']);
    expect(await client.talk(encodeQuery('rollback'))).toContain('ready I');
    expect(await client.talk(encodeQuery(`${many}; select 1`))).toEqual(['error 42501', 'ready I']);
    expect(await count()).toBe(10);
    expect(under.records.of('Result').at(-1)).toMatchObject({ error: { sqlstate: '42501' } });
  });

  test('lets through what stays within it', async () => {
    under = await startGateway(postgres, { policies: limited });
    const client = await WireClient.login(under.address.port);
    expect(await client.talk(encodeQuery('delete from support.agents where id = 500 returning id'))).toEqual(['rowDescription', 'row 500', 'done DELETE 1', 'ready I']);
    expect(await client.talk(encodeQuery('delete from support.agents where id = 501'))).toEqual(['done DELETE 1', 'ready I']);
    expect(await client.talk(run('delete from support.agents where id in (502, 503) returning id'), sync())).toEqual([
      'parseComplete', 'bindComplete', 'row 502', 'row 503', 'done DELETE 2', 'ready I',
    ]);
    expect(await client.talk(encodeQuery('begin'))).toContain('ready T');
    expect(await client.talk(encodeQuery('delete from support.agents where id = 504'))).toEqual(['done DELETE 1', 'ready T']);
    expect(await client.talk(encodeQuery('rollback'))).toContain('ready I');
    expect(await count()).toBe(6);
    expect(await client.talk(encodeQuery("insert into support.agents values (505, 'app', 'again')"))).toEqual(['error 23505', 'ready I']);
    expect(await client.talk(encodeQuery('select 1'))).toContain('row 1');
  });
});

describe('faults', () => {
  test('a recording that fails blocks statements', async () => {
    under = await startGateway(postgres);
    const client = await WireClient.login(under.address.port);
    under.records.failure = new Error('disk full');
    expect(await client.talk(encodeQuery("insert into support.agents values (700, 'app', 'x')"))).toEqual(['error 58030', 'ready I']);
    under.records.failure = undefined;
    expect(await client.talk(encodeQuery('select 1'))).toContain('row 1');
    expect(await postgres.sql('select id from support.agents where id = 700', 'shop')).toEqual([]);
    expect(under.problems.splice(0)).toEqual([expect.stringContaining('disk full'), ...under.problems]);
    under.problems.length = 0;
  });

  test('a recording that fails lets statements pass where the connection says so, loudly', async () => {
    under = await startGateway(postgres, { recording: { store: { kind: 'Folder', path: '' }, results: 'Full', onFailure: 'Continue' } });
    const client = await WireClient.login(under.address.port);
    under.records.failure = new Error('disk full');
    expect(await client.talk(encodeQuery('select 1'))).toContain('row 1');
    expect(under.problems.join()).toContain('disk full');
    under.problems.length = 0;
    under.records.failure = undefined;
  });

  test('rows that cannot be recorded are not sent', async () => {
    under = await startGateway(postgres);
    const client = await WireClient.login(under.address.port);
    under.records.failFrames = new Error('disk full');
    client.send(encodeQuery('select 1'));
    await client.closed();
    expect(client.shown()).toEqual(['error 58030']);
    expect(under.records.of('SessionEnd')).toMatchObject([{ reason: 'RecordingFailed' }]);
    under.problems.length = 0;
  });

  test('a target that restarts ends its sessions and serves new ones', async () => {
    under = await startGateway(postgres);
    const client = await WireClient.login(under.address.port);
    await client.talk(encodeQuery('begin'));
    await postgres.restart();
    await client.closed();
    expect(client.shown().at(-1)).toBe('error 57P01');
    const again = await under.connect();
    expect((await again.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    expect(under.records.of('SessionEnd')).toMatchObject([{ reason: 'TargetClosed' }]);
    under.problems.length = 0;
  });

  test('errors over masked relations say nothing that a row could hold', async () => {
    under = await startGateway(postgres);
    const client = await under.connect();
    const failing = 'select cast(email as int) from customers';
    await expect(client.query(failing)).rejects.toMatchObject({ code: '22P02', message: expect.stringContaining('withheld') });
    await expect(client.query("insert into customers (id, name) values (1, 'x')")).rejects.toMatchObject({ code: '23505', detail: undefined, constraint: 'customers_pkey' });
  });
});
