import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { datasetLogins, type Postgres } from '../support/postgres.ts';
import { type ShopGateway, startShopGateway } from '../support/gateway.ts';
import { type Format, messages, RawClient, type RawFrame } from '../support/raw-client.ts';
import { hashKey, leaksIn } from './canary-detector.ts';
import { type EvasionCase, evasionCases } from './evasion-cases.ts';
import { startTwins } from './twin-shop.ts';

interface Heard {
  readonly leaks: readonly string[];
  /** What was answered, to be compared with the twin's answer. */
  readonly transcript: string;
}

/** Runs a case in one session, three ways. */
async function attempt(client: RawClient, { sql }: EvasionCase): Promise<Heard> {
  const before = client.frames.length;
  for (const text of sql) await simple(client, text);
  for (const format of ['text', 'binary'] as const) {
    await client.query('ROLLBACK');
    for (const text of sql) await extended(client, text, format);
  }
  client.end();
  return { leaks: leaksIn(client.bytes, client.frames), transcript: transcriptOf(client.frames.slice(before)) };
}

async function simple(client: RawClient, text: string): Promise<void> {
  if (text.includes('FROM STDIN')) await copyIn(client, [messages.query(text)], []);
  else await client.query(text);
}

async function extended(client: RawClient, text: string, format: Format): Promise<void> {
  if (text.includes('FROM STDIN')) await copyIn(client, [messages.parse(text), messages.bind(), messages.execute(), messages.flush], [messages.sync]);
  else await client.extended(text, format);
}

/** Sends one row, if the COPY is let begin. */
async function copyIn(client: RawClient, begin: readonly Buffer[], end: readonly Buffer[]): Promise<void> {
  const before = client.frames.length;
  client.send(...begin);
  const { type } = await client.until('GE', before);
  const row = type === 'G' ? [messages.copyData('1\n'), messages.copyDone] : [];
  client.send(...row, ...end);
  await client.until('Z', before);
}

/** Tables that cases make have whatever OID was next: in a description of rows each table has its own number. */
function transcriptOf(frames: readonly RawFrame[]): string {
  const tables = new Map<number, number>();
  return frames
    .filter(({ type }) => type !== 'S')
    .map(({ type, body }) => `${type} ${(type === 'T' ? withTablesNumbered(body, tables) : body).toString('latin1')}`)
    .join('\n');
}

function withTablesNumbered(description: Buffer, tables: Map<number, number>): Buffer {
  const numbered = Buffer.from(description);
  let at = 2;
  for (let left = numbered.readInt16BE(); left > 0; left--) {
    at = numbered.indexOf(0, at) + 1;
    const oid = numbered.readUInt32BE(at);
    if (oid !== 0 && !tables.has(oid)) tables.set(oid, tables.size + 1);
    numbered.writeUInt32BE(tables.get(oid) ?? 0, at);
    at += 18;
  }
  return numbered;
}

describe.each([18, 15] as const)('PostgreSQL %d', (version) => {
  let twins: readonly [Postgres, Postgres];
  let gateways: readonly [ShopGateway, ShopGateway];
  let tokens: readonly [string, string];

  beforeAll(async () => {
    twins = await startTwins(version);
    // The mask Hash shows the key's work, so both have the same one.
    const hashed = { secrets: { 'hash-key': { key: hashKey } }, connection: { masking: { required: [], hashKeySecretRef: { name: 'hash-key' } } } };
    gateways = [await startShopGateway({ postgres: twins[0], ...hashed }), await startShopGateway({ postgres: twins[1], ...hashed })];
    for (const { log } of gateways) expect(log.filter(({ level, message }) => level === 'error' || message.includes('problem'))).toEqual([]);
    tokens = [await gateways[0].token(), await gateways[1].token()];
  }, 60_000);

  afterAll(async () => {
    for (const gateway of gateways) await gateway.close();
    for (const twin of twins) await twin.stop();
  });

  const throughGateway = (which: 0 | 1): Promise<RawClient> => RawClient.login({ port: gateways[which].port, password: tokens[which] });
  const pastGateway = (which: 0 | 1): Promise<RawClient> => RawClient.login({ port: twins[which].port, parameters: { user: datasetLogins.app.user } });

  test.each(evasionCases)('$name', async (evasion) => {
    const mine = await attempt(await throughGateway(0), evasion);
    const others = await attempt(await throughGateway(1), evasion);
    expect(mine.leaks).toEqual([]);
    expect(others.leaks).toEqual([]);
    expect(others.transcript).toBe(mine.transcript);
  });

  test.each(evasionCases.filter(({ harmless, since = 0 }) => harmless === undefined && since <= version))('past the gateway tells something: $name', async (evasion) => {
    const mine = await attempt(await pastGateway(0), evasion);
    const others = await attempt(await pastGateway(1), evasion);
    expect(mine.leaks.length > 0 || others.transcript !== mine.transcript).toBe(true);
  });

  test('the detector reads rows in pieces', async () => {
    const client = await pastGateway(0);
    await client.talk(messages.query('SELECT ascii(substr(email, n, 1)) FROM customers, generate_series(1, 9) n WHERE id = 1 ORDER BY n'));
    client.end();
    expect(leaksIn(client.bytes, client.frames)).toEqual(['in pieces']);
  });
});
