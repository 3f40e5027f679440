import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { findSession, framesFile, recordsFile } from '../../src/recording/session-folder.ts';
import { type ShopGateway, startShop, startShopGateway } from '../support/gateway.ts';
import { type Postgres } from '../support/postgres.ts';
import { messages, RawClient, rowsOf } from '../support/raw-client.ts';

/** What looks like a card, an address or a key is hidden wherever it comes by, whatever the column is called. */

const card = '4111 1111 1111 1111';
const dense = '4111111111111111';
const key = `sk-${'Abcd1234'.repeat(5)}`;
const mail = 'someone.real@company.example';

describe.each([18, 15] as const)('detectors before PostgreSQL %d', (version) => {
  let postgres: Postgres;
  let shop: ShopGateway;
  let client: RawClient | undefined;

  beforeAll(async () => {
    postgres = await startShop(version);
    await postgres.sql(
      `CREATE TABLE remarks (id int PRIMARY KEY, body text, doc jsonb, words text[], pair contact);
       INSERT INTO remarks SELECT n, format('paid with %s (or %s) by %s using %s, no. %s', '${card}', '${dense}', '${mail}', '${key}', n),
         jsonb_build_object('card', '${dense}', 'mail', '${mail}'), ARRAY['${dense}', 'plain', '${mail}', '${key}'], ROW('${mail}', '${card}')::contact
       FROM generate_series(1, 300) n;
       INSERT INTO remarks SELECT 1000 + n, repeat('x', n * 997) || ' ${dense} ' || repeat('y', 70000 - n * 997) FROM generate_series(0, 70) n;
       CREATE FUNCTION say() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN RAISE NOTICE 'the card is ${dense} of ${mail}'; RAISE EXCEPTION 'not with ${dense}' USING DETAIL = 'it is ${card}', HINT = 'ask ${mail}'; END $f$;
       CREATE TABLE blobs (raw bytea);
       INSERT INTO blobs VALUES ('${dense}');
       GRANT ALL ON remarks, blobs TO app;`,
      'shop',
    );
    const detect = [
      { entity: 'CreditCard', mask: { type: 'KeepLast', count: 4 } },
      { entity: 'Email', mask: { type: 'Redact' } },
      { pattern: 'sk-[A-Za-z0-9]{32,}', mask: { type: 'Redact' } },
    ] as const;
    shop = await startShopGateway({
      postgres,
      masks: { secrets: { detect: [...detect] } },
      policies: { open: { subjects: [{ serviceAccount: { namespace: 'agents', name: 'tester' } }], rules: [{ name: 'all', effect: 'Allow', postgresql: { operations: ['Select', 'Insert', 'Update', 'Copy', 'Ddl', 'Listen'], relations: ['*.*'], where: 'Optional', maxRows: 'Unlimited', functions: ['public.say'], channels: ['*'] } }] } },
    });
  }, 60_000);
  afterAll(async () => {
    await shop.close();
    await postgres.stop();
  });
  afterEach(() => {
    const bytes = client?.bytes ?? Buffer.alloc(0);
    client?.end();
    client = undefined;
    expectHidden(bytes);
  });

  const expectHidden = (bytes: Buffer): void => {
    const heard = bytes.toString('latin1');
    for (const secret of [dense, card, mail, key, Buffer.from(dense).toString('hex')]) expect(heard.includes(secret) ? secret : 'hidden').toBe('hidden');
  };

  const login = async (): Promise<RawClient> => {
    client = await RawClient.login({ port: shop.port, password: await shop.token() });
    return client;
  };

  test.each(['SELECT body FROM remarks', 'SELECT doc FROM remarks', 'SELECT words FROM remarks', 'SELECT pair FROM remarks', 'SELECT r FROM remarks r', 'SELECT * FROM remarks', 'SELECT to_jsonb(r) FROM remarks r', 'SELECT doc::text, words::text, upper(body) FROM remarks', 'SELECT array_agg(words) FROM remarks WHERE id < 9', "SELECT string_agg(body, '') FROM remarks WHERE id < 99", 'TABLE remarks', 'SELECT xmlelement(name a, body) FROM remarks WHERE id < 9'])('%s', async (text) => {
    const session = await login();
    await session.query(text);
    await session.extended(text);
    await session.extended(text, 'binary');
    expect(session.errors).toEqual([]);
    expect(rowsOf(session.frames).length).toBeGreaterThan(0);
  });

  test.each(['COPY remarks TO STDOUT', 'COPY remarks TO STDOUT (FORMAT csv)', 'COPY (SELECT body FROM remarks) TO STDOUT', 'COPY remarks (id, body, words) TO STDOUT (FORMAT binary)', 'COPY (SELECT doc, pair FROM remarks) TO STDOUT (FORMAT binary)'])('%s', async (text) => {
    const session = await login();
    await session.query(text);
    await session.extended(text);
  });

  test('what is found keeps what the mask keeps, and the row stays whole', async () => {
    const session = await login();
    const [row] = rowsOf(await session.query('SELECT body, id FROM remarks WHERE id = 1'));
    expect(row?.[0]).toMatch(/^paid with \*\*\*\*1111 \(or \*\*\*\*1111\) by \*\*\*\* using \*\*\*\*, no\. 1$/);
    expect(row?.[1]).toBe('1');
  });

  test('errors and notices', async () => {
    const session = await login();
    await session.query('SELECT say()');
    await session.extended('SELECT say()');
    await session.query('SELECT body::int FROM remarks WHERE id = 1');
    await session.extended('SELECT words[1]::date FROM remarks WHERE id = 1');
    await session.query(`INSERT INTO remarks (id, body) VALUES (1, 'x')`);
    expect(session.errors.length).toBeGreaterThan(3);
  });

  test('cursors, portals and RETURNING', async () => {
    const session = await login();
    await session.query('BEGIN');
    await session.query('DECLARE k CURSOR FOR SELECT body FROM remarks ORDER BY id DESC');
    await session.query('FETCH 80 FROM k');
    await session.talk([messages.parse('SELECT words, pair FROM remarks ORDER BY id'), messages.bind([], { portal: 'p', format: 'binary' }), messages.execute(5, 'p'), messages.execute(0, 'p'), messages.sync]);
    await session.query('UPDATE remarks SET id = id WHERE id < 20 RETURNING *');
    await session.query('ROLLBACK');
    expect(session.errors).toEqual([]);
  });

  test('notifications and statuses of settings', async () => {
    const session = await login();
    await session.query('LISTEN n');
    await session.query(`NOTIFY n, '${dense}'`);
    await session.query("SELECT set_config('TimeZone', 'UTC', false)");
  });

  test('a bytea in binary', async () => {
    const session = await login();
    await session.extended('SELECT raw FROM blobs', 'binary');
  });

  // What `afterEach` would find is looked for here, so that the failure is the test's own.
  test('a bytea as text', async () => {
    const session = await RawClient.login({ port: shop.port, password: await shop.token() });
    await session.query('SELECT raw FROM blobs');
    session.end();
    expectHidden(session.bytes);
  });

  test('a setting that is told in a parameter status', async () => {
    const session = await RawClient.login({ port: shop.port, password: await shop.token() });
    await session.query("SELECT set_config('application_name', body, false) FROM remarks WHERE id = 1");
    session.end();
    expectHidden(session.bytes);
  });

  test('rows are recorded as they were sent', async () => {
    const session = await login();
    await session.query('SELECT body, doc FROM remarks');
    await session.query('COPY remarks TO STDOUT');
    const { directory } = await recordingOf(session);
    expect(readFileSync(path.join(directory, framesFile)).length).toBeGreaterThan(100_000);
    expectHidden(readFileSync(path.join(directory, framesFile)));
  });

  test('errors are recorded as they were sent', async () => {
    const session = await login();
    await session.query('SELECT body::int FROM remarks WHERE id = 1');
    expectHidden(readFileSync(path.join((await recordingOf(session)).directory, recordsFile)));
  });

  /** The session's name is in the application name that the target knows it by. */
  async function recordingOf(session: RawClient): Promise<{ readonly directory: string }> {
    const [row] = rowsOf(await session.query("SELECT current_setting('application_name')"));
    const found = findSession(shop.recordings, /chaperone\/(\S+)/.exec(row?.[0] ?? '')?.[1] ?? '');
    if (!found.ok) throw new Error(found.error);
    return found.value;
  }
});
