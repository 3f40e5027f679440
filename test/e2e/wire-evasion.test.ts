import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { framesFile, sessionFolders } from '../../src/recording/session-folder.ts';
import { datasetLogins, type Postgres } from '../support/postgres.ts';
import { type ShopGateway, startShopGateway } from '../support/gateway.ts';
import { messages, RawClient } from '../support/raw-client.ts';
import { hashKey, leaksIn } from './canary-detector.ts';
import { attempt } from './evasion-attempt.ts';
import { evasionCases } from './evasion-cases.ts';
import { startTwins } from './twin-shop.ts';

/** What agents were shown, and what errors said, as it is kept. Their own texts may well hold a guess. */
function hiddenInRecordings({ recordings, records }: ShopGateway): string[] {
  const results = records().filter(({ kind }) => kind === 'Result' || kind === 'Note');
  const frames = [...sessionFolders(recordings)].map(({ directory }) => path.join(directory, framesFile)).filter((file) => existsSync(file));
  if (frames.length === 0) return ['nothing was recorded'];
  return [...leaksIn(Buffer.from(JSON.stringify(results)), []), ...frames.flatMap((file) => leaksIn(readFileSync(file), []).map((leak) => `${leak} in ${file}`))];
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
    const recorded = gateways.flatMap(hiddenInRecordings);
    for (const gateway of gateways) await gateway.close();
    for (const twin of twins) await twin.stop();
    expect(recorded).toEqual([]);
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
