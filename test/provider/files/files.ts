import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Manifests that tests make directories of. */
export function connection(name: string, port: number, namespace = 'team-a'): string {
  return `
apiVersion: chaperone.dev/v1alpha1
kind: AgentConnection
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  type: PostgreSQL
  postgresql: {host: db, database: db, tls: {mode: Disable}, credentialsSecretRef: {name: login}}
  identity: {serviceAccounts: {audience: chaperone, issuer: 'http://127.0.0.1/x'}}
  masking: {required: []}
  gateway: {port: ${port}}
  recording: {store: {folder: {path: ./recordings}}}
`;
}

export function policy(name: string, extra = ''): string {
  return `
apiVersion: chaperone.dev/v1alpha1
kind: AccessPolicy
metadata: {name: ${name}, namespace: team-a}
spec:
  targetRefs: [{group: chaperone.dev, kind: AgentConnection, name: orders}]
  subjects: [{serviceAccount: {namespace: agents, name: bot}}]
  rules: [{name: read, effect: Allow, postgresql: {operations: [Select], relations: [public.orders]}}]
  ${extra}
`;
}

export function maskRule(name: string, extra = ''): string {
  return `
apiVersion: chaperone.dev/v1alpha1
kind: MaskRule
metadata: {name: ${name}, namespace: team-a}
spec:
  targetRefs: [{group: chaperone.dev, kind: AgentConnection, name: orders}]
  columns: [{relation: public.customers, column: email, mask: {type: Email}}]
  ${extra}
`;
}

export function secret(name: string, password: string): string {
  return `
apiVersion: v1
kind: Secret
metadata: {name: ${name}, namespace: team-a}
stringData: {username: app, password: '${password}'}
`;
}

export function scratchDirectory(files: Readonly<Record<string, string>> = {}): { readonly path: string; remove(): void } {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'chaperone-files-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, name), text);
  return { path: directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
