// The X.509 parser registers its algorithms through reflection and does not load without this.
import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  X509Certificate as ParsedCertificate,
} from '@peculiar/x509';
import type { Subject } from '../bundle/subject.ts';
import { ok, type Result } from '../lib/result.ts';
import type { VerifyFailure } from './verifier.ts';
import { refuse } from './verify-failure.ts';

export interface CertificateChecks {
  /** Node hands a TLS server the client's own certificate only, so intermediate CAs have to be listed here. */
  readonly trusted: readonly X509Certificate[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

type Refusal = ReturnType<typeof refuse>;

/** The SPIFFE ID standard, sections 2.1 to 2.3. */
const spiffeId = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[a-zA-Z0-9._-]+)+$/;
const maxSpiffeIdLength = 2048;

/**
 * The subject of a client certificate. TLS has verified it already; it is verified again here, because a
 * listener that forgets to ask TLS for it would otherwise let everybody in.
 */
export function verifyClientCertificate(der: Uint8Array, checks: CertificateChecks): Result<Subject, VerifyFailure> {
  try {
    const certificate = new X509Certificate(der);
    return checkUse(certificate, checks) ?? checkSignature(certificate, checks) ?? subjectOf(certificate, new ParsedCertificate(toArrayBuffer(der)));
  } catch {
    return refuse('CertificateMalformed', 'the client certificate cannot be read');
  }
}

function checkUse(certificate: X509Certificate, { now }: CertificateChecks): Refusal | undefined {
  if (now >= certificate.validToDate.getTime()) return refuse('CertificateExpired', 'the client certificate has expired');
  if (now < certificate.validFromDate.getTime()) {
    return refuse('CertificateNotYetValid', 'the client certificate is not valid yet; compare the clocks');
  }
  if (certificate.ca) return refuse('CertificateUnusable', 'the client certificate is a CA certificate');
  return undefined;
}

function checkSignature(certificate: X509Certificate, { trusted, now }: CertificateChecks): Refusal | undefined {
  if (trusted.some((issuer) => hasIssued(issuer, certificate, now))) return undefined;
  return refuse('CertificateUntrusted', 'the client certificate is not signed by a CA or intermediate that this connection lists');
}

function hasIssued(issuer: X509Certificate, certificate: X509Certificate, now: number): boolean {
  return (
    issuer.ca &&
    now >= issuer.validFromDate.getTime() &&
    now < issuer.validToDate.getTime() &&
    certificate.checkIssued(issuer) &&
    certificate.verify(issuer.publicKey)
  );
}

/** A certificate has one name: its SPIFFE ID, or else its common name; never both. */
function subjectOf(certificate: X509Certificate, parsed: ParsedCertificate): Result<Subject, VerifyFailure> {
  if (parsed.getExtension(ExtendedKeyUsageExtension)?.usages.includes(ExtendedKeyUsage.clientAuth) !== true) {
    return refuse('CertificateUnusable', 'the client certificate is not for client authentication (extended key usage clientAuth)');
  }
  const shared = {
    kind: 'Certificate' as const,
    groups: [],
    credentialId: certificate.serialNumber,
    issuer: parsed.issuer,
    issuedAt: certificate.validFromDate.getTime(),
    expiresAt: certificate.validToDate.getTime(),
  };
  const alternativeNames = parsed.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  const uris = alternativeNames.filter(({ type }) => type === 'url').map(({ value }) => value);
  const [uri] = uris;
  if (uri !== undefined) {
    if (uris.length > 1) return refuse('CertificateUnnamed', 'the client certificate has more than one URI name');
    if (uri.length > maxSpiffeIdLength || !spiffeId.test(uri)) {
      return refuse('CertificateUnnamed', 'the URI name of the client certificate is not a SPIFFE ID');
    }
    return ok({ ...shared, name: `certificate:${uri}`, certificate: { spiffeID: uri } });
  }
  const [commonName, ...others] = parsed.subjectName.getField('CN');
  if (commonName === undefined || others.length > 0 || !/^[^\p{Cc}\u2028\u2029]{1,64}$/u.test(commonName)) {
    return refuse('CertificateUnnamed', 'the client certificate has neither a SPIFFE ID nor exactly one common name');
  }
  return ok({ ...shared, name: `certificate:${commonName}`, certificate: { commonName } });
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
