/**
 * Identity: credentials in, a verified subject out. It knows tokens and client certificates and nothing of the
 * protocol that carried them. The one invariant: every claim of a subject was signed by an issuer or CA that the
 * connection's own configuration names; nothing that a credential says about where to find keys is ever followed.
 */
import { X509Certificate } from 'node:crypto';
import type { IdentityConfig } from '../bundle/bundle.ts';
import type { Subject } from '../bundle/subject.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Result } from '../lib/result.ts';
import type { Secret } from '../lib/secret.ts';
import { boundedFetch, type Fetch } from './bounded-fetch.ts';
import { verifyClientCertificate } from './client-certificate.ts';
import { KeyCache } from './key-cache.ts';
import { isFileUrl, keySource, type KeySourceDeps } from './key-source.ts';
import { trustedIssuers, type TrustedIssuer } from './trusted-issuer.ts';
import type { Credential, TokenVerifier, VerifyFailure } from './verifier.ts';
import { refuse } from './verify-failure.ts';
import { claimedIssuer, verifyToken } from './verify-token.ts';

export interface VerifierDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Reads `ca.crt` of the Secret that `clientCertificates` names. */
  readonly secrets: { read(secret: string, key: string): Promise<Result<Secret<string>, { readonly message: string }>> };
  /** Where `file:` key sets are; only files mode has one. */
  readonly filesDirectory?: string;
  /** The platform's `fetch` unless stated: on a cluster one that trusts the cluster's CA. */
  readonly fetch?: Fetch;
  readonly fetchTimeoutMs?: number;
}

/** A verifier that follows the connection's configuration. */
export interface ConfigurableVerifier extends TokenVerifier {
  /** Takes effect for the next credential. Keys already fetched for an issuer that stays are kept. */
  configure(config: IdentityConfig): void;
}

export function createVerifier(config: IdentityConfig, deps: VerifierDeps): ConfigurableVerifier {
  return new Verifier(config, deps);
}

interface Candidate {
  readonly issuer: TrustedIssuer;
  readonly keys: KeyCache;
}

class Verifier implements ConfigurableVerifier {
  readonly #deps: VerifierDeps;
  readonly #keyDeps: KeySourceDeps;
  #config: IdentityConfig;
  #caches = new Map<string, KeyCache>();
  #candidates: ReadonlyMap<string, readonly Candidate[]> = new Map();

  constructor(config: IdentityConfig, deps: VerifierDeps) {
    const bounds = { timeoutMs: deps.fetchTimeoutMs ?? 5_000, responseBytes: 256 * 1024 };
    this.#deps = deps;
    this.#keyDeps = {
      fetch: boundedFetch(deps.fetch ?? fetch, bounds),
      ...(deps.filesDirectory === undefined ? {} : { filesDirectory: deps.filesDirectory }),
    };
    this.#config = config;
    this.configure(config);
  }

  configure(config: IdentityConfig): void {
    const caches = new Map<string, KeyCache>();
    const issuers = trustedIssuers(config);
    for (const { issuer, jwksURL } of issuers) {
      const id = cacheId(issuer, jwksURL);
      const kept = caches.get(id) ?? this.#caches.get(id);
      caches.set(id, kept ?? new KeyCache(keySource(issuer, jwksURL, this.#keyDeps), this.#deps));
      if (kept === undefined && isFileUrl(jwksURL)) {
        this.#deps.log.warn('tokens of a local development issuer are accepted', { issuer, jwksURL });
      }
    }
    const candidates = issuers.flatMap((issuer) => {
      const keys = caches.get(cacheId(issuer.issuer, issuer.jwksURL));
      return keys === undefined ? [] : [{ issuer, keys }];
    });
    this.#config = config;
    this.#caches = caches;
    this.#candidates = Map.groupBy(candidates, ({ issuer }) => issuer.issuer);
  }

  async verify(credential: Credential): Promise<Result<Subject, VerifyFailure>> {
    const token = credential.token?.reveal() ?? '';
    // A token that is shown decides alone: a bad one is not rescued by a good certificate.
    if (token !== '') return this.#verifyToken(token, credential.certificate);
    if (credential.certificate !== undefined) return this.#verifyCertificate(credential.certificate);
    return refuse('NoCredential', 'send a token as the password, or connect with a client certificate');
  }

  async #verifyToken(token: string, certificate: Uint8Array | undefined): Promise<Result<Subject, VerifyFailure>> {
    if (this.#candidates.size === 0) return refuse('TokensNotAccepted', 'this connection accepts no tokens; use a client certificate');
    const claimed = claimedIssuer(token);
    if (!claimed.ok) return claimed;
    const { maxTokenAgeMs } = this.#config;
    const checks = {
      now: this.#deps.clock.now(),
      ...(maxTokenAgeMs === undefined ? {} : { maxTokenAgeMs }),
      ...(certificate === undefined ? {} : { certificate }),
    };
    let refused = refuse('UnknownIssuer', 'this connection does not accept tokens of the issuer that the token names');
    // One issuer may be listed for several audiences; each entry verifies the token completely.
    for (const { issuer, keys } of this.#candidates.get(claimed.value) ?? []) {
      const verified = await verifyToken(token, issuer, keys.find, checks);
      if (verified.ok) return verified;
      refused = verified;
    }
    return refused;
  }

  async #verifyCertificate(der: Uint8Array): Promise<Result<Subject, VerifyFailure>> {
    const { clientCertificates } = this.#config;
    if (clientCertificates === undefined) {
      return refuse('CertificatesNotAccepted', 'this connection accepts no client certificates; send a token as the password');
    }
    const ca = await this.#deps.secrets.read(clientCertificates.caSecret, 'ca.crt');
    if (!ca.ok) {
      this.#deps.log.error('cannot read the CA of client certificates', { reason: ca.error.message });
      return refuse('CaUnavailable', 'client certificates cannot be verified at the moment; try again');
    }
    const trusted = certificatesOfPem(ca.value.reveal());
    if (trusted === undefined) {
      this.#deps.log.error('the CA of client certificates is not PEM', { secret: clientCertificates.caSecret });
      return refuse('CaUnavailable', 'client certificates cannot be verified at the moment; try again');
    }
    return verifyClientCertificate(der, { trusted, now: this.#deps.clock.now() });
  }
}

function cacheId(issuer: string, jwksURL: string | undefined): string {
  return JSON.stringify([issuer, jwksURL]);
}

function certificatesOfPem(pem: string): readonly X509Certificate[] | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) return undefined;
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return undefined;
  }
}
