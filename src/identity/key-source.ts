import { open } from 'node:fs/promises';
import { isAbsolute, join, normalize } from 'node:path';
import type { JSONWebKeySet } from 'jose';
import { allowInsecureRequests, customFetch, discovery, type DiscoveryRequestOptions } from 'openid-client';
import { CodedError } from '../lib/coded-error.ts';
import type { Fetch } from './bounded-fetch.ts';
import type { KeySource } from './key-cache.ts';

const remoteTimes = { freshForMs: 10 * 60_000, keepForMs: 60 * 60_000, cooldownMs: 10_000 };
/** A file is cheap to look at, so that a new key serves at once and a removed one no longer. */
const fileTimes = { freshForMs: 0, keepForMs: 0, cooldownMs: 0 };

const fileScheme = 'file:';
const maxFileBytes = 256 * 1024;

export interface KeySourceDeps {
  readonly fetch: Fetch;
  /** Where `file:` URLs begin; undefined refuses them, as on a cluster. */
  readonly filesDirectory?: string;
}

export function isFileUrl(jwksURL: string | undefined): boolean {
  return jwksURL?.startsWith(fileScheme) ?? false;
}

/** The keys of an issuer: from the URL stated, or from where its discovery document points. */
export function keySource(issuer: string, jwksURL: string | undefined, deps: KeySourceDeps): KeySource {
  if (jwksURL === undefined) {
    return { ...remoteTimes, name: issuer, load: async () => fetchKeySet(await discoverKeysUrl(issuer, deps.fetch), deps.fetch) };
  }
  if (isFileUrl(jwksURL)) return { ...fileTimes, name: jwksURL, load: fileLoader(jwksURL, deps.filesDirectory) };
  return { ...remoteTimes, name: jwksURL, load: () => fetchKeySet(jwksURL, deps.fetch) };
}

async function discoverKeysUrl(issuer: string, fetch: Fetch): Promise<string> {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- only for loopback, which `fetch` makes sure of
  const execute = issuer.startsWith('http:') ? [allowInsecureRequests] : [];
  const options: DiscoveryRequestOptions = { [customFetch]: (url, init) => fetch(url, init as RequestInit), execute };
  // Discovery compares the document's issuer with ours exactly. We are no client: the id is never sent.
  const provider = await discovery(new URL(issuer), 'chaperone', undefined, undefined, options);
  const found = provider.serverMetadata();
  if (found.issuer !== issuer) throw new CodedError('IssuerMismatch', `discovery at ${issuer} describes another issuer`);
  if (found.jwks_uri === undefined) throw new CodedError('NoKeys', `discovery at ${issuer} names no jwks_uri`);
  if (issuer.startsWith('https:') && !found.jwks_uri.startsWith('https:')) {
    throw new CodedError('UnsafeUrl', `discovery at ${issuer} names a jwks_uri that is not https`);
  }
  return found.jwks_uri;
}

async function fetchKeySet(url: string, fetch: Fetch): Promise<JSONWebKeySet> {
  const response = await fetch(url, { headers: { accept: 'application/jwk-set+json, application/json' } });
  return (await response.json()) as JSONWebKeySet;
}

function fileLoader(jwksURL: string, filesDirectory: string | undefined): () => Promise<JSONWebKeySet> {
  let known: { readonly text: string; readonly keySet: JSONWebKeySet } | undefined;
  return async () => {
    const text = await readKeyFile(resolveFileUrl(jwksURL, filesDirectory));
    if (known?.text !== text) known = { text, keySet: JSON.parse(text) as JSONWebKeySet };
    return known.keySet;
  };
}

function resolveFileUrl(jwksURL: string, filesDirectory: string | undefined): string {
  if (filesDirectory === undefined) throw new CodedError('UnsafeUrl', `${jwksURL} is only for files mode`);
  const path = normalize(jwksURL.slice(fileScheme.length));
  if (path === '.' || isAbsolute(path) || path.split('/').includes('..')) {
    throw new CodedError('UnsafeUrl', `${jwksURL} is not a relative path inside the files directory`);
  }
  return join(filesDirectory, path);
}

async function readKeyFile(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { mode, size } = await file.stat();
    if ((mode & 0o022) !== 0) throw new CodedError('UnsafeFile', `${path} may be written by others: chmod 644`);
    if (size > maxFileBytes) throw new CodedError('FileTooLarge', `${path} has more than ${maxFileBytes} bytes`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
