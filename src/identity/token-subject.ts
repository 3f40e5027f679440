import type { JWTPayload } from 'jose';
import type { Subject } from '../bundle/subject.ts';
import { ok, type Result } from '../lib/result.ts';
import type { TrustedIssuer } from './trusted-issuer.ts';
import type { VerifyFailure } from './verifier.ts';
import { refuse } from './verify-failure.ts';

const serviceAccountSubject = /^system:serviceaccount:([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?):([a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?)$/;
/** OpenID Connect Core, section 2. */
const maxSubjectLength = 255;

/** The subject of claims whose signature, issuer, audience and times have been verified. */
export function subjectOfClaims(claims: JWTPayload, issuer: TrustedIssuer): Result<Subject, VerifyFailure> {
  const { sub, exp } = claims;
  if (!isPrintable(sub) || sub.length > maxSubjectLength) return refuse('BadClaim', 'the token has no usable "sub" claim');
  // The login accepts a token this long, so the session lasts this long.
  const expiresAt = Math.floor((exp ?? Number.NaN) * 1000) + issuer.clockSkewMs;
  if (!Number.isSafeInteger(expiresAt)) return refuse('BadClaim', 'the "exp" claim of the token is not a date');
  const shared = {
    ...(isPrintable(claims.jti) ? { credentialId: claims.jti } : {}),
    issuer: issuer.issuer,
    ...(claims.iat === undefined ? {} : { issuedAt: Math.floor(claims.iat * 1000) }),
    expiresAt,
  };
  return issuer.kind === 'ServiceAccount' ? serviceAccount(sub, claims, shared) : oidc(sub, claims, issuer, shared);
}

type SharedFields = Pick<Subject, 'credentialId' | 'issuer' | 'issuedAt' | 'expiresAt'>;

function serviceAccount(sub: string, claims: JWTPayload, shared: SharedFields): Result<Subject, VerifyFailure> {
  const [, namespace, name] = serviceAccountSubject.exec(sub) ?? [];
  if (namespace === undefined || name === undefined) return refuse('WrongSubject', 'the token is not of a ServiceAccount');
  const bound = own(claims, 'kubernetes.io');
  if (bound !== undefined && (own(bound, 'namespace') !== namespace || own(own(bound, 'serviceaccount'), 'name') !== name)) {
    return refuse('BadClaim', 'the "kubernetes.io" claim of the token contradicts its "sub" claim');
  }
  const pod = podOf(bound);
  return ok({
    ...shared,
    kind: 'ServiceAccount',
    name: `serviceaccount:${namespace}/${name}`,
    serviceAccount: { namespace, name, ...(pod === undefined ? {} : { pod }) },
    // As the API server sees every ServiceAccount; a groups claim is not believed.
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
  });
}

function podOf(bound: unknown): { readonly name: string; readonly uid: string } | undefined {
  const pod = own(bound, 'pod');
  const name = own(pod, 'name');
  const uid = own(pod, 'uid');
  return isPrintable(name) && isPrintable(uid) ? { name, uid } : undefined;
}

function oidc(
  sub: string,
  claims: JWTPayload,
  issuer: Extract<TrustedIssuer, { kind: 'Oidc' }>,
  shared: SharedFields,
): Result<Subject, VerifyFailure> {
  const { groupsClaim } = issuer;
  const path = groupsPath(claims, groupsClaim);
  if (own(own(claims, '_claim_names'), path[0]) !== undefined) {
    return refuse('BadClaim', `the token has too many groups to carry in its "${groupsClaim}" claim`);
  }
  const value = path.reduce<unknown>(own, claims);
  const groups = value === undefined ? [] : stringsOf(value);
  // Without them a rule that denies a group would not be found.
  if (groups === undefined) return refuse('BadClaim', `the "${groupsClaim}" claim of the token is not a list of strings`);
  const kept = Object.entries(claims).flatMap(([name, claim]) => {
    const strings = stringsOf(claim);
    return strings === undefined ? [] : [[name, strings] as const];
  });
  const nested = path.length > 1 && value !== undefined ? [[groupsClaim, groups] as const] : [];
  return ok({
    ...shared,
    kind: 'Oidc',
    name: `oidc:${issuer.issuer}#${sub}`,
    oidc: { issuer: issuer.issuer, subject: sub, claims: Object.fromEntries([...kept, ...nested]) },
    groups,
  });
}

/** A claim of exactly this name, or else a path through nested claims: `realm_access.roles`. */
function groupsPath(claims: JWTPayload, groupsClaim: string): readonly [string, ...string[]] {
  if (Object.hasOwn(claims, groupsClaim)) return [groupsClaim];
  const [first = groupsClaim, ...rest] = groupsClaim.split('.');
  return [first, ...rest];
}

function own(value: unknown, member: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, member)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[member];
}

function stringsOf(claim: unknown): readonly string[] | undefined {
  if (typeof claim === 'string') return [claim];
  if (Array.isArray(claim) && claim.every((item) => typeof item === 'string')) return claim;
  return undefined;
}

/** Names go into logs and records, one a line. */
function isPrintable(text: unknown): text is string {
  return typeof text === 'string' && text !== '' && !/\p{Cc}|\u2028|\u2029/u.test(text);
}
