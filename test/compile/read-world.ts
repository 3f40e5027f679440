import { loadAll } from 'js-yaml';
import type { InvalidObject, World } from '../../src/compile/world.ts';

interface Document {
  readonly kind: string;
  readonly metadata: { readonly namespace?: string; readonly name: string };
  readonly spec?: object;
}

// What the API server fills in.
const defaults: Readonly<Record<string, object>> = {
  AccessPolicy: { mode: 'Enforce' },
  MaskRule: { predicates: 'Masked', assign: 'Deny' },
};

/** The world of a YAML stream: objects as an API server would hand them out, `kind: Invalid` for unreadable ones. Schemas are not checked, so that faults reach compile. */
export function readWorld(text: string): World {
  const documents = loadAll(text) as readonly Document[];
  const ofKind = (kind: string): unknown[] =>
    documents.filter((document) => document.kind === kind).map((document) => ({ ...document, spec: { ...defaults[kind], ...document.spec } }));
  return {
    connections: ofKind('AgentConnection') as World['connections'],
    policies: ofKind('AccessPolicy') as World['policies'],
    maskRules: ofKind('MaskRule') as World['maskRules'],
    baselines: ofKind('AccessBaseline') as World['baselines'],
    invalid: ofKind('Invalid').map((document) => (document as { readonly spec: InvalidObject }).spec),
    secretNames: new Set(documents.filter(({ kind }) => kind === 'Secret').map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`)),
  };
}
