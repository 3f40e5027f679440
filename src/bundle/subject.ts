/** Who an agent was verified to be. Made by `identity`, matched by `decide`, written into every recording. */
export interface Subject {
  readonly kind: 'ServiceAccount' | 'Oidc' | 'Certificate';
  /** One line for people and records: `serviceaccount:agents/support-agent`, `oidc:<issuer>#<sub>`, `certificate:<SPIFFE ID or CN>`. */
  readonly name: string;
  readonly serviceAccount?: { readonly namespace: string; readonly name: string; readonly pod?: { readonly name: string; readonly uid: string } };
  /** Claims as lists of strings: a string claim has one item. Only string and string-list claims are kept. */
  readonly oidc?: { readonly issuer: string; readonly subject: string; readonly claims: Readonly<Record<string, readonly string[]>> };
  readonly certificate?: { readonly commonName?: string; readonly spiffeID?: string };
  readonly groups: readonly string[];
  /** The token's `jti`, or the certificate's serial number; never the token. */
  readonly credentialId?: string;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly issuedAt?: number;
  /** Milliseconds since the epoch: after it the session ends as `onExpiry` says. */
  readonly expiresAt: number;
}

/** Which subjects a policy or an exemption is for. Within one matcher all stated conditions must hold. */
export type SubjectMatcher =
  | { readonly kind: 'ServiceAccount'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'Oidc'; readonly issuer: string; readonly claims: Readonly<Record<string, readonly string[]>> }
  | { readonly kind: 'Certificate'; readonly spiffeID?: string; readonly commonName?: string }
  /** Everyone: baselines, and policies whose own subjects could not be read. */
  | { readonly kind: 'Any' };
