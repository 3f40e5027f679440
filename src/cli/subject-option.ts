import { InvalidArgumentError } from 'commander';
import type { Subject } from '../bundle/subject.ts';

/**
 * A subject for questions about policy, written as records write it: `serviceaccount:<namespace>/<name>`,
 * `oidc:<issuer>#<sub>` (groups by `--group`), `certificate:<SPIFFE ID or common name>`.
 */
export function parseSubject(text: string): Subject {
  const [, kind, rest = ''] = /^(serviceaccount|oidc|certificate):(.+)$/.exec(text) ?? [];
  const common = { name: text, groups: [], issuer: '', expiresAt: Number.POSITIVE_INFINITY };
  if (kind === 'serviceaccount') {
    const [namespace, name, ...more] = rest.split('/');
    if (namespace !== undefined && name !== undefined && name !== '' && more.length === 0) return { ...common, kind: 'ServiceAccount', serviceAccount: { namespace, name } };
  }
  if (kind === 'oidc') {
    const hash = rest.lastIndexOf('#');
    if (hash > 0) return { ...common, kind: 'Oidc', oidc: { issuer: rest.slice(0, hash), subject: rest.slice(hash + 1), claims: { sub: [rest.slice(hash + 1)] } } };
  }
  if (kind === 'certificate') return { ...common, kind: 'Certificate', certificate: rest.startsWith('spiffe://') ? { spiffeID: rest } : { commonName: rest } };
  throw new InvalidArgumentError('write serviceaccount:<namespace>/<name>, oidc:<issuer>#<sub> or certificate:<SPIFFE ID or common name>');
}

/** The subject with groups, as a groups claim would give them. */
export function withGroups(subject: Subject, groups: readonly string[]): Subject {
  if (groups.length === 0) return subject;
  const oidc = subject.oidc === undefined ? undefined : { ...subject.oidc, claims: { ...subject.oidc.claims, groups } };
  return { ...subject, groups, ...(oidc !== undefined && { oidc }) };
}
