/**
 * The bundle: what one gateway enforces, compiled from the API objects. Plain frozen data in canonical key
 * order; its revision is the sha256 of its canonical bytes. It holds names of Secrets, never their values.
 */
import type { NamePattern } from '../lib/glob.ts';
import type { SubjectMatcher } from './subject.ts';

export const bundleSchemaVersion = 1;

export interface Bundle {
  readonly schemaVersion: typeof bundleSchemaVersion;
  readonly connection: { readonly namespace: string; readonly name: string };
  readonly target: PostgresqlTarget;
  readonly identity: IdentityConfig;
  readonly gateway: { readonly port: number; readonly tlsSecret?: string; readonly drainTimeoutMs: number; readonly replicas: number };
  /** MaskRules that the connection demands and that are not there: while the list has items nothing is served. */
  readonly masking: {
    readonly required: readonly string[];
    readonly missing: readonly string[];
    /** The Secret with the key of Hash masks; without one the gateway makes a key of its own. */
    readonly hashKeySecret?: string;
  };
  /** Every policy that names this connection, broken ones as denials, in `kind/namespace/name` order. */
  readonly policies: readonly Policy[];
  readonly maskRules: readonly MaskRule[];
  readonly recording: RecordingConfig;
  /** Why the bundle is not all that was asked for; each has already been turned into a denial above. */
  readonly unresolved: readonly Unresolved[];
}

export interface Unresolved {
  readonly kind: string;
  readonly name: string;
  readonly reason: string;
  readonly message: string;
}

export interface PostgresqlTarget {
  readonly type: 'PostgreSQL';
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly tls: { readonly mode: 'Disable' | 'Require' | 'VerifyFull'; readonly caSecret?: string };
  readonly credentialsSecret: string;
  /** The Secret whose login reads the catalogue; the same as `credentialsSecret` unless stated. */
  readonly introspectionSecret: string;
}

export interface IdentityConfig {
  readonly serviceAccounts?: { readonly audience: string; readonly issuer: string; readonly jwksURL?: string };
  readonly oidc: readonly {
    readonly issuer: string;
    readonly audience: string;
    readonly groupsClaim: string;
    readonly jwksURL?: string;
  }[];
  readonly clientCertificates?: { readonly caSecret: string };
  readonly maxTokenAgeMs?: number;
  readonly onExpiry: 'End' | 'KeepUntilSessionDuration';
}

export interface RecordingConfig {
  readonly store: { readonly kind: 'Folder'; readonly path: string };
  readonly results: 'None' | 'Metadata' | 'Full';
  readonly retentionMs?: number;
  readonly onFailure: 'Block' | 'Continue';
}

export interface PolicyRef {
  readonly kind: 'AccessPolicy' | 'AccessBaseline';
  /** Empty for a cluster-scoped baseline. */
  readonly namespace: string;
  readonly name: string;
}

export interface Policy {
  readonly ref: PolicyRef;
  readonly subjects: readonly SubjectMatcher[];
  readonly mode: 'Enforce' | 'Observe';
  readonly rules: readonly Rule[];
  readonly limits: Limits;
  /** Set when the policy could not be compiled: for its subjects everything is then denied with this message. */
  readonly broken?: { readonly reason: string; readonly message: string };
}

/** Every limit is optional; where several policies match a subject, the strictest counts. */
export interface Limits {
  readonly maxSessions?: number;
  readonly sessionDurationMs?: number;
  readonly idleTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
  readonly rowsPerStatement?: number;
}

export const operations = [
  'Select', 'Insert', 'Update', 'Delete', 'Merge', 'Truncate', 'Copy', 'Lock', 'Call', 'Ddl', 'Grant', 'Maintenance', 'Listen',
] as const;
export type Operation = (typeof operations)[number];

export interface Rule {
  readonly name: string;
  readonly effect: 'Allow' | 'RequireApproval' | 'Deny';
  readonly postgresql: PostgresqlRule;
  readonly approval?: Approval;
}

export interface PostgresqlRule {
  readonly operations: readonly Operation[];
  /** Empty in a Deny rule means every relation. */
  readonly relations: readonly NamePattern[];
  /** Globs over column names; `['*']` when the rule does not narrow. */
  readonly columns: readonly string[];
  readonly functions: readonly NamePattern[];
  readonly settings: readonly string[];
  readonly channels: readonly string[];
  readonly where: 'Required' | 'Optional';
  /** Undefined is unlimited. */
  readonly maxRows?: number;
}

export interface Approval {
  readonly approvers: readonly { readonly group?: string; readonly user?: string }[];
  readonly required: number;
  readonly waitForMs: number;
  readonly grant: { readonly kind: 'Statement' } | { readonly kind: 'Window'; readonly windowMs: number };
}

export interface MaskRule {
  /** `namespace/name` of the MaskRule, or the name of a baseline. */
  readonly name: string;
  readonly exemptSubjects: readonly SubjectMatcher[];
  /** Masked: expressions are computed on masked values. Deny: a masked column outside a plain projection is refused. */
  readonly predicates: 'Masked' | 'Deny';
  /** Deny: a masked column that an index, constraint or key covers may not be written, and a hashed one never. */
  readonly assign: 'Deny' | 'Allow';
  readonly columns: readonly { readonly relation: NamePattern; readonly column: string; readonly mask: Mask }[];
  readonly detect: readonly Detector[];
}

export type Mask =
  | { readonly type: 'Null' }
  | { readonly type: 'Redact' }
  | { readonly type: 'Hash' }
  | { readonly type: 'Truncate'; readonly unit: 'Year' | 'Month' }
  /** A number becomes the lower bound of its bucket of this width. */
  | { readonly type: 'Range'; readonly width: number }
  | { readonly type: 'KeepFirst'; readonly count: number }
  | { readonly type: 'KeepLast'; readonly count: number }
  | { readonly type: 'Email' };

export const detectedEntities = ['Email', 'CreditCard', 'Iban', 'Ssn', 'PhoneNumber', 'AwsKey', 'Jwt', 'PrivateKey'] as const;
export type DetectedEntity = (typeof detectedEntities)[number];

export type Detector =
  | { readonly kind: 'Entity'; readonly entity: DetectedEntity; readonly mask: Mask }
  /** An RE2 expression. */
  | { readonly kind: 'Pattern'; readonly pattern: string; readonly mask: Mask };
