import type { IdentityConfig } from '../bundle/bundle.ts';
import { isFileUrl } from './key-source.ts';

/** One issuer that a connection accepts tokens of, for one audience. */
export type TrustedIssuer = TrustedServiceAccounts | TrustedOidc;

interface TrustedIssuerBase {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksURL?: string;
  /** How far the issuer's clock may be from ours. */
  readonly clockSkewMs: number;
}

interface TrustedServiceAccounts extends TrustedIssuerBase {
  readonly kind: 'ServiceAccount';
}

interface TrustedOidc extends TrustedIssuerBase {
  readonly kind: 'Oidc';
  /** A claim's name, or a path through nested claims with dots. */
  readonly groupsClaim: string;
}

const remoteClockSkewMs = 60_000;

export function trustedIssuers(config: IdentityConfig): readonly TrustedIssuer[] {
  const { serviceAccounts, oidc } = config;
  return [
    ...(serviceAccounts === undefined ? [] : [{ ...serviceAccounts, kind: 'ServiceAccount' as const }]),
    ...oidc.map((entry) => ({ ...entry, kind: 'Oidc' as const })),
    // Tokens that are checked against a local file were signed by this machine's own clock.
  ].map((entry) => ({ ...entry, clockSkewMs: isFileUrl(entry.jwksURL) ? 0 : remoteClockSkewMs }));
}
