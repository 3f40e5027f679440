/** An agent who wants raw data, more rows than its rule gives, or statements that no record shows. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { serialize } from 'pg-protocol';
import { encodeQuery } from '../../../src/wire/postgresql/frontend-messages.ts';
import { loadDataset, type Postgres, startPostgres } from '../../support/postgres.ts';
import { allowAll, type GatewayUnderTest, maskEmails, pattern, policy, rule, startGateway } from './gateway-under-test.ts';
import { WireClient } from './wire-client.ts';

let postgres: Postgres;
let under: GatewayUnderTest;

const { parse, bind, execute, sync, close } = serialize;
const run = (text: string, values: unknown[] = []): Buffer => Buffer.concat([parse({ text }), bind({ values }), execute({})]);
const failing = run('select 1 / (select 0)');
const changeAll = 'update counted set n = n + 1';
const changed = async (): Promise<unknown> => (await postgres.sql('select count(*)::int as n from counted where n > 0', 'shop'))[0];
const countedRules = [policy([rule({ name: 'read', operations: ['Select'] }), rule({ name: 'few', operations: ['Update'], relations: ['public.counted'], maxRows: 3 })])];

/** Sends all in one piece, and waits for so many ReadyForQuery. */
async function burst(client: WireClient, readies: number, ...frames: Buffer[]): Promise<string[]> {
  client.seen.length = 0;
  client.send(...frames);
  await client.until('readyForQuery', readies);
  return client.shown();
}

describe.each([18, 15] as const)('PostgreSQL %i', (version) => {
  beforeAll(async () => {
    postgres = await startPostgres({ version });
    await loadDataset(postgres);
    await postgres.sql(
      `create table counted (id int primary key, n int not null default 0); insert into counted select generate_series(1, 20); grant all on counted to app;
       create schema vault; create table vault.tickets (id int, body text); insert into vault.tickets values (1, 'from the vault'); grant usage on schema vault to app; grant all on vault.tickets to app;
       create table public.tickets (id int, body text); insert into public.tickets values (1, 'from the desk'); grant all on public.tickets to app;
       create table guarded (id int primary key, secret text, n int check (n > 0)); insert into guarded values (1, 'canary-guarded', 1); grant all on guarded to app`,
      'shop',
    );
  });
  afterAll(async () => {
    await postgres.stop();
  });
  beforeEach(async () => {
    await postgres.sql('update counted set n = 0', 'shop');
  });
  afterEach(async () => {
    const problems = [...under.problems];
    await under.close();
    expect(problems).toEqual([]);
  });

  describe('a name that does not hold at the target what was noted for it', () => {
    const exchanges: readonly { readonly name: string; readonly frames: readonly Buffer[]; readonly readies: number }[] = [
      { name: 'a second Parse under a name that is taken', frames: [parse({ name: 's', text: 'select 1' }), sync()], readies: 1 },
      { name: 'a Parse that is skipped behind an error', frames: [failing, close({ type: 'S', name: 's' }), parse({ name: 's', text: 'select 1' }), sync()], readies: 1 },
    ];

    test.each(exchanges)('$name', async ({ frames, readies }) => {
      under = await startGateway(postgres, { policies: countedRules });
      const client = await WireClient.login(under.address.port);
      expect(await client.talk(parse({ name: 's', text: changeAll }), sync())).toEqual(['parseComplete', 'ready I']);
      const seen = await burst(client, readies + 1, ...frames, bind({ statement: 's' }), execute({}), sync());
      expect(seen).not.toContain('done UPDATE 20');
      expect(await changed()).toEqual({ n: 0 });
      expect(await client.talk(run('select 5'), sync())).toContain('row 5');
    });

    test('the statement without a name', async () => {
      under = await startGateway(postgres, { policies: countedRules });
      const client = await WireClient.login(under.address.port);
      await client.talk(parse({ text: changeAll }), sync());
      // What has no name is kept where the Parse behind the error is skipped.
      await client.talk(parse({ name: 'fails', text: 'select 1 / (select 0)' }), sync());
      await burst(client, 2, bind({ statement: 'fails' }), execute({}), parse({ text: 'select 1' }), sync(), bind({}), execute({}), sync());
      expect(await changed()).toEqual({ n: 0 });
    });

    test('a portal', async () => {
      under = await startGateway(postgres, { policies: countedRules });
      const client = await WireClient.login(under.address.port);
      await client.talk(encodeQuery('begin'));
      await client.talk(parse({ name: 's', text: changeAll }), bind({ statement: 's', portal: 'p' }), parse({ name: 'one', text: 'select 1' }), parse({ name: 'back', text: 'rollback to save' }), sync());
      await client.talk(encodeQuery('savepoint save'));
      const behindError = [failing, close({ type: 'P', name: 'p' }), bind({ statement: 'one', portal: 'p' }), sync()];
      const back = [bind({ statement: 'back' }), execute({}), sync()];
      await burst(client, 3, ...behindError, ...back, execute({ portal: 'p' }), sync());
      await client.talk(encodeQuery('commit'));
      expect(await changed()).toEqual({ n: 0 });
    });

    test('a message that had to wait is still answered before Terminate, and before the end of the stream', async () => {
      under = await startGateway(postgres);
      for (const last of [serialize.end(), undefined]) {
        const client = await WireClient.login(under.address.port);
        client.send(failing, parse({ name: 's', text: 'select 7' }), sync(), parse({ name: 's', text: 'select 8' }), sync(), bind({ statement: 's' }), execute({}), sync());
        if (last === undefined) client.socket.end();
        else client.send(last);
        await client.closed();
        expect(client.shown()).toEqual(['parseComplete', 'bindComplete', 'error 22012', 'ready I', 'parseComplete', 'ready I', 'bindComplete', 'row 8', 'done SELECT 1', 'ready I']);
      }
      expect(under.records.of('SessionEnd').map(({ reason }) => reason)).toEqual(['ClientClosed', 'ClientClosed']);
    });

    test('EXECUTE of a name in a simple query', async () => {
      under = await startGateway(postgres, { policies: countedRules });
      const client = await WireClient.login(under.address.port);
      await client.talk(parse({ name: 's', text: changeAll }), sync());
      await burst(client, 2, failing, close({ type: 'S', name: 's' }), parse({ name: 's', text: 'select 1' }), sync(), encodeQuery('execute s'));
      expect(await changed()).toEqual({ n: 0 });
    });

    test('a statement that is to be prepared anew under new masks, behind an error', async () => {
      under = await startGateway(postgres, { maskRules: [] });
      const client = await WireClient.login(under.address.port);
      await client.talk(parse({ name: 's', text: 'select email from customers where id = 1' }), sync());
      under.bundles.set({ maskRules: [maskEmails()] });
      const seen = await burst(client, 2, failing, bind({ statement: 's' }), execute({}), sync(), bind({ statement: 's' }), execute({}), sync());
      expect(seen.join()).not.toContain('canary');
      expect(seen).toContain('done SELECT 1');
    });

    test('names that one text makes before it fails', async () => {
      under = await startGateway(postgres, { maskRules: [] });
      const client = await WireClient.login(under.address.port);
      await client.talk(encodeQuery("prepare s as select 'harmless'"));
      await client.talk(encodeQuery('deallocate s; prepare s as select email from customers where id = 1; select 1 / (select 0)'));
      under.bundles.set({ maskRules: [maskEmails()] });
      expect((await client.talk(encodeQuery('execute s'))).join()).not.toContain('canary');
    });
  });

  describe('a search path that changes unseen', () => {
    const set = "select set_config('search_path', 'vault', false) from generate_series(1, 3)";
    const ways: readonly { readonly name: string; readonly go: (client: WireClient) => Promise<unknown> }[] = [
      { name: 'by the first portion of a portal', go: (client) => client.talk(parse({ text: set }), bind({}), execute({ rows: 1 }), sync()) },
      { name: 'by EXECUTE of what Parse prepared', go: async (client) => { await client.talk(parse({ name: 's', text: set }), sync()); await client.talk(encodeQuery('execute s')); } },
      { name: 'by EXECUTE of a SET', go: async (client) => { await client.talk(parse({ name: 's', text: 'set search_path to vault' }), sync()); await client.talk(encodeQuery('execute s')); } },
      { name: 'by FETCH from a portal', go: async (client) => {
        await client.talk(encodeQuery('begin'));
        await client.talk(parse({ text: set }), bind({ portal: 'p' }), sync());
        await client.talk(encodeQuery('fetch 1 from p'));
        await client.talk(encodeQuery('commit'));
      } },
      { name: 'by MOVE in a portal', go: async (client) => {
        await client.talk(encodeQuery('begin'));
        await client.talk(parse({ text: set }), bind({ portal: 'p' }), sync());
        await client.talk(run('move 1 in p'), sync());
        await client.talk(encodeQuery('commit'));
      } },
    ];

    test.each(ways)('$name', async ({ go }) => {
      under = await startGateway(postgres, { policies: [policy([rule({ operations: ['Select'], relations: ['public.*'] })])] });
      const client = await WireClient.login(under.address.port);
      await go(client);
      expect((await client.talk(encodeQuery('select body from tickets'))).join()).not.toContain('vault');
      await client.talk(parse({ text: 'select body from tickets' }), bind({}), execute({}), sync());
      expect(client.shown().join()).not.toContain('vault');
    });
  });

  describe('a search path that changes behind a statement that was planned without', () => {
    const steps: readonly { readonly name: string; readonly make: (client: WireClient) => Promise<unknown>; readonly use: (client: WireClient) => Promise<string[]> }[] = [
      { name: 'prepared by Parse', make: (client) => client.talk(parse({ name: 's', text: 'select body from tickets' }), sync()), use: (client) => client.talk(bind({ statement: 's' }), execute({}), sync()) },
      { name: 'prepared by Parse, run by EXECUTE', make: (client) => client.talk(parse({ name: 's', text: 'select body from tickets' }), sync()), use: (client) => client.talk(encodeQuery('execute s')) },
      { name: 'prepared by PREPARE', make: (client) => client.talk(encodeQuery('prepare s as select body from tickets')), use: (client) => client.talk(encodeQuery('execute s')) },
      { name: 'prepared by PREPARE, run by Bind', make: (client) => client.talk(encodeQuery('prepare s as select body from tickets')), use: (client) => client.talk(bind({ statement: 's' }), execute({}), sync()) },
    ];

    test.each(steps)('$name', async ({ make, use }) => {
      under = await startGateway(postgres, { policies: [policy([rule({ operations: ['Select', 'Ddl'], relations: ['public.*', 'pg_temp.*'] })])] });
      const client = await WireClient.login(under.address.port);
      await make(client);
      expect((await use(client)).join()).toContain('from the desk');
      await client.talk(encodeQuery('set search_path to vault, public'));
      expect((await use(client)).join()).not.toContain('vault');
      await client.talk(encodeQuery('reset search_path'));
      await client.talk(encodeQuery("create temp table tickets as select 'from nowhere' as body"));
      expect((await use(client)).join()).not.toContain('desk');
    });
  });

  describe('what errors say', () => {
    const secrets = { ...maskEmails(), columns: [{ relation: pattern('public.guarded'), column: 'secret', mask: { type: 'Redact' as const } }] };
    const ways: readonly { readonly name: string; readonly go: (client: WireClient) => Promise<unknown> }[] = [
      { name: 'EXECUTE of PREPARE', go: async (client) => { await client.talk(encodeQuery('prepare s as update guarded set n = -1 where id = 1')); await client.talk(encodeQuery('execute s')); } },
      { name: 'EXECUTE of Parse', go: async (client) => { await client.talk(parse({ name: 's', text: 'update guarded set n = -1 where id = 1' }), sync()); await client.talk(encodeQuery('execute s')); } },
      { name: 'EXECUTE in the extended protocol', go: async (client) => { await client.talk(encodeQuery('prepare s as update guarded set n = -1 where id = 1')); await client.talk(run('execute s'), sync()); } },
      { name: 'Bind of PREPARE', go: async (client) => { await client.talk(encodeQuery('prepare s as update guarded set n = -1 where id = 1')); await client.talk(bind({ statement: 's' }), execute({}), sync()); } },
      { name: 'FETCH from a portal', go: async (client) => {
        await client.talk(encodeQuery('begin'));
        await client.talk(parse({ text: 'update guarded set n = -1 where id = 1 returning n' }), bind({ portal: 'p' }), sync());
        await client.talk(encodeQuery('fetch 1 from p'));
      } },
    ];

    const late: readonly { readonly name: string; readonly go: (client: WireClient) => Promise<unknown> }[] = [
      { name: 'Sync', go: (client) => client.talk(run('update guarded set n = 7 where id = 1'), sync()) },
      { name: 'Sync behind EXECUTE', go: async (client) => { await client.talk(encodeQuery('prepare s as update guarded set n = 7 where id = 1')); await client.talk(run('execute s'), sync()); } },
      { name: 'a simple query', go: (client) => client.talk(encodeQuery('update guarded set n = 7 where id = 1')) },
      { name: 'COMMIT', go: async (client) => { await client.talk(encodeQuery('begin')); await client.talk(encodeQuery('update guarded set n = 7 where id = 1')); await client.talk(encodeQuery('select 1')); await client.talk(encodeQuery('commit')); } },
      { name: 'COMMIT, extended', go: async (client) => { await client.talk(run('begin'), sync()); await client.talk(run('update guarded set n = 7 where id = 1'), sync()); await client.talk(run('commit'), sync()); } },
      { name: 'SET CONSTRAINTS', go: async (client) => { await client.talk(encodeQuery('begin')); await client.talk(encodeQuery('update guarded set n = 7 where id = 1')); await client.talk(encodeQuery('set constraints all immediate')); } },
    ];

    test.each(late)('is withheld where a trigger speaks as late as $name', async ({ go }) => {
      await postgres.sql(
        `create or replace function tell() returns trigger language plpgsql as $$ begin raise notice 'saw %', new.secret; if new.n = 7 then raise exception 'not with %', new.secret using detail = new.secret; end if; return null; end $$;
         drop trigger if exists late on guarded; create constraint trigger late after update on guarded deferrable initially deferred for each row execute function tell()`,
        'shop',
      );
      under = await startGateway(postgres, { maskRules: [secrets] });
      const client = await WireClient.login(under.address.port);
      const bytes: Buffer[] = [];
      client.socket.on('data', (chunk: Buffer) => bytes.push(chunk));
      await go(client);
      await postgres.sql('drop trigger late on guarded', 'shop').catch(() => undefined);
      expect(bytes.toString()).toContain('P0001');
      expect(bytes.toString()).not.toContain('canary');
      expect(JSON.stringify(under.records.records)).not.toContain('canary');
    });

    test.each(ways)('is withheld for $name', async ({ go }) => {
      under = await startGateway(postgres, { maskRules: [secrets] });
      const client = await WireClient.login(under.address.port);
      const bytes: Buffer[] = [];
      client.socket.on('data', (chunk: Buffer) => bytes.push(chunk));
      await go(client);
      expect(Buffer.concat(bytes).toString('latin1')).toMatch(/23514|42501/);
      expect(Buffer.concat(bytes).toString('latin1')).not.toContain('canary');
      expect(JSON.stringify(under.records.records)).not.toContain('canary');
    });
  });

  describe('maxRows', () => {
    const tries: readonly { readonly name: string; readonly go: (client: WireClient) => Promise<unknown> }[] = [
      { name: 'a simple query', go: (client) => client.talk(encodeQuery(changeAll)) },
      { name: 'a pipeline behind a write within bounds', go: (client) => client.talk(run('update counted set n = 1 where id = 1'), run(changeAll), sync()) },
      { name: 'RETURNING', go: (client) => client.talk(encodeQuery(`${changeAll} returning id`)) },
      { name: 'PREPARE and EXECUTE', go: async (client) => { await client.talk(encodeQuery(`prepare s as ${changeAll}`)); await client.talk(encodeQuery('execute s')); } },
      { name: 'Parse and EXECUTE', go: async (client) => { await client.talk(parse({ name: 's', text: changeAll }), sync()); await client.talk(encodeQuery('execute s')); } },
      { name: 'EXPLAIN ANALYZE', go: (client) => client.talk(encodeQuery(`explain analyze ${changeAll}`)) },
      { name: 'EXPLAIN ANALYZE EXECUTE', go: async (client) => { await client.talk(encodeQuery(`prepare s as ${changeAll}`)); await client.talk(encodeQuery('explain analyze execute s')); } },
      { name: 'EXPLAIN ANALYZE EXECUTE, extended', go: async (client) => { await client.talk(encodeQuery(`prepare s as ${changeAll}`)); await client.talk(run('explain analyze execute s'), sync()); } },
      { name: 'FETCH from a portal', go: async (client) => {
        await client.talk(encodeQuery('begin'));
        await client.talk(parse({ text: `${changeAll} returning id` }), bind({ portal: 'p' }), sync());
        await client.talk(encodeQuery('fetch 1 from p'));
        await client.talk(encodeQuery('commit'));
      } },
      { name: 'a data-modifying CTE', go: (client) => client.talk(encodeQuery(`with x as (${changeAll} returning id) select 1`)) },
      { name: 'behind a savepoint', go: async (client) => {
        await client.talk(encodeQuery('begin'));
        await client.talk(encodeQuery('savepoint s'));
        await client.talk(encodeQuery(changeAll));
        await client.talk(encodeQuery('rollback to s'));
        await client.talk(encodeQuery('commit'));
      } },
      { name: 'several texts in one', go: (client) => client.talk(encodeQuery(`${changeAll}; commit`)) },
      { name: 'a portal in portions', go: (client) => client.talk(parse({ text: `${changeAll} returning id` }), bind({}), execute({ rows: 1 }), sync()) },
    ];

    test.each(tries)('holds for $name', async ({ go }) => {
      under = await startGateway(postgres, { policies: countedRules, maskRules: [] });
      const client = await WireClient.login(under.address.port);
      await go(client);
      expect(await changed()).toEqual({ n: 0 });
      expect(await client.talk(encodeQuery('update counted set n = 1 where id < 3'))).toEqual(['done UPDATE 2', 'ready I']);
    });

    test('holds for COPY FROM and MERGE', async () => {
      const few = rule({ name: 'few', operations: ['Insert', 'Copy', 'Merge', 'Update'], relations: ['public.counted'], maxRows: 3 });
      under = await startGateway(postgres, { policies: [policy([rule({ operations: ['Select'] }), few])], maskRules: [] });
      const client = await WireClient.login(under.address.port);
      expect(await client.talk(encodeQuery('merge into counted c using (select generate_series(1, 20) as id) s on c.id = s.id when matched then update set n = 1'))).toEqual(['error 42501', 'ready I']);
      expect(await changed()).toEqual({ n: 0 });
      client.seen.length = 0;
      client.send(encodeQuery('copy counted from stdin'));
      while (!client.shown().some((name) => name === 'copyInResponse' || name.startsWith('ready'))) await new Promise(setImmediate);
      if (client.shown().includes('copyInResponse')) await client.talk(serialize.copyData(Buffer.from('101\t1\n102\t1\n103\t1\n104\t1\n')), serialize.copyDone());
      expect(await changed()).toEqual({ n: 0 });
    });
  });

  describe('evidence', () => {
    test('what EXECUTE and FETCH run stands in their record, though nobody recorded its Parse', async () => {
      under = await startGateway(postgres, { policies: [policy([allowAll])] });
      const client = await WireClient.login(under.address.port);
      await client.talk(parse({ name: 's', text: 'select id from tickets where id = $1' }), sync());
      await client.talk(encodeQuery('execute s(1)'));
      await client.talk(encodeQuery('begin'));
      await client.talk(parse({ text: 'select body from tickets where id = $1' }), bind({ portal: 'p', values: ['1'] }), sync());
      await client.talk(encodeQuery('fetch 1 from p'));
      const actions = under.records.of('Action');
      expect(actions).toMatchObject([
        { statement: 'execute s(1)', runs: [{ statement: 'select id from tickets where id = $1' }] },
        { statement: 'begin' },
        { statement: 'fetch 1 from p', runs: [{ statement: 'select body from tickets where id = $1', parameters: [{ text: '1' }] }] },
      ]);
    });

    test('COPY into a table with masked columns is recorded as a digest', async () => {
      const notes = { ...maskEmails(), columns: [{ relation: pattern('public.guarded'), column: 'secret', mask: { type: 'Redact' as const } }] };
      under = await startGateway(postgres, { maskRules: [notes] });
      const client = await WireClient.login(under.address.port);
      client.send(encodeQuery('copy guarded (id, secret) from stdin'));
      await client.until('copyInResponse');
      expect(await client.talk(serialize.copyData(Buffer.from('77\tcanary-copied\n')), serialize.copyDone())).toEqual(['done COPY 1', 'ready I']);
      expect(Buffer.concat(under.records.frames).toString()).not.toContain('canary');
      expect(under.records.of('Note')).toMatchObject([{ reason: 'CopyWithheld', message: expect.stringMatching(/^22 bytes .* hmac:[0-9a-f]{64}$/) }]);
      await postgres.sql('delete from guarded where id = 77', 'shop');
    });

    test('a value for a masked column is kept out of the record of EXECUTE', async () => {
      const notes = { ...maskEmails(), columns: [{ relation: pattern('public.customers'), column: 'notes', mask: { type: 'Redact' as const } }] };
      under = await startGateway(postgres, { maskRules: [notes] });
      const client = await WireClient.login(under.address.port);
      await client.talk(encodeQuery('prepare s(text) as update customers set notes = $1 where id = 1'));
      expect(await client.talk(encodeQuery("execute s('canary-value')"))).toEqual(['done UPDATE 1', 'ready I']);
      await client.talk(parse({ text: 'execute s($1)' }), bind({ values: ['canary-value'] }), execute({}), sync());
      expect(client.shown().at(-1)).toBe('ready I');
      expect(await client.talk(bind({ statement: 's', values: ['canary-value'] }), execute({}), sync())).toContain('done UPDATE 1');
      expect(JSON.stringify(under.records.records)).not.toContain('canary-value');
    });
  });

  /** The snapshot as it was, until it is asked for by name: what the poll would have found is found a moment late. */
  describe('a catalogue that has changed since it was read', () => {
    const passwords = { ...maskEmails(), columns: [{ relation: pattern('*.*'), column: '*password*', mask: { type: 'Redact' as const } }] };
    const make = async (): Promise<void> => {
      await postgres.sql("drop table if exists growing; create table growing (id int primary key, tax int generated always as (id * 2) stored); insert into growing values (1); grant all on growing to app", 'shop');
    };
    const grow = (): Promise<unknown> => postgres.sql("alter table growing add column old_password text not null default 'canary-password'", 'shop');
    const ways: readonly { readonly name: string; readonly go: (client: WireClient) => Promise<string[]> }[] = [
      { name: 'a simple query', go: (client) => client.talk(encodeQuery('select * from growing')) },
      { name: 'a text with several', go: (client) => client.talk(encodeQuery('select 1; select old_password from growing; select 2')) },
      { name: 'Parse to Sync', go: (client) => client.talk(run('select * from growing'), sync()) },
      { name: 'Parse to Sync with Describe', go: (client) => client.talk(parse({ text: 'select * from growing' }), bind({}), serialize.describe({ type: 'P' }), execute({}), sync()) },
      { name: 'a described statement', go: async (client) => {
        await client.talk(parse({ name: 't', text: 'select old_password from growing' }), serialize.describe({ type: 'S', name: 't' }), sync());
        return client.talk(bind({ statement: 't' }), execute({}), sync());
      } },
      { name: 'COPY', go: (client) => client.talk(encodeQuery('copy growing to stdout')) },
      { name: 'COPY, extended', go: (client) => client.talk(run('copy growing to stdout'), sync()) },
      { name: 'a cursor', go: async (client) => { await client.talk(encodeQuery('begin')); await client.talk(encodeQuery('declare c cursor for table growing')); return client.talk(encodeQuery('fetch 1 from c')); } },
      { name: 'PREPARE and Bind', go: async (client) => { await client.talk(encodeQuery('prepare s as select old_password from growing')); return client.talk(bind({ statement: 's' }), execute({}), sync()); } },
    ];

    test.each(ways)('$name shows no column that a mask could be meant for', async ({ go }) => {
      await make();
      under = await startGateway(postgres, { maskRules: [passwords] });
      under.catalogue.holdPoll();
      const client = await WireClient.login(under.address.port);
      const bytes: Buffer[] = [];
      client.socket.on('data', (chunk: Buffer) => bytes.push(chunk));
      await grow();
      await go(client);
      expect(bytes.toString()).not.toContain('canary');
      // Either it is told to try again, or it was planned anew in time.
      expect(bytes.toString()).toMatch(/40001|\*{4}/);
      await client.talk(encodeQuery('rollback'));
      expect(await client.talk(encodeQuery('select old_password from growing'))).toEqual(['rowDescription', 'row ****', 'done SELECT 1', 'ready I']);
    });

    test('a write that returns such a column ends the session: it may have been done', async () => {
      await make();
      under = await startGateway(postgres, { maskRules: [passwords] });
      under.catalogue.holdPoll();
      const client = await WireClient.login(under.address.port);
      await grow();
      client.send(encodeQuery('insert into growing values (2) returning old_password'));
      await client.closed();
      expect(client.shown()).toEqual(['error 40001']);
    });

    test('what was made a moment ago is found before it is refused, simple and extended, and refused when it is not there', async () => {
      under = await startGateway(postgres);
      under.catalogue.holdPoll();
      const client = await WireClient.login(under.address.port);
      await postgres.sql('drop table if exists fresh, fresher; create table fresh (id int); insert into fresh values (1); grant all on fresh to app', 'shop');
      expect(await client.talk(encodeQuery('select id from fresh'))).toContain('done SELECT 1');
      await postgres.sql('create table fresher (id int); insert into fresher values (2); grant all on fresher to app', 'shop');
      expect(await client.talk(run('select id from fresher'), run('select 3'), sync())).toEqual(['parseComplete', 'bindComplete', 'row 2', 'done SELECT 1', 'parseComplete', 'bindComplete', 'row 3', 'done SELECT 1', 'ready I']);
      expect(await client.talk(encodeQuery('select id from freshest'))).toEqual(['error 42P01', 'ready I']);
      expect(await client.talk(run('select id from freshest'), sync())).toEqual(['error 42P01', 'ready I']);
    });
  });

  test('texts that are too deep for the parser end the session that sends them one after the other', async () => {
    under = await startGateway(postgres);
    const client = await WireClient.login(under.address.port);
    const deep = (at: number): Buffer => encodeQuery(`select ${at}${' + 1'.repeat(3000)}`);
    for (let at = 0; at <= 10; at++) expect((await client.talk(deep(at))).at(-1)).toBe('ready I');
    client.send(deep(11));
    await client.closed();
    expect(under.records.of('SessionEnd')).toMatchObject([{ reason: 'ProtocolError' }]);
  });

  describe('what one client may hold', () => {
    test('values of a pipeline without Sync are answered, so that they need not be kept', async () => {
      under = await startGateway(postgres);
      const client = await WireClient.login(under.address.port);
      const large = bind({ values: ['x'.repeat(3 * 1024 * 1024)] });
      client.send(parse({ text: 'select length($1)' }), large, large, large);
      await client.until('bindComplete', 2);
      expect(await client.talk(execute({}), sync())).toContain('done SELECT 1');
    });

    test('prepared statements, by Parse and by PREPARE, are bounded by what they weigh', async () => {
      under = await startGateway(postgres);
      const client = await WireClient.login(under.address.port);
      const large = `select '${'x'.repeat(1_000_000)}'`;
      for (let at = 0; at < 34; at++) expect(await client.talk(parse({ name: `s${at}`, text: large }), sync())).toEqual(['parseComplete', 'ready I']);
      expect(await client.talk(parse({ name: 'more', text: 'select 1' }), sync())).toEqual(['error 53400', 'ready I']);
      expect(await client.talk(encodeQuery('prepare more as select 1'))).toEqual(['error 53400', 'ready I']);
      expect(await client.talk(close({ type: 'S', name: 's0' }), close({ type: 'S', name: 's1' }), sync())).toContain('ready I');
      expect(await client.talk(encodeQuery('prepare more as select 1'))).toEqual(['done PREPARE', 'ready I']);
    });

    test('a flood of cancel requests cancels, and the session goes on', async () => {
      under = await startGateway(postgres);
      const client = new WireClient(under.address.port);
      client.send(WireClient.startup(3, 0, { user: 'x', database: 'shop' }));
      await client.until('authenticationCleartextPassword');
      const bytes: Buffer[] = [];
      client.socket.on('data', (chunk: Buffer) => bytes.push(chunk));
      client.send(serialize.password('token-of-the-agent'));
      await client.until('readyForQuery');
      const all = Buffer.concat(bytes);
      const at = all.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
      client.send(encodeQuery('select pg_sleep(60)'));
      const flood = Array.from({ length: 100 }, () => new WireClient(under.address.port));
      for (const each of flood) each.send(Buffer.from([0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e]), all.subarray(at + 5, at + 13));
      for (const each of flood) await each.closed();
      client.send(encodeQuery('select 1'));
      await client.until('readyForQuery', 3);
      expect(client.shown()).toContain('error 57014');
    });

    test('connections that do not log in lock out their own address alone', async () => {
      under = await startGateway(postgres, {}, { maxLogins: 8 });
      const waiting = [new WireClient(under.address.port), new WireClient(under.address.port)];
      for (const client of waiting) {
        client.send(WireClient.startup(3, 0, { user: 'x', database: 'shop' }));
        await client.until('authenticationCleartextPassword');
      }
      const third = new WireClient(under.address.port);
      await third.until('error');
      expect(third.shown()).toEqual(['error 53300']);
      for (const client of waiting) client.socket.destroy();
      await third.closed();
    });
  });
});
