import type { AgentConnection, Identity } from '../api/agent-connection.ts';
import type { Bundle, IdentityConfig, PostgresqlTarget, RecordingConfig } from '../bundle/bundle.ts';
import { Faults } from './faults.ts';
import type { World } from './world.ts';

/** The parts of a bundle that come from the connection alone. */
export interface ConnectionParts extends Pick<Bundle, 'connection' | 'target' | 'identity' | 'gateway' | 'recording'> {
  /** Names of the Secrets that the connection refers to, with the field that does. */
  readonly secrets: readonly { readonly path: string; readonly name: string }[];
  readonly hashKeySecret?: string;
}

/** `parts` is absent when there is any fault: such a connection is not served at all. */
export function compileConnection(
  { metadata, spec }: AgentConnection,
  cluster: World['cluster'],
): { readonly parts?: ConnectionParts; readonly faults: readonly string[] } {
  const faults = new Faults();
  const target = compileTarget(spec, faults);
  const identity = compileIdentity(spec.identity, cluster, faults);
  const recording = compileRecording(spec.recording, faults);
  const drainTimeoutMs = faults.duration('spec.gateway.drainTimeout', spec.gateway.drainTimeout);
  if (faults.messages.length > 0 || target === undefined || identity === undefined || recording === undefined || drainTimeoutMs === undefined) {
    return { faults: faults.messages };
  }
  const { port, replicas, tls } = spec.gateway;
  const hashKeySecret = spec.masking.hashKeySecretRef?.name;
  return {
    parts: {
      connection: { namespace: metadata.namespace ?? '', name: metadata.name },
      target,
      identity,
      gateway: { port, replicas, drainTimeoutMs, ...(tls && { tlsSecret: tls.secretRef.name }) },
      recording,
      secrets: secretsOf(spec),
      ...(hashKeySecret !== undefined && { hashKeySecret }),
    },
    faults: [],
  };
}

function compileTarget({ type, postgresql }: AgentConnection['spec'], faults: Faults): PostgresqlTarget | undefined {
  if (type !== 'PostgreSQL' || postgresql === undefined) {
    faults.add('spec.type', type === 'PostgreSQL' ? 'needs spec.postgresql' : `'${type}' is not served by this version, only PostgreSQL is`);
    return undefined;
  }
  const { host, port, database, tls, credentialsSecretRef, introspectionSecretRef } = postgresql;
  return {
    type,
    host,
    port,
    database,
    tls: { mode: tls.mode, ...(tls.caSecretRef && { caSecret: tls.caSecretRef.name }) },
    credentialsSecret: credentialsSecretRef.name,
    introspectionSecret: (introspectionSecretRef ?? credentialsSecretRef).name,
  };
}

function compileIdentity(spec: Identity, cluster: World['cluster'], faults: Faults): IdentityConfig | undefined {
  const maxTokenAgeMs = faults.duration('spec.identity.maxTokenAge', spec.maxTokenAge);
  const issuer = spec.serviceAccounts?.issuer ?? cluster?.issuer;
  if (spec.serviceAccounts !== undefined && issuer === undefined) {
    faults.add('spec.identity.serviceAccounts.issuer', 'must be set where there is no cluster to take it from');
    return undefined;
  }
  const jwksURL = spec.serviceAccounts?.jwksURL ?? (spec.serviceAccounts?.issuer === undefined ? cluster?.jwksURL : undefined);
  const serviceAccounts = spec.serviceAccounts &&
    issuer !== undefined && { audience: spec.serviceAccounts.audience, issuer, ...(jwksURL !== undefined && { jwksURL }) };
  return {
    ...(serviceAccounts && { serviceAccounts }),
    oidc: spec.oidc ?? [],
    ...(spec.clientCertificates && { clientCertificates: { caSecret: spec.clientCertificates.caSecretRef.name } }),
    ...(maxTokenAgeMs !== undefined && { maxTokenAgeMs }),
    onExpiry: spec.onExpiry,
  };
}

function compileRecording({ store, results, retention, onFailure }: AgentConnection['spec']['recording'], faults: Faults): RecordingConfig | undefined {
  const retentionMs = faults.duration('spec.recording.retention', retention);
  if (store.folder === undefined) {
    faults.add('spec.recording.store', 'must be a folder: this version cannot record to s3');
    return undefined;
  }
  return { store: { kind: 'Folder', path: store.folder.path }, results, onFailure, ...(retentionMs !== undefined && { retentionMs }) };
}

function secretsOf({ postgresql, identity, gateway, masking }: AgentConnection['spec']): ConnectionParts['secrets'] {
  const refs = [
    { path: 'spec.postgresql.credentialsSecretRef', ref: postgresql?.credentialsSecretRef },
    { path: 'spec.postgresql.introspectionSecretRef', ref: postgresql?.introspectionSecretRef },
    { path: 'spec.postgresql.tls.caSecretRef', ref: postgresql?.tls.caSecretRef },
    { path: 'spec.identity.clientCertificates.caSecretRef', ref: identity.clientCertificates?.caSecretRef },
    { path: 'spec.gateway.tls.secretRef', ref: gateway.tls?.secretRef },
    { path: 'spec.masking.hashKeySecretRef', ref: masking.hashKeySecretRef },
  ];
  return refs.flatMap(({ path, ref }) => (ref === undefined ? [] : [{ path, name: ref.name }]));
}
