import 'reflect-metadata';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ExtendedKeyUsage } from '@peculiar/x509';
import type { Subject } from '../../src/bundle/subject.ts';
import type { Credential, VerifyFailure } from '../../src/identity/verifier.ts';
import { createVerifier, type ConfigurableVerifier } from '../../src/identity/verify.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { err, ok } from '../../src/lib/result.ts';
import { Secret } from '../../src/lib/secret.ts';
import { CertificateAuthority, type Issued, type LeafOptions } from './certificate-authority.ts';

const spiffeID = 'spiffe://cluster.local/ns/agents/sa/reporter';
const day = 24 * 60 * 60_000;
let ca: CertificateAuthority;

beforeAll(async () => {
  ca = await CertificateAuthority.create();
});

function verifier(caPem: string | undefined = ca.pem): ConfigurableVerifier {
  return createVerifier(
    {
      clientCertificates: { caSecret: 'agents-ca' },
      oidc: [{ issuer: 'https://idp.example.com', audience: 'chaperone', groupsClaim: 'groups' }],
      onExpiry: 'End',
    },
    {
      clock: systemClock,
      log: silentLog,
      secrets: {
        read: async (secret, key) =>
          secret === 'agents-ca' && key === 'ca.crt' ? ok(new Secret(caPem)) : err({ message: `no ${key} in ${secret}` }),
      },
    },
  );
}

async function verify(credential: Credential, using = verifier()): Promise<Partial<Subject & VerifyFailure>> {
  const verified = await using.verify(credential);
  return verified.ok ? verified.value : verified.error;
}

describe('a client certificate', () => {
  test('with a SPIFFE ID is that subject and not its common name as well', async () => {
    const issued = await ca.issue({ names: [{ type: 'url', value: spiffeID }, { type: 'dns', value: 'reporter.agents' }] });
    expect(await verify({ certificate: issued.der })).toEqual({
      kind: 'Certificate',
      name: `certificate:${spiffeID}`,
      certificate: { spiffeID },
      groups: [],
      credentialId: expect.stringMatching(new RegExp(`^0*${issued.serialNumber}$`, 'i')),
      issuer: 'CN=agents',
      issuedAt: expect.any(Number),
      expiresAt: expect.any(Number),
    });
  });

  test('without one is its common name, until it expires', async () => {
    const notAfter = new Date(1_000 * Math.floor((Date.now() + day) / 1_000));
    const issued = await ca.issue({ subject: 'O=agents, CN=reporter', notAfter, names: [{ type: 'dns', value: 'reporter' }] });
    expect(await verify({ certificate: issued.der, token: new Secret('') })).toMatchObject({
      name: 'certificate:reporter',
      certificate: { commonName: 'reporter' },
      expiresAt: notAfter.getTime(),
    });
  });

  test('of an intermediate CA needs that one in the Secret', async () => {
    const below = await ca.intermediate();
    const { der } = await below.issue();
    expect(await verify({ certificate: der })).toMatchObject({ code: 'CertificateUntrusted' });
    expect(await verify({ certificate: der }, verifier(`${ca.pem}\n${below.pem}`))).toMatchObject({ name: 'certificate:reporter' });
  });

  test('of an agent cannot issue further ones', async () => {
    const agent = await ca.intermediate('CN=reporter', { isCa: false });
    const forged = await agent.issue({ subject: 'CN=admin' });
    expect(await verify({ certificate: forged.der }, verifier(`${ca.pem}\n${agent.pem}`))).toMatchObject({ code: 'CertificateUntrusted' });
  });
});

describe('a client certificate is refused', () => {
  const uri = (value: string) => ({ type: 'url' as const, value });
  interface Case {
    readonly because: string;
    readonly code: string;
    readonly message: string;
    readonly leaf: LeafOptions;
  }
  test.each<Case>([
    { because: 'it has two URIs', code: 'CertificateUnnamed', message: 'more than one URI', leaf: { names: [uri(spiffeID), uri('spiffe://cluster.local/admin')] } },
    { because: 'its URI is no SPIFFE ID', code: 'CertificateUnnamed', message: 'not a SPIFFE ID', leaf: { names: [uri('https://agents.example.com/reporter')] } },
    { because: 'its SPIFFE ID climbs', code: 'CertificateUnnamed', message: 'not a SPIFFE ID', leaf: { names: [uri('spiffe://cluster.local/ns/../admin')] } },
    { because: 'its SPIFFE ID has a query', code: 'CertificateUnnamed', message: 'not a SPIFFE ID', leaf: { names: [uri(`${spiffeID}?x=1`)] } },
    { because: 'its SPIFFE ID is a trust domain only', code: 'CertificateUnnamed', message: 'not a SPIFFE ID', leaf: { names: [uri('spiffe://cluster.local')] } },
    { because: 'it has no name', code: 'CertificateUnnamed', message: 'neither a SPIFFE ID', leaf: { subject: 'O=agents' } },
    { because: 'it has two common names', code: 'CertificateUnnamed', message: 'neither a SPIFFE ID', leaf: { subject: 'CN=reporter, CN=admin' } },
    { because: 'it expired', code: 'CertificateExpired', message: 'has expired', leaf: { notAfter: new Date(Date.now() - 1_000) } },
    { because: 'it is not valid yet', code: 'CertificateNotYetValid', message: 'not valid yet', leaf: { notBefore: new Date(Date.now() + day / 2) } },
    { because: 'it is a server\'s', code: 'CertificateUnusable', message: 'clientAuth', leaf: { usages: [ExtendedKeyUsage.serverAuth] } },
    { because: 'it does not say what for', code: 'CertificateUnusable', message: 'clientAuth', leaf: { usages: null } },
    { because: 'it is a CA', code: 'CertificateUnusable', message: 'CA certificate', leaf: { isCa: true } },
  ])('$code: $because', async ({ code, message, leaf }) => {
    const { der } = await ca.issue(leaf);
    expect(await verify({ certificate: der })).toEqual({ code, message: expect.stringContaining(message), isTemporary: false });
  });

  test('CertificateUntrusted: a CA of the same name signed it', async () => {
    const other = await CertificateAuthority.create();
    const { der } = await other.issue();
    expect(await verify({ certificate: der })).toMatchObject({ code: 'CertificateUntrusted' });
  });

  test('CertificateUntrusted: the CA has expired', async () => {
    const old = await CertificateAuthority.create('CN=agents', Date.now() - 20 * day);
    const { der } = await old.issue();
    expect(await verify({ certificate: der }, verifier(old.pem))).toMatchObject({ code: 'CertificateUntrusted' });
  });

  test('CertificateMalformed: it is no certificate', async () => {
    expect(await verify({ certificate: new Uint8Array([0x30, 0x03, 1, 2, 3]) })).toMatchObject({ code: 'CertificateMalformed' });
  });

  test('CertificatesNotAccepted: the connection names no CA', async () => {
    const using = verifier();
    using.configure({ oidc: [], onExpiry: 'End' });
    const { der } = await ca.issue();
    expect(await verify({ certificate: der }, using)).toMatchObject({ code: 'CertificatesNotAccepted' });
  });

  test('CaUnavailable, for the moment: the Secret is missing or no PEM', async () => {
    const { der } = await ca.issue();
    const using = verifier();
    using.configure({ clientCertificates: { caSecret: 'elsewhere' }, oidc: [], onExpiry: 'End' });
    expect(await verify({ certificate: der }, using)).toMatchObject({ code: 'CaUnavailable', isTemporary: true });
    expect(await verify({ certificate: der }, verifier('not PEM'))).toMatchObject({ code: 'CaUnavailable', isTemporary: true });
  });

  test('when a bad token comes with it: the token decides', async () => {
    const { der } = await ca.issue();
    expect(await verify({ certificate: der, token: new Secret('not a token') })).toMatchObject({ code: 'Malformed' });
  });

  test('NoCredential: neither it nor a token was shown', async () => {
    expect(await verify({})).toMatchObject({ code: 'NoCredential' });
  });
});

test('what TLS hands over is what is verified', async () => {
  const [client, own] = await Promise.all([ca.issue(), ca.issue({ subject: 'CN=localhost', usages: [ExtendedKeyUsage.serverAuth] })]);
  expect(await verify({ certificate: await handshake(own, client) })).toMatchObject({ name: 'certificate:reporter' });
});

/** The client's certificate, as a TLS server sees it. */
async function handshake(own: Issued, client: Issued): Promise<Uint8Array> {
  const server = createServer({ cert: own.pem, key: own.keyPem, ca: ca.pem, requestCert: true, rejectUnauthorized: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
  const { port } = server.address() as AddressInfo;
  const agent = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: ca.pem, cert: client.pem, key: client.keyPem });
  const [socket] = await accepted;
  const { raw } = socket.getPeerCertificate();
  agent.destroy();
  socket.destroy();
  server.close();
  return raw;
}
