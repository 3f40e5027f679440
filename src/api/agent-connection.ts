// Generated from crds/ by `make generate`. Do not edit.
import type { ObjectMeta } from './object-meta.ts';

/**
 * One target that agents may reach, and the gateway that stands before it.
 */
export interface AgentConnection {
  /**
   * Version of the schema of this object: chaperone.dev/v1alpha1.
   */
  readonly apiVersion: 'chaperone.dev/v1alpha1';
  /**
   * Kind of this object: AgentConnection.
   */
  readonly kind: 'AgentConnection';
  readonly metadata: ObjectMeta;
  /**
   * What the gateway stands before, whom it lets in and where it records.
   */
  readonly spec: AgentConnectionSpec;
  /**
   * What was last seen of this connection.
   */
  readonly status?: AgentConnectionStatus;
}

/**
 * What the gateway stands before, whom it lets in and where it records.
 */
export interface AgentConnectionSpec {
  /**
   * The gateway itself.
   */
  readonly gateway: SpecGateway;
  /**
   * How agents prove who they are.
   */
  readonly identity: Identity;
  /**
   * A Kubernetes API server.
   */
  readonly kubernetes?: Kubernetes;
  /**
   * Which masks this connection cannot do without.
   */
  readonly masking: Masking;
  /**
   * A PostgreSQL database.
   */
  readonly postgresql?: Postgresql;
  /**
   * Where sessions are recorded. No record, no statement.
   */
  readonly recording: Recording;
  /**
   * A host that is reached by SSH.
   */
  readonly ssh?: SSH;
  /**
   * Protocol of the target; the block of that name must be set.
   */
  readonly type: Type;
}

/**
 * The gateway itself.
 */
export interface SpecGateway {
  /**
   * How long open sessions may go on when a pod ends. A duration such as '90s', '1h30m' or
   * '400d'.
   */
  readonly drainTimeout: string;
  /**
   * Port that agents connect to.
   */
  readonly port: number;
  /**
   * How many pods serve the connection. Files mode always runs one.
   */
  readonly replicas: number;
  /**
   * The certificate that agents are shown. Without it only loopback is served.
   */
  readonly tls?: GatewayTLS;
}

/**
 * The certificate that agents are shown. Without it only loopback is served.
 */
export interface GatewayTLS {
  /**
   * A Secret whose keys `tls.crt` and `tls.key` hold the certificate chain and its key.
   */
  readonly secretRef: SecretRef;
}

/**
 * A Secret whose keys `tls.crt` and `tls.key` hold the certificate chain and its key.
 */
export interface SecretRef {
  /**
   * Name of a Secret in the namespace of this object.
   */
  readonly name: string;
}

/**
 * How agents prove who they are.
 */
export interface Identity {
  /**
   * TLS client certificates.
   */
  readonly clientCertificates?: ClientCertificates;
  /**
   * The greatest age of a token at login, counted from its `iat`. A duration such as '90s',
   * '1h30m' or '400d'.
   */
  readonly maxTokenAge?: string;
  /**
   * OpenID Connect issuers.
   */
  readonly oidc?: readonly Oidc[];
  /**
   * What happens to a session whose token expires. 'End': it ends at the next statement
   * boundary. 'KeepUntilSessionDuration': it goes on until the policy's `sessionDuration`.
   */
  readonly onExpiry: OnExpiry;
  /**
   * Projected tokens of Kubernetes ServiceAccounts.
   */
  readonly serviceAccounts?: ServiceAccounts;
}

/**
 * TLS client certificates.
 */
export interface ClientCertificates {
  /**
   * A Secret whose key `ca.crt` holds the certificates that the agent's must be signed by.
   */
  readonly caSecretRef: ClientCertificatesCASecretRef;
}

/**
 * A Secret whose key `ca.crt` holds the certificates that the agent's must be signed by.
 */
export interface ClientCertificatesCASecretRef {
  /**
   * Name of a Secret in the namespace of this object.
   */
  readonly name: string;
}

/**
 * One issuer.
 */
export interface Oidc {
  /**
   * The audience that tokens must be made for.
   */
  readonly audience: string;
  /**
   * The claim that lists the groups of a subject.
   */
  readonly groupsClaim: string;
  /**
   * The `iss` claim, and the address of the discovery document.
   */
  readonly issuer: string;
  /**
   * Where the issuer's keys are read, if not where its discovery document says. 'https',
   * 'http' on a loopback address, or 'file:' with a path on the gateway's own disk, which
   * only files mode accepts.
   */
  readonly jwksURL?: string;
}

/**
 * What happens to a session whose token expires. 'End': it ends at the next statement
 * boundary. 'KeepUntilSessionDuration': it goes on until the policy's `sessionDuration`.
 */
export type OnExpiry = "End" | "KeepUntilSessionDuration";

/**
 * Projected tokens of Kubernetes ServiceAccounts.
 */
export interface ServiceAccounts {
  /**
   * The audience that tokens must be made for.
   */
  readonly audience: string;
  /**
   * The `iss` claim of the cluster's tokens; when absent, that of the cluster that the
   * gateway runs in. Files mode knows no cluster and needs it.
   */
  readonly issuer?: string;
  /**
   * Where the issuer's keys are read, if not where its discovery document says. 'https',
   * 'http' on a loopback address, or 'file:' with a path on the gateway's own disk, which
   * only files mode accepts.
   */
  readonly jwksURL?: string;
}

/**
 * A Kubernetes API server.
 */
export interface Kubernetes {
  /**
   * A Secret whose key `ca.crt` holds the certificates that the server's must be signed by.
   */
  readonly caSecretRef?: KubernetesCASecretRef;
  /**
   * A Secret whose key `token` the gateway presents.
   */
  readonly credentialsSecretRef: KubernetesCredentialsSecretRef;
  /**
   * URL of the API server; when absent, the cluster that the gateway runs in.
   */
  readonly server?: string;
}

/**
 * A Secret whose key `ca.crt` holds the certificates that the server's must be signed by.
 */
export interface KubernetesCASecretRef {
  /**
   * Name of a Secret in the namespace of this object.
   */
  readonly name: string;
}

/**
 * A Secret whose key `token` the gateway presents.
 */
export interface KubernetesCredentialsSecretRef {
  /**
   * Name of a Secret in the namespace of this object.
   */
  readonly name: string;
}

/**
 * Which masks this connection cannot do without.
 */
export interface Masking {
  /**
   * A Secret whose key `key` holds the key of 'Hash' masks, to make digests equal across
   * connections; when absent, a key is generated for this connection.
   */
  readonly hashKeySecretRef?: HashKeySecretRef;
  /**
   * MaskRules of this namespace without which nothing is served. Written out even when it is
   * empty.
   */
  readonly required: readonly string[];
}

/**
 * A Secret whose key `key` holds the key of 'Hash' masks, to make digests equal across
 * connections; when absent, a key is generated for this connection.
 */
export interface HashKeySecretRef {
  /**
   * Name of a Secret in the namespace of this object.
   */
  readonly name: string;
}

/**
 * A PostgreSQL database.
 */
export interface Postgresql {
  /**
   * A Secret whose keys `username` and `password` the gateway logs in with.
   */
  readonly credentialsSecretRef: PostgresqlCredentialsSecretRef;
  /**
   * The only database that is reachable through this connection.
   */
  readonly database: string;
  /**
   * Host name or address of the server.
   */
  readonly host: string;
  /**
   * A Secret with the same keys for reading the catalogue; when absent,
   * `credentialsSecretRef`.
   */
  readonly introspectionSecretRef?: IntrospectionSecretRef;
  /**
   * Port of the server.
   */
  readonly port: number;
  /**
   * How the gateway secures its own connection to the server.
   */
  readonly tls: PostgresqlTLS;
}

/**
 * A Secret whose keys `username` and `password` the gateway logs in with.
 */
export interface PostgresqlCredentialsSecretRef {
  /**
   * Name of a Secret in the namespace of this object.
   */
  readonly name: string;
}

/**
 * A Secret with the same keys for reading the catalogue; when absent,
 * `credentialsSecretRef`.
 */
export interface IntrospectionSecretRef {
  /**
   * Name of a Secret in the namespace of this object.
   */
  readonly name: string;
}

/**
 * How the gateway secures its own connection to the server.
 */
export interface PostgresqlTLS {
  /**
   * A Secret whose key `ca.crt` holds the certificates that the server's must be signed by;
   * when absent, the public ones that Node.js carries.
   */
  readonly caSecretRef?: TLSCASecretRef;
  /**
   * 'VerifyFull': TLS, with the certificate and its host name checked. 'Require': TLS, with
   * nothing checked. 'Disable': no TLS.
   */
  readonly mode: Mode;
}

/**
 * A Secret whose key `ca.crt` holds the certificates that the server's must be signed by;
 * when absent, the public ones that Node.js carries.
 */
export interface TLSCASecretRef {
  /**
   * Name of a Secret in the namespace of this object.
   */
  readonly name: string;
}

/**
 * 'VerifyFull': TLS, with the certificate and its host name checked. 'Require': TLS, with
 * nothing checked. 'Disable': no TLS.
 */
export type Mode = "Disable" | "Require" | "VerifyFull";

/**
 * Where sessions are recorded. No record, no statement.
 */
export interface Recording {
  /**
   * What happens when a record cannot be written. 'Block': statements are refused.
   * 'Continue': they go on unrecorded.
   */
  readonly onFailure: OnFailure;
  /**
   * What is kept of results. 'Full': the rows as the agent saw them, masked. 'Metadata':
   * counts only. 'None': nothing.
   */
  readonly results: Results;
  /**
   * How long recordings are kept; enforced with object lock where the store has it. When
   * absent, for ever. A duration such as '90s', '1h30m' or '400d'.
   */
  readonly retention?: string;
  /**
   * Where recordings are kept.
   */
  readonly store: Store;
}

/**
 * What happens when a record cannot be written. 'Block': statements are refused.
 * 'Continue': they go on unrecorded.
 */
export type OnFailure = "Block" | "Continue";

/**
 * What is kept of results. 'Full': the rows as the agent saw them, masked. 'Metadata':
 * counts only. 'None': nothing.
 */
export type Results = "Full" | "Metadata" | "None";

/**
 * Where recordings are kept.
 */
export interface Store {
  /**
   * A folder on the gateway's own disk.
   */
  readonly folder?: Folder;
  /**
   * An S3 bucket.
   */
  readonly s3?: S3;
}

/**
 * A folder on the gateway's own disk.
 */
export interface Folder {
  /**
   * Path of the folder.
   */
  readonly path: string;
}

/**
 * An S3 bucket.
 */
export interface S3 {
  /**
   * Name of the bucket.
   */
  readonly bucket: string;
  /**
   * A Secret whose keys `accessKeyID` and `secretAccessKey` sign requests.
   */
  readonly credentialsSecretRef: S3CredentialsSecretRef;
  /**
   * URL of the S3 service.
   */
  readonly endpoint: string;
  /**
   * What the keys of all objects begin with.
   */
  readonly prefix?: string;
  /**
   * Region of the bucket.
   */
  readonly region: string;
}

/**
 * A Secret whose keys `accessKeyID` and `secretAccessKey` sign requests.
 */
export interface S3CredentialsSecretRef {
  /**
   * Name of a Secret in the namespace of this object.
   */
  readonly name: string;
}

/**
 * A host that is reached by SSH.
 */
export interface SSH {
  /**
   * A Secret whose keys `username` and `ssh-privatekey` the gateway logs in with.
   */
  readonly credentialsSecretRef: SSHCredentialsSecretRef;
  /**
   * Host name or address of the host.
   */
  readonly host: string;
  /**
   * Public keys, in the form of authorized_keys, of which the host must prove one.
   */
  readonly hostKeys: readonly string[];
  /**
   * Port of the host.
   */
  readonly port: number;
  /**
   * Whether agents may ask for a terminal.
   */
  readonly pty: Pty;
}

/**
 * A Secret whose keys `username` and `ssh-privatekey` the gateway logs in with.
 */
export interface SSHCredentialsSecretRef {
  /**
   * Name of a Secret in the namespace of this object.
   */
  readonly name: string;
}

/**
 * Whether agents may ask for a terminal.
 */
export type Pty = "Allow" | "Deny";

/**
 * Protocol of the target; the block of that name must be set.
 */
export type Type = "Kubernetes" | "PostgreSQL" | "SSH";

/**
 * What was last seen of this connection.
 */
export interface AgentConnectionStatus {
  /**
   * The newest observations of this object's state, one of each type.
   */
  readonly conditions?: readonly Condition[];
  /**
   * Host name and port that agents connect to.
   */
  readonly endpoint?: string;
  /**
   * The pods that serve this connection.
   */
  readonly gateway?: StatusGateway;
  /**
   * The generation of the spec that this status is about.
   */
  readonly observedGeneration?: number;
  /**
   * Revision of the bundle that every running gateway has acknowledged.
   */
  readonly revision?: string;
}

/**
 * One observation.
 */
export interface Condition {
  /**
   * When `status` last changed.
   */
  readonly lastTransitionTime: string;
  /**
   * Why, as a sentence for people.
   */
  readonly message: string;
  /**
   * The generation of the spec that was looked at.
   */
  readonly observedGeneration?: number;
  /**
   * Why, as one PascalCase word.
   */
  readonly reason: string;
  /**
   * Whether the observation holds.
   */
  readonly status: StatusEnum;
  /**
   * What is observed, in PascalCase.
   */
  readonly type: string;
}

/**
 * Whether the observation holds.
 */
export type StatusEnum = "False" | "True" | "Unknown";

/**
 * The pods that serve this connection.
 */
export interface StatusGateway {
  /**
   * Selects the pods, in the form that the scale subresource asks for.
   */
  readonly labelSelector?: string;
  /**
   * Pods that have acknowledged the newest revision.
   */
  readonly programmedReplicas?: number;
  /**
   * Pods that are ready.
   */
  readonly readyReplicas?: number;
  /**
   * Pods that exist.
   */
  readonly replicas?: number;
}
