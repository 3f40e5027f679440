import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ExtendedKeyUsage } from '@peculiar/x509';
import { connect, createServer, Socket, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { inspect } from 'node:util';
import { serialize } from 'pg-protocol';
import { AuthenticationMD5Password } from 'pg-protocol/dist/messages.js';
import { ControlChannel } from '../../../src/gateway/postgresql/control-channel.ts';
import { authenticate } from '../../../src/gateway/postgresql/target-authentication.ts';
import { cancelTarget, dialTarget, type TargetOptions } from '../../../src/gateway/postgresql/target.ts';
import { Secret } from '../../../src/lib/secret.ts';
import { CertificateAuthority } from '../../identity/certificate-authority.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';

function optionsFor(server: Pick<Postgres, 'host' | 'port' | 'superuser'>, overrides: Partial<TargetOptions> = {}): TargetOptions {
  return {
    host: server.host,
    port: server.port,
    tls: { mode: 'Disable' },
    user: server.superuser.user,
    password: new Secret(server.superuser.password),
    database: 'postgres',
    parameters: { application_name: 'chaperone test' },
    ...overrides,
  };
}

/** A target that lies, for faults that PostgreSQL cannot be made to show. Answers each chunk with the next reply. */
async function startLiar(...replies: readonly (Buffer | string)[]): Promise<{ server: Server; options: TargetOptions; received: () => string }> {
  const chunks: Buffer[] = [];
  const server = createServer((socket) => {
    const left = [...replies];
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      const reply = left.shift();
      if (reply !== undefined) socket.write(reply);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const options = optionsFor({ host: '127.0.0.1', port, superuser: { user: 'app', password: 'hunter2-secret' } });
  return { server, options, received: () => Buffer.concat(chunks).toString('latin1') };
}

/** Ends TLS on both sides and passes everything on: what an attacker with a network but without the target's key can do. */
async function startTlsRelay(targetPort: number, certificate: { key: string; cert: string }): Promise<Server> {
  const relay = createServer((agent) => {
    agent.once('data', () => {
      agent.write('S');
      const near = new TLSSocket(agent, { isServer: true, ...certificate });
      const plain = connect(targetPort, '127.0.0.1', () => plain.write(serialize.requestSsl()));
      plain.once('data', () => {
        const far = connectTls({ socket: plain, rejectUnauthorized: false });
        for (const side of [near, far]) side.on('error', () => undefined);
        near.pipe(far).pipe(near);
      });
    });
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  return relay;
}

function authenticationRequest(code: number, rest: Buffer | string = ''): Buffer {
  const body = Buffer.from(rest);
  const head = Buffer.alloc(9);
  head.write('R');
  head.writeInt32BE(8 + body.length, 1);
  head.writeInt32BE(code, 5);
  return Buffer.concat([head, body]);
}

describe.each([18, 15] as const)('PostgreSQL %i', (version) => {
  test.each(['scram-sha-256', 'md5', 'password', 'trust'] as const)('logs in with %s', async (auth) => {
    const server = await startPostgres({ version, auth });
    try {
      const { socket, parameters, backendKey, transactionStatus, leftover } = await dialTarget(optionsFor(server));
      expect(parameters.get('server_version')).toMatch(new RegExp(`^${version}\\.`));
      expect(parameters.get('application_name')).toBe('chaperone test');
      expect(parameters.get('client_encoding')).toBe('UTF8');
      expect(backendKey?.pid).toBeGreaterThan(0);
      expect([transactionStatus, leftover.length]).toEqual(['I', 0]);
      expect(socket.isPaused()).toBe(true);
      socket.destroy();
      if (auth === 'trust') return;
      const wrong = dialTarget(optionsFor(server, { password: new Secret('not-the-password') }));
      await expect(wrong).rejects.toMatchObject({ code: 'TargetAuthenticationFailed', fields: { code: '28P01' } });
    } finally {
      await server.stop();
    }
  });
});

describe('a running target', () => {
  let server: Postgres;
  let authority: CertificateAuthority;
  let stranger: CertificateAuthority;

  beforeAll(async () => {
    authority = await CertificateAuthority.create('CN=target');
    stranger = await CertificateAuthority.create('CN=stranger');
    const certificate = await authority.issue({ subject: 'CN=localhost', names: [{ type: 'dns', value: 'localhost' }], usages: [ExtendedKeyUsage.serverAuth] });
    server = await startPostgres({ tls: { key: certificate.keyPem, cert: certificate.pem } });
  });
  afterAll(() => server.stop());

  test('Require encrypts and does not ask whose certificate it is', async () => {
    const { socket } = await dialTarget(optionsFor(server, { tls: { mode: 'Require' } }));
    expect(socket).toBeInstanceOf(TLSSocket);
    socket.destroy();
  });

  test('Require with a CA refuses the certificate of another', async () => {
    const dialled = dialTarget(optionsFor(server, { tls: { mode: 'Require', ca: stranger.pem } }));
    await expect(dialled).rejects.toMatchObject({ code: 'TargetTlsFailed' });
  });

  test('VerifyFull takes the right name from the right CA', async () => {
    const { socket } = await dialTarget(optionsFor(server, { host: 'localhost', tls: { mode: 'VerifyFull', ca: authority.pem } }));
    expect(socket).toMatchObject({ authorized: true });
    socket.destroy();
  });

  test.each([
    ['another CA', 'localhost', () => stranger.pem],
    ['another name', '127.0.0.1', () => authority.pem],
    ['no CA of ours', 'localhost', () => undefined],
  ])('VerifyFull refuses %s', async (_case, host, ca) => {
    const pem = ca();
    const dialled = dialTarget(optionsFor(server, { host, tls: { mode: 'VerifyFull', ...(pem !== undefined && { ca: pem }) } }));
    await expect(dialled).rejects.toMatchObject({ code: 'TargetTlsFailed' });
  });

  test('somebody in between with a certificate of its own gets no session out of it', async () => {
    const { keyPem, pem } = await stranger.issue({ subject: 'CN=localhost', usages: [ExtendedKeyUsage.serverAuth] });
    const relay = await startTlsRelay(server.port, { key: keyPem, cert: pem });
    const { port } = relay.address() as AddressInfo;
    // Require checks no certificate: what fails here is the channel binding of SCRAM alone.
    const dialled = dialTarget(optionsFor(server, { port, tls: { mode: 'Require' } }));
    await expect(dialled).rejects.toMatchObject({ code: 'TargetAuthenticationFailed', fields: { message: expect.stringMatching(/channel binding/) } });
    relay.close();
  });

  test('says what the target says: no such database', async () => {
    const dialled = dialTarget(optionsFor(server, { database: 'nowhere' }));
    await expect(dialled).rejects.toMatchObject({ code: 'TargetRejected', fields: { code: '3D000', severity: 'FATAL' } });
  });

  test('a parameter with a zero byte is not sent', async () => {
    const dialled = dialTarget(optionsFor(server, { parameters: { application_name: 'a\0is_superuser' } }));
    await expect(dialled).rejects.toMatchObject({ code: 'TargetParametersInvalid' });
  });

  test.each(['Disable', 'Require'] as const)('cancels the statement of that session (%s)', async (mode) => {
    const connection = await dialTarget(optionsFor(server, { tls: { mode } }));
    const { socket, backendKey } = connection;
    if (backendKey === undefined) throw new Error('no key');
    const answered = new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        if (text.includes('57014')) resolve(text);
      });
    });
    socket.resume();
    socket.write(serialize.query('SELECT pg_sleep(3600)'));
    for (let isRunning = false; !isRunning; ) {
      const [row] = await server.sql(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE pid = ${backendKey.pid} AND wait_event = 'PgSleep'`);
      isRunning = row?.['n'] === 1;
    }
    await cancelTarget({ host: server.host, port: server.port, tls: { mode } }, backendKey);
    expect(await answered).toContain('canceling statement due to user request');
    socket.destroy();
  });

  test('a password that SASLprep changes is understood as PostgreSQL does', async () => {
    await server.sql(`CREATE ROLE umlaut LOGIN PASSWORD U&'Pa\\FF41sswo\\00ADrd\\00A0\\2168'`);
    const { socket } = await dialTarget(optionsFor(server, { user: 'umlaut', password: new Secret('Paasswo\u00ADrd\u00A0IX') }));
    socket.destroy();
  });

  test('neither the connection nor an error shows a secret', async () => {
    const connection = await dialTarget(optionsFor(server));
    expect(inspect(connection.backendKey)).toContain('[redacted]');
    connection.socket.destroy();
    const thrown: unknown = await dialTarget(optionsFor(server, { password: new Secret('hunter2-secret') })).catch((error: unknown) => error);
    expect(inspect(thrown, { depth: 9 })).not.toContain('hunter2-secret');
  });
});

describe('a target that is not there', () => {
  test('refuses the connection', async () => {
    const { server, options } = await startLiar();
    await new Promise((resolve) => server.close(resolve));
    await expect(dialTarget(options)).rejects.toMatchObject({ code: 'TargetUnreachable' });
  });

  test('cannot be found', async () => {
    const { server, options } = await startLiar();
    server.close();
    await expect(dialTarget({ ...options, host: 'target.invalid' })).rejects.toMatchObject({ code: 'TargetUnreachable' });
  });

  test.each(['Disable', 'Require'] as const)('accepts and stays silent (%s)', async (mode) => {
    const { server, options } = await startLiar();
    await expect(dialTarget({ ...options, tls: { mode } }, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'TargetUnreachable' });
    server.close();
  });

  test('is given up when the agent is gone', async () => {
    const { server, options } = await startLiar();
    const agent = new AbortController();
    const dialled = dialTarget(options, { signal: agent.signal });
    agent.abort();
    await expect(dialled).rejects.toMatchObject({ code: 'TargetUnreachable' });
    await expect(dialTarget(options, { signal: agent.signal })).rejects.toMatchObject({ code: 'TargetUnreachable' });
    server.close();
  });

  test('closes when TLS is asked for', async () => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const dialled = dialTarget(optionsFor({ host: '127.0.0.1', port, superuser: { user: 'a', password: 'b' } }, { tls: { mode: 'Require' } }));
    await expect(dialled).rejects.toMatchObject({ code: 'TargetTlsFailed' });
    server.close();
  });

  test('comes back after a restart', async () => {
    const server = await startPostgres();
    const { socket } = await dialTarget(optionsFor(server));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    await server.pause();
    await closed;
    await expect(dialTarget(optionsFor(server))).rejects.toMatchObject({ code: 'TargetUnreachable' });
    await server.start();
    (await dialTarget(optionsFor(server))).socket.destroy();
    await server.stop();
  });
});

describe('a target that lies', () => {
  test('has no TLS although it is required: the password stays here', async () => {
    const { server, options, received } = await startLiar('N', authenticationRequest(3));
    await expect(dialTarget({ ...options, tls: { mode: 'Require' } })).rejects.toMatchObject({ code: 'TargetTlsFailed' });
    expect(received()).not.toContain('hunter2');
    server.close();
  });

  test('slips plaintext behind its consent to TLS', async () => {
    const { server, options } = await startLiar(Buffer.concat([Buffer.from('S'), authenticationRequest(0)]));
    await expect(dialTarget({ ...options, tls: { mode: 'Require' } })).rejects.toMatchObject({ code: 'TargetTlsFailed' });
    server.close();
  });

  test('lets us in in the middle of SCRAM, without its own proof', async () => {
    const { server, options } = await startLiar(authenticationRequest(10, 'SCRAM-SHA-256\0\0'), authenticationRequest(0));
    await expect(dialTarget(options)).rejects.toMatchObject({ code: 'TargetAuthenticationFailed' });
    server.close();
  });

  test.each([
    ['a nonce of its own', 'r=somethingelse,s=c2FsdA==,i=4096'],
    ['too much work', 'r=NONCEx,s=c2FsdA==,i=2000000000'],
    ['no salt', 'r=NONCEx,i=4096'],
  ])('answers SCRAM with %s', async (_case, challenge) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.write(authenticationRequest(10, 'SCRAM-SHA-256\0\0'));
        socket.once('data', (first) => {
          const nonce = /r=(.*)$/.exec(first.toString('latin1'))?.[1] ?? '';
          socket.write(authenticationRequest(11, challenge.replace('NONCE', nonce)));
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const dialled = dialTarget(optionsFor({ host: '127.0.0.1', port, superuser: { user: 'a', password: 'b' } }));
    await expect(dialled).rejects.toMatchObject({ code: 'TargetAuthenticationFailed' });
    server.close();
  });

  test('asks twice', async () => {
    const { server, options } = await startLiar(authenticationRequest(5, 'salt'), authenticationRequest(3));
    await expect(dialTarget(options)).rejects.toMatchObject({ code: 'TargetAuthenticationFailed' });
    server.close();
  });

  test.each([
    ['speaks another protocol', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['announces a frame without end', Buffer.from([0x52, 0x7f, 0xff, 0xff, 0xff])],
    ['asks for Kerberos', authenticationRequest(7)],
    ['sends rows before it is ready', Buffer.concat([authenticationRequest(0), Buffer.from([0x44, 0, 0, 0, 6, 0, 0])])],
  ])('%s', async (_case, reply) => {
    const { server, options } = await startLiar(reply);
    await expect(dialTarget(options)).rejects.toMatchObject({ name: 'TargetError' });
    server.close();
  });

  test('offers what follows ReadyForQuery to the session, to the byte', async () => {
    const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
    const { server, options } = await startLiar(Buffer.concat([authenticationRequest(0), ready, Buffer.from('rest')]));
    const { socket, leftover, backendKey } = await dialTarget(options);
    expect(leftover.toString()).toBe('rest');
    expect(backendKey).toBeUndefined();
    socket.destroy();
    server.close();
  });

  test.each([
    ['cleartext', { name: 'authenticationCleartextPassword', length: 8 } as const],
    ['md5', new AuthenticationMD5Password(12, Buffer.from('salt'))],
  ])('asks for a %s password over plaintext from another machine', async (_case, request) => {
    const socket = new Socket();
    Object.defineProperty(socket, 'remoteAddress', { value: '192.0.2.7' });
    const login = { user: 'app', password: new Secret('hunter2-secret') };
    await expect(authenticate(request, new ControlChannel(socket), socket, login)).rejects.toMatchObject({ code: 'TargetAuthenticationFailed' });
    expect(socket.writableLength).toBe(0);
    socket.destroy();
  });
});
