import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { localIssuerName, openLocalIssuer, type LocalSubject } from '../../src/identity/local-issuer.ts';
import { createVerifier, type ConfigurableVerifier } from '../../src/identity/verify.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { err } from '../../src/lib/result.ts';
import { silentLog, type Log } from '../../src/lib/log.ts';
import { Secret } from '../../src/lib/secret.ts';

const agent: LocalSubject = { kind: 'ServiceAccount', namespace: 'agents', name: 'support-agent' };
let files: string;

beforeEach(async () => {
  files = await mkdtemp(join(tmpdir(), 'chaperone-local-issuer-'));
});
afterEach(() => rm(files, { recursive: true }));

function state(): string {
  return join(files, 'state');
}

async function mint(subject = agent, audience = 'chaperone', now = Date.now()): Promise<string> {
  const issuer = await openLocalIssuer(state());
  return issuer.mint({ subject, audience, ttlMs: 60_000, now });
}

function verifier(jwksURL = 'file:state/jwks.json', log: Log = silentLog): ConfigurableVerifier {
  const entry = { issuer: localIssuerName, audience: 'chaperone', jwksURL };
  return createVerifier(
    { serviceAccounts: entry, oidc: [{ ...entry, groupsClaim: 'groups' }], onExpiry: 'End' },
    {
      clock: systemClock,
      log,
      secrets: { read: async () => err({ message: 'no Secrets here' }) },
      filesDirectory: files,
    },
  );
}

async function outcome(token: string, using = verifier()): Promise<string> {
  const verified = await using.verify({ token: new Secret(token) });
  return verified.ok ? verified.value.name : verified.error.code;
}

describe('the local issuer', () => {
  test('mints a token that a connection with its key set takes for that ServiceAccount', async () => {
    const verified = await verifier().verify({ token: new Secret(await mint()) });
    expect(verified).toEqual({
      ok: true,
      value: expect.objectContaining({
        kind: 'ServiceAccount',
        name: 'serviceaccount:agents/support-agent',
        serviceAccount: { namespace: 'agents', name: 'support-agent' },
        issuer: localIssuerName,
        groups: ['system:serviceaccounts', 'system:serviceaccounts:agents'],
      }),
    });
  });

  test('mints OIDC subjects with groups', async () => {
    const token = await mint({ kind: 'Oidc', subject: 'alice', groups: ['dba', 'oncall'] });
    const verified = await verifier().verify({ token: new Secret(token) });
    expect(verified).toMatchObject({ ok: true, value: { name: `oidc:${localIssuerName}#alice`, groups: ['dba', 'oncall'] } });
  });

  test('expires exactly when the token does: one machine has one clock', async () => {
    const verified = await verifier().verify({ token: new Secret(await mint(agent, 'chaperone', 1_000 * Math.floor(Date.now() / 1_000))) });
    expect(verified.ok && verified.value.expiresAt - (verified.value.issuedAt ?? 0)).toBe(60_000);
    expect(await outcome(await mint(agent, 'chaperone', Date.now() - 61_000))).toBe('Expired');
  });

  test('keeps its key private and one for all who open it', async () => {
    const issuers = await Promise.all(Array.from({ length: 5 }, () => openLocalIssuer(state())));
    const tokens = await Promise.all(issuers.map((issuer) => issuer.mint({ subject: agent, audience: 'chaperone', ttlMs: 60_000, now: Date.now() })));
    const using = verifier();
    expect(new Set(await Promise.all(tokens.map((token) => outcome(token, using))))).toEqual(new Set(['serviceaccount:agents/support-agent']));
    expect((await stat(join(state(), 'local-issuer.jwk'))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(state(), 'jwks.json'), 'utf8')).not.toContain('"d"');
  });

  test('refuses a key that others may read, and does not quote one that it cannot parse', async () => {
    await mint();
    const path = join(state(), 'local-issuer.jwk');
    await chmod(path, 0o644);
    await expect(mint()).rejects.toThrow('may be read by others');
    await writeFile(path, '{"d": "the-secret');
    await chmod(path, 0o600);
    await expect(mint()).rejects.toThrow(/^(?!.*the-secret).*is no ES256 key/);
  });
});

describe('a key set in a file', () => {
  test('may appear after the gateway started, and change while it runs', async () => {
    const using = verifier();
    const early = await verifierFailure(using);
    expect(early).toMatchObject({ code: 'ProviderUnreachable', isTemporary: true });
    const first = await mint();
    expect(await outcome(first, using)).toBe('serviceaccount:agents/support-agent');
    await rm(state(), { recursive: true });
    const second = await mint();
    expect(await outcome(second, using)).toBe('serviceaccount:agents/support-agent');
    expect(await outcome(first, using)).toBe('UnknownKey');
    await rm(state(), { recursive: true });
    expect(await outcome(second, using)).toBe('ProviderUnreachable');
  });

  test('is refused when others may write it', async () => {
    const token = await mint();
    await chmod(join(state(), 'jwks.json'), 0o666);
    expect(await outcome(token)).toBe('ProviderUnreachable');
  });

  test.each(['file:../outside/jwks.json', 'file:x/../../outside/jwks.json', 'file:OUTSIDE', 'file://OUTSIDE', 'file:', 'file:.'])(
    '%s is refused, for it does not stay inside the files directory',
    async (pattern) => {
      const outside = `${files}-outside`;
      const issuer = await openLocalIssuer(outside);
      const token = await issuer.mint({ subject: agent, audience: 'chaperone', ttlMs: 60_000, now: Date.now() });
      const reasons: unknown[] = [];
      const jwksURL = pattern.replace('../outside', `../${basename(outside)}`).replace('OUTSIDE', join(outside, 'jwks.json'));
      const using = verifier(jwksURL, { ...silentLog, warn: (_, fields) => reasons.push(fields?.['reason']) });
      expect(await outcome(token, using)).toBe('ProviderUnreachable');
      expect(reasons).toContain(`${jwksURL} is not a relative path inside the files directory`);
      await rm(outside, { recursive: true });
    },
  );

  test('is refused outside files mode', async () => {
    const entry = { issuer: localIssuerName, audience: 'chaperone', jwksURL: 'file:state/jwks.json' };
    const onCluster = createVerifier(
      { serviceAccounts: entry, oidc: [], onExpiry: 'End' },
      { clock: systemClock, log: silentLog, secrets: { read: async () => err({ message: 'none' }) } },
    );
    expect(await outcome(await mint(), onCluster)).toBe('ProviderUnreachable');
  });
});

async function verifierFailure(using: ConfigurableVerifier): Promise<unknown> {
  const other = await mkdtemp(join(tmpdir(), 'chaperone-elsewhere-'));
  const issuer = await openLocalIssuer(other);
  const token = await issuer.mint({ subject: agent, audience: 'chaperone', ttlMs: 60_000, now: Date.now() });
  await rm(other, { recursive: true });
  const verified = await using.verify({ token: new Secret(token) });
  return verified.ok ? verified.value : verified.error;
}
