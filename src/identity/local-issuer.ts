import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT, type CryptoKey, type JWK } from 'jose';
import { CodedError } from '../lib/coded-error.ts';

/** The `iss` of local tokens: a name on loopback that nobody answers under and nothing is fetched from. */
export const localIssuerName = 'http://127.0.0.1/chaperone-local';

export const localKeyFile = 'local-issuer.jwk';
export const localKeySetFile = 'jwks.json';

export type LocalSubject =
  | { readonly kind: 'ServiceAccount'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'Oidc'; readonly subject: string; readonly groups: readonly string[] };

export interface LocalToken {
  readonly subject: LocalSubject;
  readonly audience: string;
  readonly ttlMs: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Signs tokens for development. Whoever reads its key is every subject, so it lives beside files mode only. */
export interface LocalIssuer {
  mint(token: LocalToken): Promise<string>;
}

/** Opens the issuer of a state directory; makes the directory, its key and its key set when they are missing. */
export async function openLocalIssuer(stateDirectory: string): Promise<LocalIssuer> {
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  const keyPath = join(stateDirectory, localKeyFile);
  const jwk = (await readKey(keyPath)) ?? (await createKey(keyPath));
  await publish(join(stateDirectory, localKeySetFile), publicHalf(jwk));
  const key = await importJWK(jwk, 'ES256');
  return { mint: (token) => sign(key as CryptoKey, jwk.kid ?? '', token) };
}

async function readKey(path: string): Promise<JWK | undefined> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0) throw new CodedError('UnsafeFile', `${path} may be read by others: chmod 600, or remove it for a new key`);
    return parseKey(await file.readFile('utf8'), path);
  } finally {
    await file.close();
  }
}

function parseKey(text: string, path: string): JWK {
  try {
    const jwk = JSON.parse(text) as JWK;
    if (jwk.kty === 'EC' && jwk.crv === 'P-256' && typeof jwk.d === 'string' && typeof jwk.kid === 'string') return jwk;
  } catch {
    // The parser's message would quote the key.
  }
  throw new CodedError('UnusableKey', `${path} is no ES256 key: remove it for a new one`);
}

async function createKey(path: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  const named = { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: 'ES256', use: 'sig' };
  const draft = draftOf(path);
  await writeFile(draft, JSON.stringify(named), { mode: 0o600, flag: 'wx' });
  try {
    // Unlike a rename a link never replaces: of two issuers that start at once, both use the first one's key.
    await link(draft, path);
    return named;
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
    return (await readKey(path)) ?? named;
  } finally {
    await rm(draft, { force: true });
  }
}

function publicHalf({ kty, crv, x, y, kid, alg, use }: JWK): JWK {
  return { kty, crv, x, y, kid, alg, use } as JWK;
}

/** Readers see the old key set or the new one, never half of it. */
async function publish(path: string, key: JWK): Promise<void> {
  const text = `${JSON.stringify({ keys: [key] }, undefined, 2)}\n`;
  const published = await readFile(path, 'utf8').catch(() => undefined);
  if (published === text) return;
  const draft = draftOf(path);
  await writeFile(draft, text, { flag: 'wx' });
  await chmod(draft, 0o644);
  await rename(draft, path);
}

function draftOf(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}`;
}

function sign(key: CryptoKey, kid: string, { subject, audience, ttlMs, now }: LocalToken): Promise<string> {
  const issuedAt = Math.floor(now / 1000);
  return new SignJWT(claimsOf(subject))
    .setProtectedHeader({ alg: 'ES256', kid, typ: 'JWT' })
    .setIssuer(localIssuerName)
    .setAudience(audience)
    .setIssuedAt(issuedAt)
    .setNotBefore(issuedAt)
    .setExpirationTime(issuedAt + Math.ceil(ttlMs / 1000))
    .setJti(randomUUID())
    .sign(key);
}

function claimsOf(subject: LocalSubject): Readonly<Record<string, unknown>> {
  if (subject.kind === 'Oidc') return { sub: subject.subject, groups: subject.groups };
  const { namespace, name } = subject;
  return { sub: `system:serviceaccount:${namespace}:${name}`, 'kubernetes.io': { namespace, serviceaccount: { name } } };
}

function isErrno(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
