import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { appendFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { ExtendedKeyUsage } from '@peculiar/x509';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { generateKeyPair, SignJWT } from 'jose';
import pg from 'pg';
import { CertificateAuthority } from '../identity/certificate-authority.ts';
import { readRecords } from '../../src/recording/read.ts';
import { sessionFolders } from '../../src/recording/session-folder.ts';
import { verifySession } from '../../src/recording/verify.ts';
import { allMasks, eventually, freePort, openPolicy, type PolicySpec, shopDatabase, shopDirectory, type ShopGateway, type ShopOptions, startShop, startShopGateway } from '../support/gateway.ts';
import { startupFrame } from '../support/raw-client.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { datasetLogins, loadDataset, type Postgres, startPostgres } from '../support/postgres.ts';

/** What happens to sessions when the world around the gateway is not as it should be. */

let postgres: Postgres;
let shop: ShopGateway | undefined;

beforeAll(async () => {
  postgres = await startShop();
  await postgres.sql('CREATE TABLE writes (id text PRIMARY KEY); GRANT ALL ON writes TO app', shopDatabase);
}, 60_000);
afterAll(() => postgres.stop());
afterEach(async () => {
  await shop?.close();
  shop = undefined;
});

async function start(options: ShopOptions = {}): Promise<ShopGateway> {
  shop = await startShopGateway({ postgres, ...options });
  return shop;
}

/** The error that ends a session from the outside. */
function fatal(client: pg.Client): Promise<Error> {
  return new Promise((resolve) => client.on('error', resolve));
}

function codeOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

function ended(client: pg.Client): Promise<void> {
  return new Promise((resolve) => client.once('end', resolve));
}

const logged = ({ log }: ShopGateway): string => log.map(({ level, message, fields }) => `${level} ${message} ${fields}`).join('\n');
const maskedEmail = 'SELECT email FROM customers WHERE id = 1';

describe('files', () => {
  test('that are no YAML change nothing but what is said of them', async () => {
    const { connect, directory, rescan, ...served } = await start();
    const client = await connect();
    writeFileSync(path.join(directory, 'broken.yaml'), 'kind: [AccessPolicy\n  - x: {');
    await rescan();
    expect(served.log.map(({ fields }) => fields).join()).toContain('broken.yaml');
    // Nothing of the file is known: it may have been a denial. What was served before is not, by a guess, either.
    const answer = await client.query<{ email: string }>(maskedEmail).then(({ rows }) => rows[0]?.email, (error: unknown) => `${String(codeOf(error))} ${String(error)}`);
    expect(answer).toMatch(/^(c\*\*\*\*@leak\.example|(42501|57P03) .*broken\.yaml.*)$/);
    rmSync(path.join(directory, 'broken.yaml'));
    await rescan();
    expect((await client.query(maskedEmail)).rows).toEqual([{ email: 'c****@leak.example' }]);
    expect((await (await connect()).query(maskedEmail)).rows).toEqual([{ email: 'c****@leak.example' }]);
  });

  test('whose policy has a mistake deny with its name, and serve again once it is mended', async () => {
    const served = await start();
    const client = await served.connect();
    await served.edit(({ policies }) => {
      policies['more'] = { subjects: [{ serviceAccount: { namespace: 'agents', name: 'tester' } }], rules: [{ name: 'x', effect: 'Allow', postgresql: { operations: ['Update'], relations: ['public.orders'] } }] };
    });
    await expect(client.query(maskedEmail)).rejects.toMatchObject({ code: '42501', message: expect.stringContaining('team-a/more') });
    await served.edit(({ policies }) => { delete policies['more']; });
    expect((await client.query(maskedEmail)).rowCount).toBe(1);
  });

  test('without the Secret of the target serve nothing, and say which one', async () => {
    const served = await start();
    const open = await served.connect();
    await served.edit(({ secrets }) => { delete secrets['credentials']; });
    expect(logged(served)).toMatch(/credentials/);
    await expect(served.connect()).rejects.toMatchObject({ code: expect.stringMatching(/^(57P03|08001|ECONN.*)$/) });
    await served.edit(({ secrets }) => { secrets['credentials'] = { username: datasetLogins.app.user, password: datasetLogins.app.password }; });
    expect((await (await served.connect()).query(maskedEmail)).rowCount).toBe(1);
    expect((await open.query(maskedEmail)).rowCount).toBe(1);
  });

  test('that lack a required mask let nobody in, and stop open sessions', async () => {
    const served = await start({ connection: { masking: { required: ['pii'] } } });
    const client = await served.connect();
    await served.edit(({ masks }) => { delete masks['pii']; });
    await expect(client.query(maskedEmail)).rejects.toMatchObject({ message: expect.stringContaining('pii') });
    await expect(served.connect()).rejects.toMatchObject({ code: '57P03', message: expect.stringContaining('pii') });
    await served.edit(({ masks }) => { masks['pii'] = allMasks; });
    expect((await (await served.connect()).query(maskedEmail)).rows).toEqual([{ email: 'c****@leak.example' }]);
  });

  test('that no longer name the subject end its sessions', async () => {
    const served = await start();
    const client = await served.connect();
    const error = fatal(client);
    await served.edit(({ policies }) => { policies['open'] = openPolicy('somebody-else'); });
    expect(await error).toMatchObject({ code: '57P01' });
    await expect(served.connect()).rejects.toMatchObject({ code: '28000' });
  });

  test('that rotate the login of the target cut no session', async () => {
    const served = await start();
    const before = await served.connect();
    try {
      await postgres.sql("ALTER ROLE app PASSWORD 'rotated'");
      await expect(served.connect()).rejects.toMatchObject({ code: '08001', message: expect.not.stringContaining('app') });
      await served.edit(({ secrets }) => { secrets['credentials'] = { username: 'app', password: 'rotated' }; });
      const after = await served.connect();
      expect((await after.query(maskedEmail)).rowCount).toBe(1);
      expect((await before.query(maskedEmail)).rowCount).toBe(1);
      expect(logged(served)).not.toContain('rotated');
    } finally {
      await postgres.sql(`ALTER ROLE app PASSWORD '${datasetLogins.app.password}'`);
    }
  });
});

describe('the target', () => {
  test('with a certificate of another CA is not spoken to', async () => {
    const authority = await CertificateAuthority.create('CN=right');
    const other = await CertificateAuthority.create('CN=wrong');
    const { pem, keyPem } = await authority.issue({ subject: 'CN=127.0.0.1', names: [{ type: 'ip', value: '127.0.0.1' }], usages: [ExtendedKeyUsage.serverAuth] });
    const secure = await startPostgres({ tls: { cert: pem, key: keyPem } });
    try {
      await loadDataset(secure, shopDatabase);
      const served = await start({
        postgres: secure,
        secrets: { ca: { 'ca.crt': other.pem } },
        connection: { postgresql: { host: '127.0.0.1', port: secure.port, database: shopDatabase, tls: { mode: 'VerifyFull', caSecretRef: { name: 'ca' } }, credentialsSecretRef: { name: 'credentials' }, introspectionSecretRef: { name: 'introspection' } } },
      });
      await eventually('it is said', () => /certificate/.test(logged(served)) || /certificate/.test(served.gateway.notReady().join()));
      await expect(served.connect()).rejects.toMatchObject({ code: expect.stringMatching(/^(57P03|08001|ECONNREFUSED)$/) });
      await served.edit(({ secrets }) => { secrets['ca'] = { 'ca.crt': authority.pem }; });
      const client = await eventually('the gateway finds the target', () => served.connect().catch(() => undefined));
      expect((await client.query(maskedEmail)).rowCount).toBe(1);
    } finally {
      await shop?.close();
      shop = undefined;
      await secure.stop();
    }
  });

  describe('that goes and comes', () => {
    let own: Postgres;
    beforeEach(async () => {
      own = await startShop();
    });
    afterEach(async () => {
      await shop?.close();
      shop = undefined;
      await own.stop();
    });

    test('restarts in the middle of a session: the session ends with a word, and the next one is let in', async () => {
      const served = await start({ postgres: own });
      const client = await served.connect();
      const running = client.query('SELECT pg_sleep(30)').catch((error: unknown) => error);
      const end = ended(client);
      await own.restart();
      expect(await running).toMatchObject({ code: expect.stringMatching(/^(57P01|57P02|57P03|08006)$/) });
      await end;
      const next = await eventually('the target is back', () => served.connect().catch(() => undefined));
      expect((await next.query(maskedEmail)).rows).toEqual([{ email: 'c****@leak.example' }]);
      expect(served.records().filter(({ kind }) => kind === 'SessionEnd')).toEqual([expect.objectContaining({ reason: 'TargetClosed' })]);
    });

    test('cannot be reached at login: a clear error, and no login or address of it', async () => {
      const served = await start({ postgres: own });
      await own.pause();
      await expect(served.connect()).rejects.toMatchObject({ code: expect.stringMatching(/^(08001|57P03)$/), message: expect.not.stringMatching(/app\b|\d{5}/) });
      await own.start();
      const client = await eventually('the target is back', () => served.connect().catch(() => undefined));
      expect((await client.query(maskedEmail)).rowCount).toBe(1);
    });

    test('that is not there when the gateway starts is found when it comes', async () => {
      await own.pause();
      const served = await start({ postgres: own });
      expect(served.gateway.notReady().join() + logged(served)).toMatch(/ECONNREFUSED|cannot be reached|not/);
      await own.start();
      const client = await eventually('the gateway finds the target', async () => {
        await served.rescan();
        return served.connect().catch(() => undefined);
      });
      expect((await client.query(maskedEmail)).rowCount).toBe(1);
    });
  });
});

describe('a token', () => {
  test('that expires ends an idle session', async () => {
    const served = await start();
    const client = await served.connect({ password: await served.token('tester', 1_500) });
    expect((await client.query(maskedEmail)).rowCount).toBe(1);
    expect(await fatal(client)).toMatchObject({ code: '57P01', message: expect.stringContaining('expired') });
  });

  test('that expires in a transaction lets it come to its end', async () => {
    const served = await start();
    const client = await served.connect({ password: await served.token('tester', 1_500) });
    const error = fatal(client);
    await client.query('BEGIN');
    await client.query("INSERT INTO writes VALUES ('in time')");
    await client.query('SELECT pg_sleep(2.2)');
    await client.query("INSERT INTO writes VALUES ('in grace')");
    await client.query('COMMIT');
    expect(await error).toMatchObject({ code: '57P01' });
    expect(await postgres.sql("SELECT count(*)::int AS n FROM writes WHERE id LIKE 'in %'", shopDatabase)).toEqual([{ n: 2 }]);
  });

  test('of an identity provider that is down is refused for now, in words that say so', async () => {
    const issuer = `http://127.0.0.1:${String(await freePort())}`;
    const served = await start({ connection: { identity: { oidc: [{ issuer, audience: 'chaperone', groupsClaim: 'groups' }], onExpiry: 'End' } } });
    const { privateKey } = await generateKeyPair('ES256');
    const token = await new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: 'ES256', kid: 'k' }).setIssuer(issuer).setAudience('chaperone').setIssuedAt().setExpirationTime('5m').sign(privateKey);
    await expect(served.connect({ password: token })).rejects.toMatchObject({ code: '57P03', message: expect.not.stringContaining(token) });
  });
});

describe('limits', () => {
  const limited = (limits: PolicySpec['limits']): ShopOptions => ({ policies: { open: openPolicy('tester', limits) } });

  test('maxSessions', async () => {
    const served = await start(limited({ maxSessions: 2 }));
    const [first] = [await served.connect(), await served.connect()];
    await expect(served.connect()).rejects.toMatchObject({ code: '53300' });
    await first.end();
    await eventually('a session is free', () => served.connect().catch(() => undefined));
  });

  test('maxSessions, asked for all at once', async () => {
    const served = await start(limited({ maxSessions: 3 }));
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => served.connect()));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  });

  test('idleTimeout', async () => {
    const served = await start(limited({ idleTimeout: '1s' }));
    const client = await served.connect();
    expect(await fatal(client)).toMatchObject({ code: '57P05' });
  });

  test('statementTimeout', async () => {
    const served = await start(limited({ statementTimeout: '1s' }));
    const client = await served.connect();
    await expect(client.query('SELECT pg_sleep(20)')).rejects.toMatchObject({ code: '57014' });
    await client.query('SET statement_timeout = 0');
    await expect(client.query('SELECT pg_sleep(20)')).rejects.toMatchObject({ code: '57014' });
    expect((await client.query(maskedEmail)).rowCount).toBe(1);
  });

  test('statementTimeout in the extended protocol', async () => {
    const served = await start(limited({ statementTimeout: '1s' }));
    const client = await served.connect();
    await expect(client.query({ name: 's', text: 'SELECT pg_sleep(5)' })).rejects.toMatchObject({ code: '57014' });
    expect((await client.query(maskedEmail)).rowCount).toBe(1);
  });

  test('sessionDuration', async () => {
    const served = await start(limited({ sessionDuration: '1s' }));
    const client = await served.connect();
    expect(await fatal(client)).toMatchObject({ code: '57P01' });
  });

  test('rowsPerStatement, in every way to ask for rows', async () => {
    const served = await start(limited({ rowsPerStatement: 10 }));
    const client = await served.connect();
    expect((await client.query('SELECT id FROM orders LIMIT 10')).rowCount).toBe(10);
    for (const text of ['SELECT id FROM orders', 'SELECT id FROM orders LIMIT 11', 'COPY orders TO STDOUT', 'SELECT n FROM generate_series(1, 1000000) n']) {
      await expect(client.query(text)).rejects.toMatchObject({ code: '54000' });
    }
    await expect(client.query({ name: 's', text: 'SELECT id FROM orders' })).rejects.toMatchObject({ code: '54000' });
    await client.query('BEGIN');
    await client.query('DECLARE k CURSOR FOR SELECT id FROM orders');
    expect((await client.query('FETCH 10 FROM k')).rowCount).toBe(10);
    await expect(client.query('FETCH 1 FROM k')).rejects.toMatchObject({ code: '54000' });
    await client.query('ROLLBACK');
    expect((await client.query(maskedEmail)).rowCount).toBe(1);
  });
});

describe('maxRows', () => {
  const counted: ShopOptions = {
    policies: {
      counted: {
        subjects: [{ serviceAccount: { namespace: 'agents', name: 'tester' } }],
        rules: [
          { name: 'read', effect: 'Allow', postgresql: { operations: ['Select'], relations: ['*.*'] } },
          { name: 'fix', effect: 'Allow', postgresql: { operations: ['Update', 'Delete'], relations: ['public.orders'], where: 'Required', maxRows: 3 } },
        ],
      },
    },
  };
  const marked = async (): Promise<unknown> => (await postgres.sql("SELECT count(*)::int AS n FROM orders WHERE status = 'touched'", shopDatabase))[0]?.['n'];
  const tooMany = "UPDATE orders SET status = 'touched' WHERE id BETWEEN 1001 AND 1010";
  const few = "UPDATE orders SET status = 'touched' WHERE id IN (1001, 1002)";
  afterEach(async () => {
    await postgres.sql("UPDATE orders SET status = 'open' WHERE status = 'touched'", shopDatabase);
  });

  test.each([
    ['a simple query', (client: pg.Client, text: string) => client.query(text)],
    ['an extended query', (client: pg.Client, text: string) => client.query(`${text} AND 1 = $1`, [1])],
    ['a named statement', (client: pg.Client, text: string) => client.query({ name: 'counted', text })],
    ['RETURNING', (client: pg.Client, text: string) => client.query(`${text} RETURNING *`)],
    ['RETURNING, extended', (client: pg.Client, text: string) => client.query(`${text} AND 1 = $1 RETURNING id`, [1])],
  ] as const)('takes back what changes too much: %s', async (_name, run) => {
    const served = await start(counted);
    const client = await served.connect();
    await expect(run(client, tooMany)).rejects.toMatchObject({ code: '42501', message: expect.stringMatching(/10 rows.*3/), hint: expect.any(String) });
    expect(await marked()).toBe(0);
    const other = await served.connect();
    expect((await run(other, few)).rowCount).toBe(2);
    expect(await marked()).toBe(2);
  });

  test('fails the transaction that it stands in', async () => {
    const client = await (await start(counted)).connect();
    await client.query('BEGIN');
    await client.query(few);
    await expect(client.query(`${tooMany} RETURNING id`)).rejects.toMatchObject({ code: '42501' });
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK');
    expect(await marked()).toBe(0);
  });

  test('leaves a savepoint to go back to', async () => {
    const client = await (await start(counted)).connect();
    await client.query('BEGIN');
    await client.query(few);
    await client.query('SAVEPOINT s');
    await expect(client.query(tooMany)).rejects.toMatchObject({ code: '42501' });
    await client.query('ROLLBACK TO s');
    await client.query('COMMIT');
    expect(await marked()).toBe(2);
  });

  test.each([
    ['two statements in one text', `${few}; ${few}`],
    ['a data-modifying CTE', `WITH w AS (${tooMany} RETURNING id) SELECT count(*) FROM w`],
    ['no WHERE', "UPDATE orders SET status = 'touched'"],
    ['a WHERE that holds always', "UPDATE orders SET status = 'touched' WHERE true"],
    ['DELETE of too much', 'DELETE FROM orders WHERE id BETWEEN 1100 AND 1110'],
    ['EXPLAIN ANALYZE', `EXPLAIN ANALYZE ${tooMany}`],
    ['PREPARE', `PREPARE p AS ${tooMany}; EXECUTE p`],
    ['COPY of RETURNING', `COPY (${tooMany} RETURNING id) TO STDOUT`],
  ])('is not got round by %s', async (_name, text) => {
    const client = await (await start(counted)).connect();
    await client.query(text).catch(() => undefined);
    await client.query('EXECUTE p').catch(() => undefined);
    expect(Number(await marked())).toBeLessThanOrEqual(3);
    expect(await postgres.sql('SELECT count(*)::int AS n FROM orders', shopDatabase)).toEqual([{ n: 200 }]);
  });
});

describe('Observe', () => {
  test('lets through what it would deny, says so in the record, and masks all the same', async () => {
    const subjects = [{ serviceAccount: { namespace: 'agents', name: 'tester' } }];
    const served = await start({ policies: { watch: { subjects, mode: 'Observe', rules: [{ name: 'orders', effect: 'Allow', postgresql: { operations: ['Select'], relations: ['public.orders'] } }] } } });
    const client = await served.connect();
    expect((await client.query(maskedEmail)).rows).toEqual([{ email: 'c****@leak.example' }]);
    const [action] = served.records().filter(({ kind }) => kind === 'Action');
    expect(action).toMatchObject({ decision: { verdict: 'Allow', wouldBe: expect.stringContaining('Deny') } });
    // What reads masked values behind the mask's back is no rule's business: it is denied in every mode.
    await expect(client.query('SELECT email_of(1)')).rejects.toMatchObject({ code: '42501' });
  });
});

describe('certificates', () => {
  const serverCertificate = (authority: CertificateAuthority): Promise<{ pem: string; keyPem: string }> =>
    authority.issue({ subject: 'CN=localhost', names: [{ type: 'dns', value: 'localhost' }, { type: 'ip', value: '127.0.0.1' }], usages: [ExtendedKeyUsage.serverAuth] });
  const gatewayBlock = { replicas: 1, drainTimeout: '2s', tls: { secretRef: { name: 'tls' } } };

  test('of the gateway are taken up while it runs, and open sessions stay', async () => {
    const [first, second] = [await CertificateAuthority.create('CN=first'), await CertificateAuthority.create('CN=second')];
    const [old, fresh] = [await serverCertificate(first), await serverCertificate(second)];
    const served = await start({ secrets: { tls: { 'tls.crt': old.pem, 'tls.key': old.keyPem } } });
    await served.edit(({ connection }) => Object.assign(connection, { gateway: { ...gatewayBlock, port: served.port } }));
    const open = await served.connect({ ssl: { ca: first.pem } });
    await expect(served.connect({ ssl: { ca: second.pem } })).rejects.toThrow(/certificate|issuer|self-signed/);
    await served.edit(({ secrets }) => { secrets['tls'] = { 'tls.crt': fresh.pem, 'tls.key': fresh.keyPem }; });
    const next = await eventually('the new certificate is shown', () => served.connect({ ssl: { ca: second.pem } }).catch(() => undefined));
    expect((await next.query(maskedEmail)).rowCount).toBe(1);
    expect((await open.query(maskedEmail)).rowCount).toBe(1);
    await served.edit(({ secrets }) => { secrets['tls'] = { 'tls.crt': 'no certificate', 'tls.key': fresh.keyPem }; });
    expect((await (await served.connect({ ssl: { ca: second.pem } })).query(maskedEmail)).rowCount).toBe(1);
    expect(logged(served)).not.toContain('PRIVATE KEY');
  });

  test('of a client are a login, those of another CA are not', async () => {
    const [server, agents, strangers] = await Promise.all([CertificateAuthority.create('CN=server'), CertificateAuthority.create('CN=agents'), CertificateAuthority.create('CN=agents')]);
    const own = await serverCertificate(server);
    const mine = await agents.issue({ subject: 'CN=reporter' });
    const theirs = await strangers.issue({ subject: 'CN=reporter' });
    const late = await agents.issue({ subject: 'CN=reporter', notBefore: new Date(Date.now() - 7_200_000), notAfter: new Date(Date.now() - 3_600_000) });
    const served = await start({
      secrets: { tls: { 'tls.crt': own.pem, 'tls.key': own.keyPem }, agents: { 'ca.crt': agents.pem } },
      policies: { reporters: { ...openPolicy(), subjects: [{ certificate: { commonName: 'reporter' } }] } },
      connection: { identity: { clientCertificates: { caSecretRef: { name: 'agents' } }, onExpiry: 'End' } },
    });
    await served.edit(({ connection }) => Object.assign(connection, { gateway: { ...gatewayBlock, port: served.port } }));
    const as = ({ pem, keyPem }: { pem: string; keyPem: string }): pg.ClientConfig => ({ password: 'none', ssl: { ca: server.pem, cert: pem, key: keyPem } });
    const client = await served.connect(as(mine));
    expect((await client.query(maskedEmail)).rows).toEqual([{ email: 'c****@leak.example' }]);
    expect(served.records()[0]).toMatchObject({ kind: 'SessionStart', subject: { kind: 'Certificate', name: expect.stringContaining('reporter') }, isEncrypted: true });
    await expect(served.connect(as(theirs))).rejects.toMatchObject({ code: expect.stringMatching(/^(28000|28P01)$/) });
    await expect(served.connect(as(late))).rejects.toMatchObject({ code: expect.stringMatching(/^(28000|28P01)$/) });
    await expect(served.connect({ ssl: { ca: server.pem } })).rejects.toMatchObject({ code: expect.stringMatching(/^(28000|28P01)$/) });
  });

  test('are shown to clients that begin with TLS and name the protocol', async () => {
    const authority = await CertificateAuthority.create('CN=server');
    const own = await serverCertificate(authority);
    const served = await start({ secrets: { tls: { 'tls.crt': own.pem, 'tls.key': own.keyPem } } });
    await served.edit(({ connection }) => Object.assign(connection, { gateway: { ...gatewayBlock, port: served.port } }));
    const speak = (protocols: string[]): Promise<string> =>
      new Promise((resolve) => {
        const socket = tlsConnect({ host: '127.0.0.1', port: served.port, ca: authority.pem, ALPNProtocols: protocols, servername: 'localhost' });
        socket.once('secureConnect', () => socket.write(startupFrame({ user: 'agent', database: shopDatabase })));
        socket.once('data', (chunk: Buffer) => {
          resolve(chunk.toString('latin1', 0, 1));
          socket.destroy();
        });
        socket.once('error', () => resolve('refused'));
        socket.once('close', () => resolve('refused'));
      });
    expect(await speak(['postgresql'])).toBe('R');
    expect(await speak(['http/1.1'])).toBe('refused');
  });
});

const isRoot = process.getuid?.() === 0;

/** A file system of 96 KiB; said at the end of the run where root may not mount one. */
function isMounted(directory: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96k', 'tmpfs', directory], { stdio: 'ignore' });
    return true;
  } catch {
    const skipped = process.env['CHAPERONE_SKIPPED_FILE'];
    if (skipped !== undefined) appendFileSync(skipped, 'life: a full disk (mount is not permitted here)\n');
    return false;
  }
}

describe('a full disk', () => {
  (isRoot ? test : test.skip)('stops statements before they run; the session goes on when there is room', async () => {
    const served = await start();
    if (!isMounted(served.recordings)) return;
    try {
      const client = await served.connect();
      const ballast = path.join(served.recordings, 'ballast');
      writeFileSync(ballast, Buffer.alloc(40 * 1024));
      const done: string[] = [];
      let refused: unknown;
      for (let n = 0; refused === undefined && n < 500; n++) {
        const id = `disk ${String(n)}`;
        await client.query('INSERT INTO writes VALUES ($1)', [id]).then(() => done.push(id), (error: unknown) => { refused = error; });
      }
      expect(refused).toMatchObject({ code: '58030' });
      expect(statfsSync(served.recordings).bavail).toBeLessThan(2);
      const stored = await postgres.sql("SELECT id FROM writes WHERE id LIKE 'disk %'", shopDatabase);
      expect(stored.map(({ id }) => id).sort()).toEqual(done.sort());
      await expect(served.connect()).rejects.toMatchObject({ code: '58030' });
      rmSync(ballast);
      const next = await served.connect();
      expect((await next.query(maskedEmail)).rowCount).toBe(1);
      await next.query(`SELECT '${'x'.repeat(1000)}'`);
      await client.query("INSERT INTO writes VALUES ('disk again')").catch((error: unknown) => expect(codeOf(error)).toMatch(/58030|57P01/));
    } finally {
      execFileSync('umount', ['-l', served.recordings]);
    }
  });
});

describe('the gateway as a process', () => {
  test.each([1, 2, 3])('kill -9 while four clients write loses no statement that reached the target (round %d)', async (round) => {
    const directory = await shopDirectory(postgres);
    const gateway = await startGatewayProcess(directory);
    try {
      const password = await directory.token();
      let written = 0;
      let isOver = false;
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        const client = new pg.Client({ host: '127.0.0.1', port: directory.port, user: 'agent', database: shopDatabase, password });
        client.on('error', () => undefined);
        await client.connect();
        for (let n = 0; !isOver; n++) {
          const id = `kill ${String(round)} ${String(writer)} ${String(n)}`;
          const insert = n % 2 === 0 ? client.query('INSERT INTO writes VALUES ($1)', [id]) : client.query(`INSERT INTO writes VALUES ('${id}')`);
          await insert.then(() => written++, () => { isOver = true; });
        }
      });
      await eventually('a few hundred rows are written', () => written > 200);
      await gateway.kill('SIGKILL');
      await Promise.all(writers);
      // The target may still be at the last ones.
      await eventually('the sessions at the target are over', async () => (await postgres.sql("SELECT FROM pg_stat_activity WHERE usename = 'app'")).length === 0);
      const stored = await postgres.sql(`SELECT id FROM writes WHERE id LIKE 'kill ${String(round)} %'`, shopDatabase);
      const recorded = JSON.stringify(directory.records());
      expect(stored.length).toBeGreaterThanOrEqual(written);
      expect(stored.map(({ id }) => String(id)).filter((id) => !recorded.includes(`"${id}"`) && !recorded.includes(`'${id}'`))).toEqual([]);
      for (const { directory: session } of sessionFolders(directory.recordings)) {
        expect([...readRecords(session)].filter((line) => 'problem' in line && !line.isTorn)).toEqual([]);
        expect(verifySession(session).status).toBe('Incomplete');
      }
    } finally {
      gateway.child.kill('SIGKILL');
      directory.remove();
    }
  });

  test('SIGTERM lets a transaction end, ends idle sessions, and exits 0', async () => {
    const directory = await shopDirectory(postgres);
    const gateway = await startGatewayProcess(directory);
    try {
      const password = await directory.token();
      const connect = async (): Promise<pg.Client> => {
        const client = new pg.Client({ host: '127.0.0.1', port: directory.port, user: 'agent', database: shopDatabase, password });
        client.on('error', () => undefined);
        await client.connect();
        return client;
      };
      const [idle, busy] = [await connect(), await connect()];
      await busy.query('BEGIN');
      await busy.query("INSERT INTO writes VALUES ('drained')");
      const [idleEnd, busyEnd] = [ended(idle), ended(busy)];
      const exit = gateway.kill('SIGTERM');
      await idleEnd;
      await busy.query('COMMIT');
      await busyEnd;
      await exit;
      expect(gateway.child.exitCode).toBe(0);
      expect(await postgres.sql("SELECT count(*)::int AS n FROM writes WHERE id = 'drained'", shopDatabase)).toEqual([{ n: 1 }]);
      expect(directory.records().filter(({ kind }) => kind === 'SessionEnd')).toHaveLength(2);
      for (const { directory: session } of sessionFolders(directory.recordings)) expect(verifySession(session).status).toBe('Verified');
      expect(gateway.output()).not.toContain(password);
      expect(gateway.output()).not.toContain(datasetLogins.app.password);
    } finally {
      gateway.child.kill('SIGKILL');
      directory.remove();
    }
  });
});
