import { createHash } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey, type ProtectedHeaderParameters } from 'jose';
import type { Subject } from '../bundle/subject.ts';
import { CodedError } from '../lib/coded-error.ts';
import type { Result } from '../lib/result.ts';
import { subjectOfClaims } from './token-subject.ts';
import type { TrustedIssuer } from './trusted-issuer.ts';
import type { VerifyFailure } from './verifier.ts';
import { refuse } from './verify-failure.ts';

/** Signatures by a private key only: with HS* the published key would be the secret. */
const algorithms = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519',
];
/** Other types (`logout+jwt`, `dpop+jwt`) are signed by the same keys for another purpose. */
const tokenTypes = ['jwt', 'at+jwt'];
const maxTokenBytes = 16 * 1024;

export interface TokenChecks {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly maxTokenAgeMs?: number;
  /** DER of the client certificate of the same connection, for tokens that are bound to one. */
  readonly certificate?: Uint8Array;
}

/** Which issuer a token says it is of. Believed only to choose among the issuers that are configured. */
export function claimedIssuer(token: string): Result<string, VerifyFailure> {
  if (Buffer.byteLength(token) > maxTokenBytes) return refuse('TokenTooLarge', `the token has more than ${maxTokenBytes} bytes`);
  try {
    const { iss } = decodeJwt(token);
    if (typeof iss === 'string') return { ok: true, value: iss };
    return refuse('MissingClaim', 'the token has no "iss" claim');
  } catch {
    return refuse('Malformed', 'the password is not a signed token (JWT)');
  }
}

/** Verifies a token of one issuer and reads the subject from it. */
export async function verifyToken(
  token: string,
  issuer: TrustedIssuer,
  findKey: JWTVerifyGetKey,
  checks: TokenChecks,
): Promise<Result<Subject, VerifyFailure>> {
  const unfit = checkHeader(token);
  if (unfit !== undefined) return unfit;
  const clockTolerance = issuer.clockSkewMs / 1000;
  let claims: JWTPayload;
  try {
    claims = await verifySignatureAndClaims(token, findKey, {
      algorithms,
      issuer: issuer.issuer,
      audience: issuer.audience,
      requiredClaims: ['exp', 'sub'],
      clockTolerance,
      currentDate: new Date(checks.now),
      ...(checks.maxTokenAgeMs === undefined ? {} : { maxTokenAge: checks.maxTokenAgeMs / 1000 }),
    });
  } catch (error) {
    return refusal(error, issuer);
  }
  if (claims.iat !== undefined && claims.iat > checks.now / 1000 + clockTolerance) {
    return refuse('IssuedInFuture', 'the token was issued in the future; compare the clocks');
  }
  return checkPurpose(claims, checks) ?? subjectOfClaims(claims, issuer);
}

/** What the header asks for beyond a plain signature is refused; `jku`, `x5u`, `jwk` and `x5c` are never looked at. */
function checkHeader(token: string): ReturnType<typeof refuse> | undefined {
  let header: ProtectedHeaderParameters;
  try {
    header = decodeProtectedHeader(token);
  } catch {
    return refuse('Malformed', 'the password is not a signed token (JWT)');
  }
  const { alg, typ, crit, b64 } = header;
  if (alg === undefined || !algorithms.includes(alg)) {
    return refuse('AlgorithmNotAllowed', `the token's signature algorithm is not allowed; use one of ${algorithms.join(', ')}`);
  }
  if (crit !== undefined || b64 !== undefined) return refuse('UnsupportedHeader', 'the token uses header extensions (crit, b64)');
  if (typ === undefined) return undefined;
  const type: unknown = typ;
  if (typeof type !== 'string' || !tokenTypes.includes(type.toLowerCase().replace(/^application\//, ''))) {
    return refuse('WrongTokenType', 'the token is neither an access token nor an ID token');
  }
  return undefined;
}

/** Providers that publish no key ids leave several keys to try. */
async function verifySignatureAndClaims(
  token: string,
  findKey: JWTVerifyGetKey,
  options: Parameters<typeof jwtVerify>[2],
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, findKey, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (mismatch) {
        if (!(mismatch instanceof errors.JWSSignatureVerificationFailed)) throw mismatch;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** Tokens that prove nothing by being shown: security events, and tokens bound to a key that was not shown. */
function checkPurpose(claims: JWTPayload, checks: TokenChecks): ReturnType<typeof refuse> | undefined {
  if (claims['events'] !== undefined) return refuse('WrongTokenType', 'the token is a security event, not an access token');
  const confirmation = claims['cnf'];
  if (confirmation === undefined) return undefined;
  const thumbprint = checks.certificate && createHash('sha256').update(checks.certificate).digest('base64url');
  const isBound = typeof confirmation === 'object' && confirmation !== null && 'x5t#S256' in confirmation;
  if (isBound && thumbprint !== undefined && confirmation['x5t#S256'] === thumbprint) return undefined;
  return refuse('ProofRequired', 'the token is bound to a key or certificate that this connection did not show');
}

/** What jose or the key cache threw, for the agent. */
function refusal(error: unknown, issuer: TrustedIssuer): ReturnType<typeof refuse> {
  if (error instanceof CodedError && error.code === 'ProviderUnreachable') {
    return refuse('ProviderUnreachable', `the keys of ${issuer.issuer} cannot be loaded at the moment; try again`);
  }
  if (error instanceof errors.JWTExpired) {
    return error.claim === 'exp'
      ? refuse('Expired', 'the token has expired; get a new one')
      : refuse('TooOld', 'the token was issued longer ago than this connection allows; get a new one');
  }
  if (error instanceof errors.JWTClaimValidationFailed) return claimRefusal(error, issuer);
  if (error instanceof errors.JWKSNoMatchingKey) {
    return refuse('UnknownKey', `the token is signed with a key that ${issuer.issuer} does not publish`);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return refuse('BadSignature', "the token's signature is wrong");
  // Whatever else a signed object can get wrong, and keys that do not fit its algorithm.
  return refuse('Malformed', 'the token cannot be verified');
}

function claimRefusal(error: errors.JWTClaimValidationFailed, issuer: TrustedIssuer): ReturnType<typeof refuse> {
  const { claim, reason } = error;
  if (reason === 'missing') return refuse('MissingClaim', `the token has no "${claim}" claim`);
  if (reason === 'invalid') return refuse('BadClaim', `the "${claim}" claim of the token is of the wrong type`);
  switch (claim) {
    case 'aud':
      return refuse('WrongAudience', `the token is for another audience; this connection wants "${issuer.audience}"`);
    case 'nbf':
      return refuse('NotYetValid', 'the token is not valid yet; compare the clocks');
    case 'iat':
      return refuse('IssuedInFuture', 'the token was issued in the future; compare the clocks');
    default:
      return refuse('BadClaim', `the "${claim}" claim of the token is not what this connection wants`);
  }
}
