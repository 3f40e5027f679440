import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type ShopGateway, startShopGateway } from '../support/gateway.ts';
import { cancelFrame, cstring, fieldOf, frame, messages, packet, RawClient, rowsOf, startupFrame } from '../support/raw-client.ts';
import { leaksIn } from './canary-detector.ts';

/** What the wire allows to be said in many ways. After each test everything that any of its sessions received is searched. */

const masked = 'SELECT email, ssn FROM customers ORDER BY id';
const { query, parse, bind, describe: describeFrame, execute, sync, flush, close } = messages;

let shop: ShopGateway;
let token: string;
let opened: RawClient[] = [];

beforeAll(async () => {
  shop = await startShopGateway();
  token = await shop.token();
}, 60_000);
afterAll(() => shop.close());
afterEach(() => {
  const sessions = opened;
  opened = [];
  for (const client of sessions) client.end();
  for (const client of sessions) expect(leaksIn(client.bytes, client.frames)).toEqual([]);
});

function open(): RawClient {
  const client = new RawClient(shop.port);
  opened.push(client);
  return client;
}

async function login(parameters: Readonly<Record<string, string>> = {}, password = token): Promise<RawClient> {
  const client = await RawClient.login({ port: shop.port, password, parameters });
  opened.push(client);
  return client;
}

/** Still a session in which a masked statement is answered with masks. */
async function expectAlive(client: RawClient): Promise<void> {
  const rows = rowsOf(await client.query('SELECT email FROM customers WHERE id = 1'));
  expect(rows).toEqual([['c****@leak.example']]);
}

/** Refused in band or ended with a last word; never hanging, never let through. */
async function expectRefusedOrEnded(client: RawClient, sqlstates: RegExp): Promise<void> {
  const error = await client.until('E');
  expect(fieldOf(error, 'C')).toMatch(sqlstates);
  // In band ReadyForQuery follows; at the end nothing does.
  await client.until('Z', client.frames.indexOf(error)).catch(() => expect(client.isClosed).toBe(true));
}

const types = (frames: readonly { type: string }[]): string => frames.map(({ type }) => type).join('');

describe('the extended protocol masks', () => {
  test('when a statement is described once and run often', async () => {
    const client = await login();
    await client.talk([parse(masked, 's'), describeFrame('S', 's'), sync]);
    for (const format of ['text', 'binary', 'text'] as const) {
      const frames = await client.talk([bind([], { statement: 's', format }), execute(), sync]);
      expect(types(frames)).toMatch(/^2D{50}CZ$/);
    }
  });

  test('when nothing is ever described', async () => {
    const client = await login();
    const frames = await client.talk([parse(masked), bind(), execute(), sync]);
    expect(types(frames)).toMatch(/^12D{50}CZ$/);
  });

  test('when a portal is described and not the statement', async () => {
    const client = await login();
    expect(types(await client.talk([parse(masked), bind([], { format: 'binary' }), describeFrame('P'), execute(), sync]))).toMatch(/^12TD{50}CZ$/);
  });

  test('a portal that is read in portions', async () => {
    const client = await login();
    await client.query('BEGIN');
    expect(types(await client.talk([parse(masked), bind([], { portal: 'p' }), execute(3, 'p'), execute(4, 'p'), sync]))).toMatch(/^12DDDsDDDDsZ$/);
    expect(types(await client.talk([execute(0, 'p'), sync]))).toMatch(/^D{43}CZ$/);
    await client.query('ROLLBACK');
  });

  test('columns of which each has its own format', async () => {
    const client = await login();
    const mixed = frame('B', cstring(''), cstring(''), Buffer.from([0, 0, 0, 0, 0, 2, 0, 1, 0, 0]));
    expect(types(await client.talk([parse(masked), mixed, execute(), sync]))).toMatch(/^12D{50}CZ$/);
  });

  test('a pipeline of twenty statements', async () => {
    const client = await login();
    const frames = Array.from({ length: 20 }, () => [parse(masked), bind(), execute(5), sync]).flat();
    expect(types(await client.talk(frames, 20))).toBe('12DDDDDsZ'.repeat(20));
  });

  test('what stands behind a denial in a pipeline is dropped up to Sync, and answered in order', async () => {
    const client = await login();
    const one = [parse('SELECT 1'), bind(), execute()];
    const denied = [parse('SELECT email_of(1)'), bind(), execute()];
    const frames = await client.talk([...one, ...denied, ...one, sync, ...one, sync], 2);
    expect(types(frames)).toBe('12DCEZ12DCZ');
    expect(client.errors).toEqual([expect.stringMatching(/^42501 /)]);
  });

  test('guesses in parameters', async () => {
    const client = await login();
    for (const guess of ['101-11-4001', '****4001   ']) {
      await client.talk([parse('SELECT id FROM customers WHERE ssn = $1', '', [1042]), describeFrame('S'), bind([guess]), execute(), sync]);
    }
    expect(rowsOf(client.frames)).toEqual([['1']]);
  });

  test('parameters that are NULL', async () => {
    const client = await login();
    expect(types(await client.talk([parse('SELECT email FROM customers WHERE ($1::text IS NULL OR email ~ $1) ORDER BY id LIMIT 2'), bind([null]), execute(), sync]))).toBe('12DDCZ');
  });

  test('Flush in place of Sync', async () => {
    const client = await login();
    client.send(parse(masked), bind(), execute(), flush);
    await client.until('C');
    await client.talk(sync);
  });

  test('a simple query in the middle of an extended one', async () => {
    const client = await login();
    await client.talk([parse(masked, 's'), bind([], { statement: 's' }), query('SELECT phone FROM customers')]);
    await client.talk([execute(), sync]);
    await expectAlive(client);
  });

  test('a statement whose name is taken again', async () => {
    const client = await login();
    await client.talk([parse('SELECT 1', 's'), sync]);
    await client.talk([parse(masked, 's'), bind([], { statement: 's' }), execute(), sync]);
    expect(client.errors).toEqual([expect.stringMatching(/^42P05/)]);
    expect(rowsOf(await client.talk([bind([], { statement: 's' }), execute(), sync]))).toEqual([['1']]);
  });

  test('a statement that was closed', async () => {
    const client = await login();
    await client.talk([parse(masked, 's'), close('S', 's'), bind([], { statement: 's' }), execute(), sync]);
    expect(client.errors).toEqual([expect.stringMatching(/^26000/)]);
    await expectAlive(client);
  });

  test('a statement of PREPARE that is bound', async () => {
    const client = await login();
    await client.query(`PREPARE s AS ${masked}`);
    expect(types(await client.talk([describeFrame('S', 's'), bind([], { statement: 's', format: 'binary' }), execute(), sync]))).toMatch(/^tT2D{50}CZ$/);
  });

  test('a statement of Parse that is executed by name', async () => {
    const client = await login();
    await client.talk([parse(masked, 's'), sync]);
    expect(types(await client.query('EXECUTE s'))).toMatch(/^TD{50}CZ$/);
  });

  test('a cursor that is executed as a portal', async () => {
    const client = await login();
    await client.query('BEGIN');
    await client.query(`DECLARE c CURSOR FOR ${masked}`);
    expect(types(await client.talk([execute(2, 'c'), sync]))).toBe('DDsZ');
    await client.query('ROLLBACK');
  });

  test('a portal that FETCH reads', async () => {
    const client = await login();
    await client.query('BEGIN');
    await client.talk([parse(masked), bind([], { portal: 'p' }), sync]);
    await client.query('FETCH 2 FROM p');
    await client.query('ROLLBACK');
    await expectAlive(client);
  });

  test.each(['text', 'binary'] as const)('COPY through it, with %s asked for', async (format) => {
    const client = await login();
    const frames = await client.talk([parse('COPY customers TO STDOUT (FORMAT binary)'), describeFrame('S'), bind([], { format }), execute(), sync]);
    expect(types(frames)).toMatch(/^1tn2Hd+cCZ$/);
  });

  test('an empty statement between others', async () => {
    const client = await login();
    const frames = await client.talk([parse(''), bind(), execute(), parse(masked), bind(), execute(), sync]);
    expect(types(frames)).toMatch(/^12I12D{50}CZ$/);
  });

  test('two statements in one Parse', async () => {
    const client = await login();
    await client.extended(`SELECT 1; ${masked}`);
    expect(client.errors).toEqual([expect.stringMatching(/^42601/)]);
    await expectAlive(client);
  });

  test('several statements in one simple query', async () => {
    const client = await login();
    expect(types(await client.query(`SELECT 1; ${masked}; SELECT 2`))).toMatch(/^TDCTD{50}CTDCZ$/);
  });
});

describe('bytes that are out of order', () => {
  const through = /^(08P01|42501|42601|22021|0A000|54000|26000|34000)$/;

  test('a second statement behind a NUL', async () => {
    const client = await login();
    client.send(frame('Q', Buffer.from('SELECT 1\0; SELECT email FROM customers\0')));
    await expectRefusedOrEnded(client, through);
  });

  test('a second statement behind a NUL in Parse', async () => {
    const client = await login();
    client.send(frame('P', cstring(''), Buffer.from('SELECT 1\0; SELECT email FROM customers\0'), Buffer.from([0, 0])), sync);
    await expectRefusedOrEnded(client, through);
  });

  test('a query without its NUL', async () => {
    const client = await login();
    client.send(frame('Q', Buffer.from('SELECT email FROM customers')));
    await expectRefusedOrEnded(client, through);
  });

  test('bytes that are no UTF-8', async () => {
    const client = await login();
    client.send(frame('Q', Buffer.from([0x53, 0x45, 0x4c, 0x45, 0x43, 0x54, 0x20, 0x27, 0xc3, 0x28, 0x27, 0])));
    await expectRefusedOrEnded(client, /^22021$/);
    await expectAlive(client);
  });

  test('bytes that are no UTF-8 and would hide a quote', async () => {
    const client = await login();
    const text = Buffer.concat([Buffer.from("SELECT '"), Buffer.from([0xe2]), Buffer.from("', email, '' FROM customers\0")]);
    client.send(frame('Q', text));
    await expectRefusedOrEnded(client, /^22021$/);
  });

  test.each([['zero', 0], ['three', 3], ['minus one', -1], ['the least number', -2_147_483_648], ['the greatest number', 2_147_483_647]])('a length of %s', async (_name, length) => {
    const client = await login();
    const head = Buffer.alloc(5);
    head.write('Q');
    head.writeInt32BE(length, 1);
    client.send(head, Buffer.from('SELECT 1\0'), Buffer.alloc(2_000_000, 'x'));
    if (length === 2_147_483_647) client.socket.end();
    await client.until('E').catch(() => undefined);
    expect(client.errors.join()).toMatch(/^$|08P01|54000/);
  });

  test.each(['z', '\0', 'R', 'T', 'D', 'p', 'v', '!'])('a message of the type %j', async (type) => {
    const client = await login();
    if (type === 'D') client.send(frame(type, Buffer.from('X\0')), sync);
    else client.send(frame(type, cstring('SELECT email FROM customers')));
    await expectRefusedOrEnded(client, /^(08P01|26000|34000)$/);
  });

  test('a start-up packet in the middle of a session', async () => {
    const client = await login();
    client.send(startupFrame({ user: 'postgres', database: 'shop' }));
    await expectRefusedOrEnded(client, through);
  });

  test.each([
    ['a negative number of parameters', [0, 0, 0xff, 0xff]],
    ['more parameters than there are bytes', [0, 0, 0x7f, 0xff]],
    ['a parameter that is longer than the message', [0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff]],
    ['a parameter of negative length', [0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe]],
    ['a result format that does not exist', [0, 0, 0, 0, 0, 1, 0, 9]],
    ['bytes left over', [0, 0, 0, 0, 0, 0, 1, 2, 3]],
    ['nothing behind the names', []],
  ])('Bind with %s', async (_name, tail) => {
    const client = await login();
    client.send(parse(masked), frame('B', cstring(''), cstring(''), Buffer.from(tail)), execute(), sync);
    await expectRefusedOrEnded(client, /^(08P01|22023)$/);
  });

  test('Parse with a negative number of types', async () => {
    const client = await login();
    client.send(frame('P', cstring(''), cstring(masked), Buffer.from([0xff, 0xff])), sync);
    await expectRefusedOrEnded(client, /^08P01$/);
  });

  test('Execute with a negative number of rows', async () => {
    const client = await login();
    await client.talk([parse(masked), bind(), execute(-1), sync]);
    await expectAlive(client);
  });

  test('CopyData, CopyDone and CopyFail where there is no COPY', async () => {
    const client = await login();
    client.send(messages.copyData('x'), messages.copyDone, messages.copyFail('y'));
    await expectAlive(client);
  });

  test('a query in the middle of COPY FROM', async () => {
    const client = await login();
    await client.query('CREATE TEMP TABLE t (a text)');
    client.send(query('COPY t FROM STDIN'));
    await client.until('G');
    client.send(query(masked));
    await expectRefusedOrEnded(client, /^08P01$/);
  });

  test('a text of two MiB', async () => {
    const client = await login();
    await client.query(`SELECT '${'x'.repeat(2 * 1024 * 1024)}'`);
    expect(client.errors).toEqual([expect.stringMatching(/^54000/)]);
    await expectAlive(client);
  });

  test('chains that poison the parser', async () => {
    const client = await login();
    for (let round = 0; round < 40; round++) await client.query(`SELECT ${'1+'.repeat(9_650)}1`);
    expect(new Set(client.errors.map((error) => error.slice(0, 5)))).toEqual(new Set(client.errors.length === 0 ? [] : [client.errors[0]?.slice(0, 5)]));
    await expectAlive(client);
    await expectAlive(await login());
  });

  test.each([
    ['parentheses', `SELECT ${'('.repeat(4_000)}1${')'.repeat(4_000)}`],
    ['unions', `SELECT email FROM customers${' UNION ALL SELECT email FROM customers'.repeat(1_500)}`],
    ['an IN list', `SELECT email FROM customers WHERE id IN (${Array.from({ length: 20_000 }, (_, index) => index).join()})`],
    ['nested sub-selects', `${'SELECT * FROM ('.repeat(300)}SELECT email FROM customers${') s'.repeat(300)}`],
    ['joins', `SELECT c0.email FROM ${Array.from({ length: 60 }, (_, index) => `customers c${String(index)}`).join(' NATURAL JOIN ')}`],
    ['casts', `SELECT email${'::text'.repeat(3_000)} FROM customers`],
  ])('a huge number of %s', async (_name, text) => {
    const client = await login();
    await client.query("SET statement_timeout = '4s'");
    await client.query(text);
    await expectAlive(client);
  }, 20_000);

  test('the fast path', async () => {
    const client = await login();
    const [row] = await shop.postgres.sql("SELECT 'public.email_of'::regproc::oid AS oid", 'shop');
    const call = Buffer.alloc(4);
    call.writeUInt32BE(Number(row?.['oid']));
    await client.talk(frame('F', call, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 0x31, 0, 0])));
    expect(client.errors).toEqual([expect.stringMatching(/^0A000/)]);
    await expectAlive(client);
  });

  test('a query that is cut at every byte', async () => {
    const client = await login();
    const bytes = query('SELECT email FROM customers WHERE id < 3');
    for (let at = 1; at < bytes.length; at++) {
      const before = client.frames.length;
      client.send(bytes.subarray(0, at));
      await nextTurn();
      await client.talk(bytes.subarray(at));
      expect(types(client.frames.slice(before))).toBe('TDDCZ');
    }
  });

  test('an extended query that is sent byte by byte', async () => {
    const client = await login();
    const bytes = Buffer.concat([parse('SELECT ssn FROM customers WHERE id = $1', '', [20]), describeFrame('S'), bind([1]), execute(), sync]);
    for (const byte of bytes.subarray(0, -1)) {
      client.send(Buffer.from([byte]));
      await nextTurn();
    }
    expect(types(await client.talk(bytes.subarray(-1)))).toBe('1tT2DCZ');
  });
});

describe('the login', () => {
  test('cut at every byte', async () => {
    const bytes = startupFrame({ user: 'agent', database: 'shop' });
    for (let at = 1; at < bytes.length; at += 3) {
      const client = open();
      client.send(bytes.subarray(0, at));
      await nextTurn();
      client.send(bytes.subarray(at));
      await client.until('R');
      client.socket.destroy();
    }
  });

  test('with everything in one packet', async () => {
    const client = open();
    client.send(startupFrame({ user: 'agent', database: 'shop' }), messages.password(token), query(masked));
    await client.until('C');
    await expectAlive(client);
  });

  test('bytes behind the request for TLS', async () => {
    const client = open();
    client.send(packet(Buffer.from([4, 210, 22, 47])), startupFrame({ user: 'agent', database: 'shop' }), messages.password(token), query(masked));
    await client.closed();
    expect(client.frames.filter(({ type }) => type !== 'E')).toEqual([]);
  });

  test('GSSAPI, then TLS, then neither', async () => {
    const client = open();
    client.send(packet(Buffer.from([4, 210, 22, 48])));
    await once(client.socket, 'data');
    client.send(packet(Buffer.from([4, 210, 22, 47])));
    await once(client.socket, 'data');
    expect(client.bytes.toString()).toBe('NN');
    client.socket.destroy();
  });

  test.each([
    ['TLS with a wrong length', Buffer.from([0, 0, 0, 9, 4, 210, 22, 47, 0])],
    ['a length that is too short', Buffer.from([0, 0, 0, 4])],
    ['a length that is too long', Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0])],
    ['a name without a value', packet(Buffer.from([0, 3, 0, 0]), Buffer.from('user\0'))],
    ['no terminator', packet(Buffer.from([0, 3, 0, 0]), Buffer.from('user\0agent\0'))],
    ['a parameter twice', packet(Buffer.from([0, 3, 0, 0]), Buffer.from('user\0a\0database\0shop\0database\0postgres\0\0'))],
    ['bytes behind the terminator', packet(Buffer.from([0, 3, 0, 0]), Buffer.from('user\0a\0database\0shop\0\0role\0postgres\0\0'))],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['protocol 2', packet(Buffer.from([0, 2, 0, 0]), Buffer.from('shop\0agent\0'))],
  ])('%s', async (_name, bytes) => {
    const client = open();
    client.send(bytes);
    await client.closed();
    expect(types(client.frames)).toMatch(/^E?$/);
    expect(client.errors.join()).toMatch(/^$|08P01|0A000/);
  });

  test('a query before the password', async () => {
    const client = open();
    client.send(startupFrame({ user: 'agent', database: 'shop' }), query(masked));
    await client.closed();
    expect(types(client.frames)).toMatch(/^RE$/);
  });

  test.each([
    ['replication', { replication: 'database' }],
    ['physical replication', { replication: 'true' }],
    ['replication in options', { options: '-c replication=database' }],
    ['a session authorization', { options: '-c session_authorization=postgres' }],
    ['a role', { options: '-c role=postgres' }],
    ['a role, long form', { options: '--role=postgres' }],
    ['a role as a parameter', { role: 'postgres' }],
    ['a session authorization as a parameter', { session_authorization: 'postgres' }],
    ['the hash key', { 'chaperone.hash_key': 'x' }],
    ['the hash key in options', { options: '-c chaperone.hash_key=x' }],
    ['the hash key in upper case', { options: '-c CHAPERONE.HASH_KEY=x' }],
    ['another encoding', { client_encoding: 'SJIS' }],
    ['another encoding in options', { options: '-c client_encoding=SJIS' }],
    ['strings with backslashes', { options: '-c standard_conforming_strings=off' }],
    ['a library', { options: '-c session_preload_libraries=auto_explain' }],
    ['a local library', { local_preload_libraries: 'x' }],
    ['the trigger role', { session_replication_role: 'replica' }],
    ['backslashes in options', { options: String.raw`-c ro\le=postgres` }],
    ['something else in options', { options: '-f s' }],
    ['a file in options', { options: '-r /tmp/never' }],
    ['superuser', { is_superuser: 'on' }],
    ['logged plans', { options: '-c debug_print_plan=on -c client_min_messages=log' }],
    ['another database', { database: 'postgres' }],
    ['a template database', { database: 'template1' }],
    ['the database in quotes', { database: '"shop"' }],
    ['a connection string for a database', { database: 'host=127.0.0.1 dbname=shop' }],
    ['operators of exit', { options: '-c exit_on_error=on' }],
    ['row security', { options: '-c enable_seqscan=off' }],
  ])('start-up asks for %s', async (_name, parameters) => {
    const client = await login(parameters);
    expect(types(client.frames)).toBe('E');
    expect(client.errors.join()).toMatch(/^(42501|0A000|3D000|28000)/);
  });

  test.each([
    ['search_path in options', { options: '-c search_path=support,public' }],
    ['search_path as a parameter', { search_path: 'support' }],
    ['user postgres', { user: 'postgres' }],
    ['a user that is SQL', { user: "x'; SELECT 1 --" }],
    ['an application name that is SQL', { application_name: "x'; SET ROLE postgres --" }],
    ['log messages', { options: '-c client_min_messages=debug5' }],
  ])('start-up with %s is masked all the same', async (_name, parameters) => {
    const client = await login(parameters);
    await client.query('SELECT body FROM support.tickets');
    await client.query('SELECT * FROM tickets');
    await client.query(masked);
    await client.query('SELECT email FROM public.customers WHERE id = 1');
    expect(rowsOf(client.frames).at(-1)).toEqual(['c****@leak.example']);
  });

  test('a newer minor version and unknown protocol options', async () => {
    const client = open();
    client.send(startupFrame({ user: 'agent', database: 'shop', '_pq_.unknown': 'x' }, 196_608 + 9_999));
    await client.until('v');
    await client.until('R');
    client.send(messages.password(token));
    await client.until('Z');
    await expectAlive(client);
  });

  test.each([
    ['an empty password', ''],
    ['a word', 'secret'],
    ['the password of the target', 'app-password-of-the-target'],
    ['a token that nobody signed', `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"system:serviceaccount:agents:tester"}').toString('base64url')}.`],
    ['eighteen KiB', 'x'.repeat(18 * 1024)],
  ])('%s', async (_name, password) => {
    const client = await login({}, password);
    await client.until('E');
    expect(types(client.frames)).toBe('RE');
    expect(client.errors.join()).toMatch(/^(28P01|28000|08P01)/);
  });

  test('a token whose end was changed', async () => {
    const client = await login({}, `${token.slice(0, -4)}AAAA`);
    expect(client.errors).toEqual([expect.stringMatching(/^28P01|^28000/)]);
  });

  test('a token of a subject that no policy names', async () => {
    const client = await login({}, await shop.token('stranger'));
    expect(client.errors).toEqual([expect.stringMatching(/^(42501|28000)/)]);
  });
});

describe('cancel requests', () => {
  const keyOf = (client: RawClient): { processId: number; key: Buffer } => {
    const body = client.frames.find(({ type }) => type === 'K')?.body ?? Buffer.alloc(0);
    return { processId: body.readInt32BE(), key: body.subarray(4) };
  };
  const cancel = async (processId: number, key: Buffer): Promise<void> => {
    const client = open();
    client.send(cancelFrame(processId, key));
    await client.closed();
  };

  test('with guessed keys cancel nothing', async () => {
    const client = await login();
    const { processId, key } = keyOf(client);
    const [own] = rowsOf(await client.query('SELECT pg_backend_pid()'));
    const done = client.query('SELECT pg_sleep(0.3)');
    const guesses = Array.from({ length: 60 }, (_, index) => {
      const guess = Buffer.from(key);
      guess.writeUInt8((guess.readUInt8(index % key.length) + 1 + index) % 256, index % key.length);
      return guess;
    }).filter((guess) => !guess.equals(key));
    await Promise.all(guesses.flatMap((guess) => [cancel(processId, guess), cancel(Number(own?.[0]), guess)]));
    await cancel(Number(own?.[0]), key.subarray(0, 4));
    expect(types(await done)).toBe('TDCZ');
  });

  test('with the key of the session cancel what runs, and nothing else', async () => {
    const client = await login();
    const other = await login();
    const { processId, key } = keyOf(client);
    const stays = other.query('SELECT pg_sleep(0.4)');
    const running = client.query('SELECT pg_sleep(20)');
    await nextTurn();
    await cancel(processId, key);
    await running;
    expect(client.errors).toEqual([expect.stringMatching(/^57014/)]);
    expect(types(await stays)).toBe('TDCZ');
    await expectAlive(client);
  });

  test('never name the process of the target', async () => {
    const client = await login();
    const [row] = rowsOf(await client.query('SELECT pg_backend_pid()'));
    expect(keyOf(client).processId).not.toBe(Number(row?.[0]));
  });
});
