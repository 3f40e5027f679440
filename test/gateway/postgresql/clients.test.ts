import 'reflect-metadata';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import { serialize } from 'pg-protocol';
import type { TokenVerifier } from '../../../src/gateway/ports.ts';
import { verifyClientCertificate } from '../../../src/identity/client-certificate.ts';
import { err, ok } from '../../../src/lib/result.ts';
import { encodeQuery } from '../../../src/wire/postgresql/frontend-messages.ts';
import { CertificateAuthority } from '../../identity/certificate-authority.ts';
import { loadDataset, type Postgres, startPostgres } from '../../support/postgres.ts';
import { agent, type GatewayUnderTest, maskEmails, startGateway, token } from './gateway-under-test.ts';
import { WireClient } from './wire-client.ts';

let postgres: Postgres;
let under: GatewayUnderTest;
let certificate: { readonly cert: string; readonly key: string };

beforeAll(async () => {
  postgres = await startPostgres();
  await loadDataset(postgres);
  certificate = await selfSigned();
});
afterAll(async () => {
  await postgres.stop();
});
afterEach(async () => {
  const problems = [...under.problems];
  await under.close();
  expect(problems).toEqual([]);
});

async function selfSigned(): Promise<{ cert: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost', keys, signingAlgorithm: algorithm, notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000),
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]), new x509.BasicConstraintsExtension(true)],
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return { cert: cert.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n` };
}

async function startEncrypted(): Promise<GatewayUnderTest> {
  const secrets = new Map([['tls/tls.crt', certificate.cert], ['tls/tls.key', certificate.key]]);
  const started = await startGateway(postgres, { gateway: { port: 0, tlsSecret: 'tls', drainTimeoutMs: 0, replicas: 1 } }, {}, secrets);
  return started;
}

describe('TLS', () => {
  test('is negotiated on request, and its facts are recorded', async () => {
    under = await startEncrypted();
    const client = await under.connect({ ssl: { ca: certificate.cert } });
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    expect(under.records.of('SessionStart')).toMatchObject([{ isEncrypted: true }]);
  });

  test('may come first, when it names the protocol', async () => {
    under = await startEncrypted();
    const good = connectTls({ port: under.address.port, host: '127.0.0.1', ca: certificate.cert, ALPNProtocols: ['postgresql'] });
    await once(good, 'secureConnect');
    good.write(serialize.startup({ user: 'x', database: 'shop' }));
    const [asked] = (await once(good, 'data')) as [Buffer];
    expect(asked).toEqual(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
    good.destroy();
    const bad = connectTls({ port: under.address.port, host: '127.0.0.1', ca: certificate.cert });
    bad.on('error', () => undefined);
    bad.resume();
    await once(bad, 'close');
  });

  test('is refused when bytes came behind the request for it', async () => {
    under = await startEncrypted();
    const client = new WireClient(under.address.port);
    client.send(serialize.requestSsl(), serialize.startup({ user: 'x', database: 'shop' }));
    await client.closed();
    expect(client.shown()).toEqual(['error 08P01']);
  });

  test('is declined where no certificate is configured, as is GSSAPI everywhere', async () => {
    under = await startGateway(postgres);
    const client = new WireClient(under.address.port);
    const answers: number[] = [];
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: Buffer) => answers.push(...chunk));
    client.send(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30]));
    await once(client.socket, 'data');
    client.send(serialize.requestSsl());
    await once(client.socket, 'data');
    expect(Buffer.from(answers).toString()).toBe('NN');
    client.socket.destroy();
  });
});

function certificatesOf(authority: CertificateAuthority): TokenVerifier {
  const trusted = [new X509Certificate(authority.pem)];
  return {
    verify: async ({ certificate: der }) => {
      if (der === undefined) return err({ code: 'None', message: 'no certificate', isTemporary: false });
      const verified = verifyClientCertificate(der, { trusted, now: Date.now() });
      return verified.ok ? ok(agent) : verified;
    },
  };
}

describe('client certificates', () => {
  test('of the configured CA stand in for a token, others are refused', async () => {
    const [agents, strangers] = [await CertificateAuthority.create(), await CertificateAuthority.create('CN=strangers')];
    const secrets = new Map([['tls/tls.crt', certificate.cert], ['tls/tls.key', certificate.key], ['agents/ca.crt', agents.pem]]);
    const gateway = { port: 0, tlsSecret: 'tls', drainTimeoutMs: 0, replicas: 1 };
    under = await startGateway(postgres, { gateway, identity: { oidc: [], onExpiry: 'End', clientCertificates: { caSecret: 'agents' } } }, { verifier: certificatesOf(agents) }, secrets);
    const [good, bad] = [await agents.issue(), await strangers.issue()];
    const client = await under.connect({ password: 'unused', ssl: { ca: certificate.cert, cert: good.pem, key: good.keyPem } });
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await expect(under.connect({ ssl: { ca: certificate.cert, cert: bad.pem, key: bad.keyPem } })).rejects.toMatchObject({ code: '28P01' });
    await expect(under.connect({ ssl: { ca: certificate.cert } })).rejects.toMatchObject({ code: '28P01', message: 'no certificate' });
  });
});

describe('a client that does not read', () => {
  test('stops the target, and gets every row when it reads on', async () => {
    under = await startGateway(postgres, { recording: { store: { kind: 'Folder', path: '' }, results: 'None', onFailure: 'Block' } });
    const client = await WireClient.login(under.address.port);
    client.socket.pause();
    client.send(encodeQuery("select n, repeat('x', 1000) from generate_series(1, 60000) n"));
    const isStuck = async (): Promise<boolean> => (await postgres.sql("select 1 from pg_stat_activity where wait_event = 'ClientWrite'")).length > 0;
    while (!(await isStuck())) await new Promise(setImmediate);
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(40_000_000);
    client.socket.resume();
    await client.until('readyForQuery');
    expect(client.seen.filter(({ name }) => name === 'dataRow')).toHaveLength(60_000);
  });
});

describe('protocol versions', () => {
  test('newer ones are negotiated down, and unknown options named', async () => {
    under = await startGateway(postgres);
    const client = new WireClient(under.address.port);
    const bytes: Buffer[] = [];
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: Buffer) => bytes.push(chunk));
    client.send(WireClient.startup(3, 9, { user: 'x', database: 'shop', '_pq_.new': '1' }));
    while (Buffer.concat(bytes).length < 30) await once(client.socket, 'data');
    expect(Buffer.concat(bytes)).toEqual(Buffer.concat([
      Buffer.from([0x76, 0, 0, 0, 21, 0, 0, 0, 2, 0, 0, 0, 1]), Buffer.from('_pq_.new\0'), Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]),
    ]));
    client.socket.destroy();
  });

  test('2.0 is refused', async () => {
    under = await startGateway(postgres);
    const client = new WireClient(under.address.port);
    client.send(WireClient.startup(2, 0, {}));
    await client.closed();
    expect(client.shown()).toEqual(['error 0A000']);
  });
});

describe('logins that never end', () => {
  test('are cut off, and bounded in number', async () => {
    under = await startGateway(postgres, {}, { loginTimeoutMs: 50, maxLogins: 1 });
    const first = new WireClient(under.address.port);
    await once(first.socket, 'connect');
    const second = new WireClient(under.address.port);
    await second.closed();
    expect(second.shown()).toEqual(['error 53300']);
    await first.closed();
  });
});

describe('psql', () => {
  const psql = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('psql', ['-X', '-v', 'ON_ERROR_STOP=1', ...args], {
      env: { ...process.env, PGHOST: '127.0.0.1', PGPORT: String(under.address.port), PGUSER: 'me', PGDATABASE: 'shop', PGPASSWORD: token, PGCLIENTENCODING: 'UTF8' },
    });
    return stdout;
  };

  test('selects, copies and describes', async () => {
    under = await startGateway(postgres);
    const selected = await psql('-Atc', 'select id, email from customers order by id limit 3');
    expect(selected.split('\n')).toHaveLength(4);
    expect(selected).not.toContain('canary');
    expect(await psql('-Atc', '\\copy customers (id, email) to stdout')).not.toContain('canary');
    expect(await psql('-c', '\\d customers')).toContain('email');
    expect(await psql('-Atc', 'begin', '-c', 'select 1', '-c', 'rollback')).toContain('1');
  });
});

describe('detectors', () => {
  test('hide what they find in text, binary, COPY and errors', async () => {
    const detect = [{ kind: 'Entity' as const, entity: 'Email' as const, mask: { type: 'Redact' as const } }];
    under = await startGateway(postgres, { maskRules: [{ ...maskEmails(), columns: [], detect }] });
    const client = await WireClient.login(under.address.port);
    const canary = /canary[^ ]*@leak/;
    const seen: Buffer[] = [];
    client.socket.on('data', (chunk: Buffer) => seen.push(chunk));
    const rows = await client.talk(encodeQuery('select id, email, name from customers order by id'));
    expect(rows.filter((row) => row.startsWith('row ')).length).toBeGreaterThan(10);
    await client.talk(serialize.parse({ text: 'select email, array[email]::text[] as list from customers where id = 1' }), serialize.bind({ binary: true }), serialize.execute({}), serialize.sync());
    await client.talk(encodeQuery('copy customers (email) to stdout'));
    expect(await client.talk(encodeQuery('copy customers (email) to stdout (format binary)'))).toContain('error 42501');
    expect(await client.talk(encodeQuery('select cast(email as int) from customers'))).toContain('error 22P02');
    expect(Buffer.concat(seen).toString('latin1')).not.toMatch(canary);
    expect(Buffer.concat(under.records.frames).toString('latin1')).not.toMatch(canary);
    expect(await client.talk(encodeQuery('select 1'))).toContain('row 1');
  });
});
