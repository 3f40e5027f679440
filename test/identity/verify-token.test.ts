import { createHash, createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { exportSPKI, importJWK } from 'jose';
import type { IdentityConfig } from '../../src/bundle/bundle.ts';
import type { Subject } from '../../src/bundle/subject.ts';
import { isExpired } from '../../src/identity/subject-expiry.ts';
import type { VerifyFailure } from '../../src/identity/verifier.ts';
import { createVerifier, type ConfigurableVerifier } from '../../src/identity/verify.ts';
import { err } from '../../src/lib/result.ts';
import { silentLog, type Log } from '../../src/lib/log.ts';
import { Secret } from '../../src/lib/secret.ts';
import { signingKey, TestProvider } from './oidc-provider.ts';

type Claims = Readonly<Record<string, unknown>>;

let provider: TestProvider;
let offsetMs = 0;
const clock = { now: () => Date.now() + offsetMs, monotonic: () => performance.now() + offsetMs };
const minute = 60_000;

beforeAll(() => {
  // The provider warns that a development set-up is no production set-up.
  jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  jest.spyOn(console, 'info').mockImplementation(() => undefined);
});
beforeEach(async () => {
  offsetMs = 0;
  provider = await TestProvider.start();
});
afterEach(() => provider.close());

function oidcConfig(more: Partial<IdentityConfig> = {}): IdentityConfig {
  return { oidc: [{ issuer: provider.issuer, audience: 'chaperone', groupsClaim: 'groups' }], onExpiry: 'End', ...more };
}

function verifier(config = oidcConfig(), log: Log = silentLog): ConfigurableVerifier {
  return createVerifier(config, { clock, log, secrets: { read: async () => err({ message: 'none' }) } });
}

async function verify(using: ConfigurableVerifier, token: string): Promise<Partial<Subject & VerifyFailure>> {
  const verified = await using.verify({ token: new Secret(token) });
  return verified.ok ? verified.value : verified.error;
}

function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

describe('a token of a real provider', () => {
  test.each(['ES256', 'ES384', 'RS256', 'PS512', 'Ed25519'] as const)('signed with %s becomes a subject', async (alg) => {
    provider.rotate(await signingKey('k', alg));
    const subject = await verify(verifier(), await provider.token());
    expect(subject).toMatchObject({
      kind: 'Oidc',
      name: `oidc:${provider.issuer}#agent`,
      issuer: provider.issuer,
      groups: ['support-agents'],
      oidc: { issuer: provider.issuer, subject: 'agent', claims: { department: ['care'], groups: ['support-agents'], aud: ['chaperone'] } },
      credentialId: expect.stringMatching(/.+/),
    });
  });

  test('expires as a subject when the login would no longer take it', async () => {
    const exp = inSeconds(600);
    const using = verifier();
    const token = await provider.sign({ exp });
    const subject = (await verify(using, token)) as Subject;
    const last = (exp + 60) * 1000;
    expect(subject.expiresAt).toBe(last);
    expect([isExpired(subject, last - 1), isExpired(subject, last)]).toEqual([false, true]);
    offsetMs = last - Date.now() - 5_000;
    expect(await verify(using, token)).toMatchObject({ kind: 'Oidc' });
    offsetMs = last - Date.now();
    expect(await verify(using, token)).toMatchObject({ code: 'Expired' });
  });

  test('costs one discovery and one key set for many logins at once', async () => {
    const using = verifier();
    const token = await provider.token();
    await Promise.all(Array.from({ length: 50 }, () => verify(using, token)));
    expect([provider.fetches('/.well-known/openid-configuration'), provider.fetches('/jwks')]).toEqual([1, 1]);
  });
});

describe('keys', () => {
  test('rotate during life: the new key serves and the old one no longer', async () => {
    const using = verifier();
    const old = await provider.token();
    expect(await verify(using, old)).toMatchObject({ kind: 'Oidc' });
    provider.rotate(await signingKey('second'));
    offsetMs += minute;
    expect(await verify(using, await provider.token())).toMatchObject({ kind: 'Oidc' });
    expect(await verify(using, old)).toMatchObject({ code: 'UnknownKey', isTemporary: false });
  });

  test('that were withdrawn stop serving after ten minutes, asked for or not', async () => {
    const using = verifier();
    const token = await provider.sign({ exp: inSeconds(3600) });
    expect(await verify(using, token)).toMatchObject({ kind: 'Oidc' });
    provider.rotate(await signingKey('second'));
    offsetMs += 11 * minute;
    expect(await verify(using, token)).toMatchObject({ code: 'UnknownKey' });
  });

  test('are not loaded for each unknown key id', async () => {
    const using = verifier();
    expect(await verify(using, await provider.token())).toMatchObject({ kind: 'Oidc' });
    const flood = await Promise.all(Array.from({ length: 100 }, (_, n) => provider.sign({}, { kid: `made-up-${n}` })));
    for (const token of flood) expect(await verify(using, token)).toMatchObject({ code: 'UnknownKey' });
    expect(provider.fetches('/jwks')).toBe(1);
    offsetMs += minute;
    for (const token of flood) await verify(using, token);
    expect(provider.fetches('/jwks')).toBe(2);
  });

  test('of the same id are each tried, and a key without id serves tokens without one', async () => {
    const first = await signingKey('same');
    const second = await signingKey('same');
    const served = [first, second].map(({ private: { d: _, ...jwk } }) => jwk);
    await withKeySet({ keys: served }, async (jwksURL) => {
      const using = verifier(oidcConfig({ oidc: [{ issuer: provider.issuer, audience: 'chaperone', groupsClaim: 'groups', jwksURL }] }));
      expect(await verify(using, await provider.sign({}, {}, first))).toMatchObject({ kind: 'Oidc' });
      expect(await verify(using, await provider.sign({}, {}, second))).toMatchObject({ kind: 'Oidc' });
      expect(await verify(using, await provider.sign({}, {}, await signingKey('same')))).toMatchObject({ code: 'BadSignature' });
      expect(await verify(using, await provider.sign({}, { kid: undefined }, second))).toMatchObject({ kind: 'Oidc' });
    });
  });
});

describe('a provider that is down', () => {
  test('is a temporary failure until it is back', async () => {
    const token = await provider.token();
    await provider.close();
    const using = verifier();
    expect(await verify(using, token)).toEqual({
      code: 'ProviderUnreachable',
      message: `the keys of ${provider.issuer} cannot be loaded at the moment; try again`,
      isTemporary: true,
    });
    await provider.listen();
    offsetMs += minute;
    expect(await verify(using, token)).toMatchObject({ kind: 'Oidc' });
  });

  test('does not stop tokens for an hour, and does afterwards', async () => {
    const using = verifier();
    const token = await provider.sign({ exp: inSeconds(7200) });
    expect(await verify(using, token)).toMatchObject({ kind: 'Oidc' });
    await provider.close();
    offsetMs += 59 * minute;
    expect(await verify(using, token)).toMatchObject({ kind: 'Oidc' });
    offsetMs += 2 * minute;
    expect(await verify(using, token)).toMatchObject({ code: 'ProviderUnreachable', isTemporary: true });
  });

  test('is named in the log once, not per login', async () => {
    const warnings: unknown[] = [];
    const using = verifier(oidcConfig(), { ...silentLog, warn: (_, fields) => warnings.push(fields) });
    const token = await provider.token();
    await provider.close();
    for (let n = 0; n < 20; n++) {
      offsetMs += minute;
      await verify(using, token);
    }
    expect(warnings).toEqual([{ source: provider.issuer, reason: expect.stringContaining('ECONNREFUSED') }]);
  });
});

describe('a token is refused', () => {
  interface Case {
    readonly because: string;
    readonly code: string;
    readonly message: string;
    readonly token: () => string | Promise<string>;
    readonly config?: Partial<IdentityConfig>;
  }
  const claims = (payload: Claims) => () => provider.sign(payload);
  const header = (fields: Readonly<Record<string, unknown>>) => () => provider.sign({}, fields);
  const cases: readonly Case[] = [
    { because: 'it is empty', code: 'NoCredential', message: 'send a token as the password', token: () => '' },
    { because: 'it is a password', code: 'Malformed', message: 'not a signed token', token: () => 'hunter2' },
    { because: 'it is structural garbage', code: 'Malformed', message: 'not a signed token', token: () => 'a.b.c' },
    { because: 'it has five parts (encrypted)', code: 'Malformed', message: 'not a signed token', token: () => 'e30.e30.e30.e30.e30' },
    { because: 'its payload is a list', code: 'Malformed', message: 'not a signed token', token: () => unsigned({ alg: 'ES256' }, []) },
    { because: 'it holds a NUL', code: 'Malformed', message: 'cannot be verified', token: async () => `${await provider.sign({})}\0` },
    { because: 'it is over 16 KiB', code: 'TokenTooLarge', message: 'more than 16384 bytes', token: claims({ pad: 'x'.repeat(16_384) }) },
    { because: 'its issuer is another', code: 'UnknownIssuer', message: 'does not accept tokens of the issuer', token: claims({ iss: 'https://evil.example' }) },
    { because: 'its issuer differs by a slash', code: 'UnknownIssuer', message: 'does not accept', token: () => provider.sign({ iss: `${provider.issuer}/` }) },
    { because: 'it has no issuer', code: 'MissingClaim', message: 'no "iss" claim', token: claims({ iss: undefined }) },
    { because: 'its audience is another', code: 'WrongAudience', message: 'wants "chaperone"', token: claims({ aud: 'billing' }) },
    { because: 'its audiences are others', code: 'WrongAudience', message: 'wants "chaperone"', token: claims({ aud: ['billing', 'chaperone2'] }) },
    { because: 'its audience is an object', code: 'WrongAudience', message: 'wants "chaperone"', token: claims({ aud: { chaperone: 1 } }) },
    { because: 'it has no audience', code: 'MissingClaim', message: 'no "aud" claim', token: claims({ aud: undefined }) },
    { because: 'it expired', code: 'Expired', message: 'has expired', token: () => provider.sign({ exp: inSeconds(-61) }) },
    { because: 'it never expires', code: 'MissingClaim', message: 'no "exp" claim', token: claims({ exp: undefined }) },
    { because: 'its expiry is text', code: 'BadClaim', message: '"exp" claim', token: claims({ exp: '4102444800' }) },
    { because: 'its expiry is beyond all dates', code: 'BadClaim', message: '"exp" claim', token: claims({ exp: 1e300 }) },
    { because: 'it is not valid yet', code: 'NotYetValid', message: 'not valid yet', token: () => provider.sign({ nbf: inSeconds(120) }) },
    { because: 'it was issued in the future', code: 'IssuedInFuture', message: 'issued in the future', token: () => provider.sign({ iat: inSeconds(120) }) },
    { because: 'it is too old', code: 'TooOld', message: 'longer ago', token: () => provider.sign({ iat: inSeconds(-400) }), config: { maxTokenAgeMs: 5 * minute } },
    { because: 'its age is unknown', code: 'MissingClaim', message: 'no "iat" claim', token: claims({ iat: undefined }), config: { maxTokenAgeMs: 5 * minute } },
    { because: 'it has no subject', code: 'MissingClaim', message: 'no "sub" claim', token: claims({ sub: undefined }) },
    { because: 'its subject is a number', code: 'BadClaim', message: '"sub" claim', token: claims({ sub: 7 }) },
    { because: 'its subject would forge a log line', code: 'BadClaim', message: '"sub" claim', token: claims({ sub: 'a\nb' }) },
    { because: 'its subject is endless', code: 'BadClaim', message: '"sub" claim', token: claims({ sub: 'x'.repeat(256) }) },
    { because: 'its groups are an object', code: 'BadClaim', message: '"groups" claim', token: claims({ groups: { admin: true } }) },
    { because: 'its groups are partly numbers', code: 'BadClaim', message: '"groups" claim', token: claims({ groups: ['a', 1] }) },
    { because: 'its groups are elsewhere', code: 'BadClaim', message: 'too many groups', token: claims({ _claim_names: { groups: 'src1' } }) },
    { because: 'it is unsigned', code: 'AlgorithmNotAllowed', message: 'not allowed', token: () => unsigned({ alg: 'none' }, { iss: provider.issuer }) },
    { because: 'alg is nOnE', code: 'AlgorithmNotAllowed', message: 'not allowed', token: () => unsigned({ alg: 'nOnE' }, { iss: provider.issuer }) },
    { because: 'it is keyed with the public key (HS256)', code: 'AlgorithmNotAllowed', message: 'not allowed', token: keyedWithPublicKey },
    { because: 'its signature is cut off', code: 'BadSignature', message: 'signature is wrong', token: async () => (await provider.sign({})).replace(/[^.]+$/, '') },
    { because: 'its payload was changed', code: 'BadSignature', message: 'signature is wrong', token: tampered },
    { because: 'another key signed it', code: 'BadSignature', message: 'signature is wrong', token: async () => provider.sign({}, {}, await signingKey('first')) },
    { because: 'its algorithm is not the key\'s', code: 'UnknownKey', message: 'does not publish', token: async () => provider.sign({}, {}, await signingKey('first', 'RS256')) },
    { because: 'its key id is a path', code: 'UnknownKey', message: 'does not publish', token: header({ kid: '../../../../dev/null' }) },
    { because: 'its key id is __proto__', code: 'UnknownKey', message: 'does not publish', token: header({ kid: '__proto__' }) },
    { because: 'its key id is SQL', code: 'UnknownKey', message: 'does not publish', token: header({ kid: "x' union select 'k" }) },
    { because: 'it brings its own key', code: 'BadSignature', message: 'signature is wrong', token: bringsOwnKey },
    { because: 'it has critical extensions', code: 'UnsupportedHeader', message: 'header extensions', token: header({ crit: ['b64'], b64: true }) },
    { because: 'it is a logout token', code: 'WrongTokenType', message: 'neither an access token', token: header({ typ: 'logout+jwt' }) },
    { because: 'its type is a list', code: 'WrongTokenType', message: 'neither an access token', token: header({ typ: ['JWT'] }) },
    { because: 'it is a security event', code: 'WrongTokenType', message: 'security event', token: claims({ events: {} }) },
    { because: 'it is bound to a key', code: 'ProofRequired', message: 'bound to a key', token: claims({ cnf: { jkt: 'abc' } }) },
    { because: 'it is of a ServiceAccount issuer by its word only', code: 'UnknownIssuer', message: 'does not accept', token: claims({ iss: 'https://kubernetes.default.svc' }) },
  ];

  test.each(cases)('$code: $because', async ({ code, message, token, config }) => {
    const shown = await token();
    const outcome = await verify(verifier(oidcConfig(config)), shown);
    expect(outcome).toEqual({ code, message: expect.stringContaining(message), isTemporary: false });
    if (shown !== '') expect(JSON.stringify(outcome)).not.toContain(shown);
  });

  test('whatever else it is, and the verifier never throws', async () => {
    const using = verifier();
    expect(await verify(using, await provider.sign({}))).toMatchObject({ kind: 'Oidc' });
    const part = fc.oneof(fc.json(), fc.constant(`{"alg":"ES256","kid":"first","iss":"${provider.issuer}"}`), fc.string());
    const encoded = part.map((text) => Buffer.from(text).toString('base64url'));
    const garbage = fc.oneof(fc.string({ minLength: 1 }), fc.array(encoded, { minLength: 1, maxLength: 6 }).map((parts) => `${parts.join('.')}.`));
    await fc.assert(
      fc.asyncProperty(garbage, async (token) => {
        expect(await verify(using, token)).toMatchObject({ code: expect.any(String), isTemporary: false });
      }),
      { numRuns: 500 },
    );
  });

  test('when no issuer is configured', async () => {
    const using = verifier({ oidc: [], clientCertificates: { caSecret: 'ca' }, onExpiry: 'End' });
    expect(await verify(using, await provider.token())).toMatchObject({ code: 'TokensNotAccepted' });
  });

  function unsigned(fields: object, payload: object): string {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    return `${part(fields)}.${part(payload)}.${Buffer.alloc(64, 1).toString('base64url')}`;
  }

  async function keyedWithPublicKey(): Promise<string> {
    provider.rotate(await signingKey('first', 'RS256'));
    const { n, e, kty } = provider.key.private;
    const pem = await exportSPKI((await importJWK({ kty, n, e } as never, 'RS256')));
    const [head, body] = (await provider.sign({})).split('.');
    const forged = Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'first' })).toString('base64url');
    expect(head).not.toBe(forged);
    return `${forged}.${body}.${createHmac('sha256', pem).update(`${forged}.${body}`).digest('base64url')}`;
  }

  async function tampered(): Promise<string> {
    const [head, body = '', signature] = (await provider.sign({ sub: 'agent' })).split('.');
    const payload = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
    return `${head}.${Buffer.from(JSON.stringify({ ...payload, sub: 'admin' })).toString('base64url')}.${signature}`;
  }

  async function bringsOwnKey(): Promise<string> {
    const own = await signingKey('first');
    const { d: _, ...jwk } = own.private;
    return provider.sign({}, { jwk, jku: 'http://127.0.0.1:1/keys', x5u: 'http://127.0.0.1:1/cert' }, own);
  }
});

describe('a token is accepted', () => {
  test.each<readonly [string, Claims, Readonly<Record<string, unknown>>, Partial<Subject>]>([
    ['an access token by type', {}, { typ: 'application/at+JWT' }, { groups: [] }],
    ['one of several audiences', { aud: ['billing', 'chaperone'] }, {}, { groups: [] }],
    ['one group as text', { groups: 'dba' }, {}, { groups: ['dba'] }],
    ['clocks that differ by 50 s', { nbf: inSeconds(50), iat: inSeconds(50) }, {}, {}],
    ['claims named like object members', JSON.parse('{"__proto__": "x", "constructor": "y"}') as Claims, {}, { groups: [] }],
  ])('%s', async (_, claims, header, expected) => {
    expect(await verify(verifier(), await provider.sign(claims, header))).toMatchObject({ kind: 'Oidc', ...expected });
  });

  test('bound to a client certificate, with that certificate and no other', async () => {
    const certificate = Buffer.from('the DER of a certificate');
    const token = new Secret(await provider.sign({ cnf: { 'x5t#S256': createHash('sha256').update(certificate).digest('base64url') } }));
    expect(await verifier().verify({ token, certificate })).toMatchObject({ ok: true });
    expect(await verifier().verify({ token, certificate: Buffer.from('another') })).toMatchObject({ error: { code: 'ProofRequired' } });
    expect(await verifier().verify({ token })).toMatchObject({ error: { code: 'ProofRequired' } });
  });

  test('with groups in a nested claim', async () => {
    const config = oidcConfig({ oidc: [{ issuer: provider.issuer, audience: 'chaperone', groupsClaim: 'realm_access.roles' }] });
    const nested = await verify(verifier(config), await provider.sign({ realm_access: { roles: ['dba'] } }));
    expect(nested).toMatchObject({ groups: ['dba'], oidc: { claims: { 'realm_access.roles': ['dba'] } } });
    const literal = await verify(verifier(config), await provider.sign({ 'realm_access.roles': ['x'], realm_access: { roles: ['dba'] } }));
    expect(literal).toMatchObject({ groups: ['x'] });
  });
});

describe('ServiceAccount tokens', () => {
  const bound = { namespace: 'agents', serviceaccount: { name: 'reporter', uid: 'u' }, pod: { name: 'reporter-0', uid: 'p-1' } };

  function cluster(): ConfigurableVerifier {
    return verifier({ serviceAccounts: { issuer: provider.issuer, audience: 'chaperone', jwksURL: `${provider.issuer}/jwks` }, oidc: [], onExpiry: 'End' });
  }

  test('become ServiceAccount subjects with their pod, and their groups are the cluster\'s', async () => {
    const token = await provider.sign({ sub: 'system:serviceaccount:agents:reporter', 'kubernetes.io': bound, groups: ['system:masters'] });
    expect(await verify(cluster(), token)).toMatchObject({
      kind: 'ServiceAccount',
      name: 'serviceaccount:agents/reporter',
      serviceAccount: { namespace: 'agents', name: 'reporter', pod: { name: 'reporter-0', uid: 'p-1' } },
      groups: ['system:serviceaccounts', 'system:serviceaccounts:agents'],
    });
    expect(provider.fetches('/.well-known/openid-configuration')).toBe(0);
  });

  test.each([
    ['alice', undefined, 'WrongSubject'],
    ['system:serviceaccount:agents', undefined, 'WrongSubject'],
    ['system:serviceaccount:agents:a:b', undefined, 'WrongSubject'],
    ['system:serviceaccount:agents/x:reporter', undefined, 'WrongSubject'],
    ['system:serviceaccount:other:reporter', bound, 'BadClaim'],
    ['system:serviceaccount:agents:other', bound, 'BadClaim'],
    ['system:serviceaccount:agents:reporter', 'text', 'BadClaim'],
  ])('of subject %s are refused', async (sub, claim, code) => {
    expect(await verify(cluster(), await provider.sign({ sub, 'kubernetes.io': claim }))).toMatchObject({ code });
  });

  test('an OIDC issuer cannot make ServiceAccounts', async () => {
    const subject = await verify(verifier(), await provider.sign({ sub: 'system:serviceaccount:agents:reporter', 'kubernetes.io': bound }));
    expect(subject.kind).toBe('Oidc');
    expect(subject.serviceAccount).toBeUndefined();
  });
});

describe('a changed configuration', () => {
  test('takes effect for the next token and keeps the keys of issuers that stay', async () => {
    const using = verifier();
    const token = await provider.token();
    expect(await verify(using, token)).toMatchObject({ kind: 'Oidc' });
    using.configure(oidcConfig({ oidc: [{ issuer: provider.issuer, audience: 'other', groupsClaim: 'groups' }] }));
    expect(await verify(using, token)).toMatchObject({ code: 'WrongAudience' });
    using.configure(oidcConfig({ oidc: [{ issuer: 'https://idp.example.com', audience: 'chaperone', groupsClaim: 'groups' }] }));
    expect(await verify(using, token)).toMatchObject({ code: 'UnknownIssuer' });
    expect(provider.fetches('/jwks')).toBe(1);
  });

  test('may list one issuer for two audiences', async () => {
    const entry = { issuer: provider.issuer, audience: 'chaperone', groupsClaim: 'groups' };
    const using = verifier(oidcConfig({ oidc: [entry, { ...entry, audience: 'second' }] }));
    expect(await verify(using, await provider.token())).toMatchObject({ kind: 'Oidc' });
    expect(await verify(using, await provider.sign({ aud: 'second' }))).toMatchObject({ kind: 'Oidc' });
  });
});

/** The real provider always behaves; these answers need a server that does not. */
describe('a provider that misbehaves is unreachable, not believed', () => {
  let server: Server;
  let base: string;
  let answer: (path: string) => { readonly status?: number; readonly headers?: Record<string, string>; readonly body: string };
  let key: Awaited<ReturnType<typeof signingKey>>;

  beforeAll(async () => {
    key = await signingKey('first');
    server = createServer((request, response) => {
      const { status = 200, headers = {}, body } = answer(request.url ?? '');
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
  });

  function keySet(): string {
    const { d: _, ...jwk } = key.private;
    return JSON.stringify({ keys: [jwk] });
  }
  function good(path: string): { readonly body: string } {
    return { body: path === '/jwks' ? keySet() : JSON.stringify({ issuer: base, jwks_uri: `${base}/jwks` }) };
  }
  const discovered = (document: () => object) => (path: string) => (path === '/jwks' ? good(path) : { body: JSON.stringify(document()) });

  async function outcome(): Promise<{ readonly result: Partial<Subject & VerifyFailure>; readonly reason: unknown }> {
    let reason: unknown;
    const log: Log = { ...silentLog, warn: (_, fields) => (reason = fields?.['reason']) };
    const using = verifier({ oidc: [{ issuer: base, audience: 'chaperone', groupsClaim: 'groups' }], onExpiry: 'End' }, log);
    return { result: await verify(using, await provider.sign({ iss: base }, {}, key)), reason };
  }

  test('the well-behaved answer is believed', async () => {
    answer = good;
    expect((await outcome()).result).toMatchObject({ kind: 'Oidc' });
  });

  test.each<readonly [string, (path: string) => ReturnType<typeof answer>, string]>([
    ['an issuer that is not its own', discovered(() => ({ issuer: `${base}/`, jwks_uri: `${base}/jwks` })), 'issuer'],
    ['no jwks_uri', discovered(() => ({ issuer: base })), 'no jwks_uri'],
    ['keys over plain http elsewhere', discovered(() => ({ issuer: base, jwks_uri: 'http://192.0.2.1/jwks' })), 'neither https nor http on loopback'],
    ['keys in a local file', discovered(() => ({ issuer: base, jwks_uri: 'file:///etc/passwd' })), 'neither https nor http on loopback'],
    ['a redirect', (path) => (path === '/jwks' ? { status: 302, headers: { location: `${base}/elsewhere` }, body: '' } : good(path)), 'answered 302'],
    ['an error', () => ({ status: 503, body: '{}' }), 'answered 503'],
    ['a megabyte', (path) => (path === '/jwks' ? { body: `{"keys":[],"pad":"${'x'.repeat(1_000_000)}"}` } : good(path)), 'more than 262144 bytes'],
    ['no JSON', (path) => (path === '/jwks' ? { body: '<html>' } : good(path)), 'JSON'],
    ['keys that are no list', (path) => (path === '/jwks' ? { body: '{"keys":{}}' } : good(path)), 'malformed'],
    ['too many keys', (path) => (path === '/jwks' ? { body: JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: 'EC' })) }) } : good(path)), 'more than 100 keys'],
  ])('%s', async (_, misbehaviour, reason) => {
    answer = misbehaviour;
    const failed = await outcome();
    expect(failed.result).toMatchObject({ code: 'ProviderUnreachable', isTemporary: true });
    expect(failed.reason).toContain(reason);
  });

  test('an https issuer cannot move its keys to plain http', async () => {
    const reasons: unknown[] = [];
    const issuer = 'https://idp.example.com';
    const using = createVerifier(
      { oidc: [{ issuer, audience: 'chaperone', groupsClaim: 'groups' }], onExpiry: 'End' },
      {
        clock,
        log: { ...silentLog, warn: (_, fields) => reasons.push(fields?.['reason']) },
        secrets: { read: async () => err({ message: 'none' }) },
        // Stands in for a provider with a public certificate.
        fetch: async (url) => {
          const headers = { 'content-type': 'application/json' };
          return url.startsWith(issuer) ? new Response(JSON.stringify({ issuer, jwks_uri: `${base}/jwks` }), { headers }) : fetch(url);
        },
      },
    );
    answer = good;
    expect(await verify(using, await provider.sign({ iss: issuer }, {}, key))).toMatchObject({ code: 'ProviderUnreachable' });
    expect(reasons).toEqual([`discovery at ${issuer} names a jwks_uri that is not https`]);
  });

  test('an http issuer that is not on loopback is never asked', async () => {
    answer = good;
    const issuer = base.replace('127.0.0.1', '192.0.2.1');
    const asked: string[] = [];
    const using = createVerifier(
      { oidc: [{ issuer, audience: 'chaperone', groupsClaim: 'groups' }], onExpiry: 'End' },
      { clock, log: silentLog, secrets: { read: async () => err({ message: 'none' }) }, fetch: async (url) => (asked.push(url), fetch(base)) },
    );
    expect(await verify(using, await provider.sign({ iss: issuer }, {}, key))).toMatchObject({ code: 'ProviderUnreachable' });
    expect(asked).toEqual([]);
  });

  test('a shared secret in the key set verifies nothing', async () => {
    answer = (path) => (path === '/jwks' ? { body: JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'first' }] }) } : good(path));
    expect((await outcome()).result).toMatchObject({ code: 'UnknownKey' });
  });

  test('silence ends after the time that is allowed', async () => {
    const silent = createServer(() => undefined);
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const issuer = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const using = createVerifier(
      { oidc: [{ issuer, audience: 'chaperone', groupsClaim: 'groups' }], onExpiry: 'End' },
      { clock, log: silentLog, fetchTimeoutMs: 50, secrets: { read: async () => err({ message: 'none' }) } },
    );
    expect(await verify(using, await provider.sign({ iss: issuer }))).toMatchObject({ code: 'ProviderUnreachable' });
    silent.closeAllConnections();
    silent.close();
  });
});

async function withKeySet(keySet: object, run: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((_, response) => response.end(JSON.stringify(keySet)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
