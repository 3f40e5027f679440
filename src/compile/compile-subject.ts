import type { Subject } from '../api/access-policy.ts';
import type { SubjectMatcher } from '../bundle/subject.ts';
import type { Faults } from './faults.ts';

/** The matchers of a list of subjects. One that states nothing is a fault: it must not come to mean everyone. */
export function compileSubjects(path: string, subjects: readonly Subject[], faults: Faults): SubjectMatcher[] {
  return subjects.flatMap((subject, at) => compileSubject(`${path}[${at}]`, subject, faults) ?? []);
}

function compileSubject(path: string, { serviceAccount, oidc, certificate }: Subject, faults: Faults): SubjectMatcher | undefined {
  const stated = [serviceAccount, oidc, certificate].filter((part) => part !== undefined).length;
  if (stated !== 1) {
    faults.add(path, 'must set exactly one of serviceAccount, oidc and certificate');
    return undefined;
  }
  if (serviceAccount !== undefined) return { kind: 'ServiceAccount', namespace: serviceAccount.namespace, name: serviceAccount.name };
  if (oidc !== undefined) {
    const values = Object.values(oidc.claims);
    if (values.length > 0 && values.every((accepted) => accepted.length > 0)) return { kind: 'Oidc', issuer: oidc.issuer, claims: oidc.claims };
    faults.add(`${path}.oidc.claims`, 'must name at least one claim, each with at least one value');
    return undefined;
  }
  const { spiffeID, commonName } = certificate ?? {};
  if (spiffeID === undefined && commonName === undefined) {
    faults.add(`${path}.certificate`, 'must set spiffeID or commonName');
    return undefined;
  }
  return { kind: 'Certificate', ...(spiffeID !== undefined && { spiffeID }), ...(commonName !== undefined && { commonName }) };
}
