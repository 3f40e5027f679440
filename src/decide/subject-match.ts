import type { Subject, SubjectMatcher } from '../bundle/subject.ts';
import { assertNever } from '../lib/result.ts';

/** Whether a verified subject is one that a policy or an exemption is for. A matcher that states nothing matches nobody. */
export function matchesSubject(matcher: SubjectMatcher, subject: Subject): boolean {
  switch (matcher.kind) {
    case 'Any':
      return true;
    case 'ServiceAccount':
      return (
        subject.kind === 'ServiceAccount' &&
        subject.serviceAccount?.namespace === matcher.namespace &&
        subject.serviceAccount.name === matcher.name
      );
    case 'Oidc':
      return subject.kind === 'Oidc' && subject.oidc?.issuer === matcher.issuer && hasClaims(subject.oidc.claims, matcher.claims);
    case 'Certificate':
      return subject.kind === 'Certificate' && subject.certificate !== undefined && namesCertificate(matcher, subject.certificate);
    default:
      return assertNever(matcher);
  }
}

export function matchesAnySubject(matchers: readonly SubjectMatcher[], subject: Subject): boolean {
  return matchers.some((matcher) => matchesSubject(matcher, subject));
}

type Claims = Readonly<Record<string, readonly string[]>>;

/** Every wanted claim must be there with at least one of the wanted values. */
function hasClaims(claims: Claims, wanted: Claims): boolean {
  const entries = Object.entries(wanted);
  return (
    entries.length > 0 &&
    entries.every(([claim, values]) => {
      // Claims come from a token: a claim named `constructor` must not find an inherited member.
      const held = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
      return held !== undefined && values.some((value) => held.includes(value));
    })
  );
}

function namesCertificate(
  matcher: Extract<SubjectMatcher, { kind: 'Certificate' }>,
  certificate: NonNullable<Subject['certificate']>,
): boolean {
  if (matcher.spiffeID === undefined && matcher.commonName === undefined) return false;
  return (
    (matcher.spiffeID === undefined || matcher.spiffeID === certificate.spiffeID) &&
    (matcher.commonName === undefined || matcher.commonName === certificate.commonName)
  );
}
