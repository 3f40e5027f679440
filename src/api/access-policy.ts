// Generated from crds/ by `make generate`. Do not edit.
import type { ObjectMeta } from './object-meta.ts';

/**
 * Who may do what on which connections. Policies on a connection add up: Deny beats
 * RequireApproval beats Allow, what no rule matches is denied, and of limits the strictest
 * counts.
 */
export interface AccessPolicy {
  /**
   * Version of the schema of this object: chaperone.dev/v1alpha1.
   */
  readonly apiVersion: 'chaperone.dev/v1alpha1';
  /**
   * Kind of this object: AccessPolicy.
   */
  readonly kind: 'AccessPolicy';
  readonly metadata: ObjectMeta;
  /**
   * Subjects, rules and limits.
   */
  readonly spec: AccessPolicySpec;
  /**
   * What was last seen of this policy.
   */
  readonly status?: AccessPolicyStatus;
}

/**
 * Subjects, rules and limits.
 */
export interface AccessPolicySpec {
  /**
   * Bounds on what the subjects use; over several policies the strictest counts.
   */
  readonly limits?: Limits;
  /**
   * 'Enforce': what is not allowed is denied. 'Observe': would-be denials are recorded and
   * let through; masks stay on.
   */
  readonly mode: Mode;
  /**
   * What the subjects may do.
   */
  readonly rules: readonly Rule[];
  /**
   * Whom the policy is for: any of these.
   */
  readonly subjects: readonly Subject[];
  /**
   * The connections in this namespace that the policy is for.
   */
  readonly targetRefs: readonly TargetRef[];
}

/**
 * Bounds on what the subjects use; over several policies the strictest counts.
 */
export interface Limits {
  /**
   * How long a session may be idle. A duration such as '90s', '1h30m' or '400d'.
   */
  readonly idleTimeout?: string;
  /**
   * Open sessions of one subject.
   */
  readonly maxSessions?: number;
  /**
   * Rows that one statement may return.
   */
  readonly rowsPerStatement?: number;
  /**
   * How long a session may last. A duration such as '90s', '1h30m' or '400d'.
   */
  readonly sessionDuration?: string;
  /**
   * How long a statement may run. A duration such as '90s', '1h30m' or '400d'.
   */
  readonly statementTimeout?: string;
}

/**
 * 'Enforce': what is not allowed is denied. 'Observe': would-be denials are recorded and
 * let through; masks stay on.
 */
export type Mode = "Enforce" | "Observe";

/**
 * One rule. Deny beats RequireApproval, RequireApproval beats Allow, and what no rule
 * matches is denied.
 */
export interface Rule {
  /**
   * Who decides about the statement, and for how long the decision holds.
   */
  readonly approval?: Approval;
  /**
   * What becomes of an action that the rule matches.
   */
  readonly effect: Effect;
  /**
   * What the rule covers on a Kubernetes connection.
   */
  readonly kubernetes?: Kubernetes;
  /**
   * Name of the rule, unique in this object; agents see it in denials.
   */
  readonly name: string;
  /**
   * What the rule covers on a PostgreSQL connection.
   */
  readonly postgresql?: Postgresql;
  /**
   * What the rule covers on an SSH connection.
   */
  readonly ssh?: SSH;
}

/**
 * Who decides about the statement, and for how long the decision holds.
 */
export interface Approval {
  /**
   * People who may decide; any of them counts.
   */
  readonly approvers: readonly Approver[];
  /**
   * What an approval covers: 'Statement' that one statement once, 'Window' the same action
   * again for as long as `window` says.
   */
  readonly grant: Grant;
  /**
   * How many approvers must agree.
   */
  readonly required: number;
  /**
   * How long the statement waits for a decision before it is denied. A duration such as
   * '90s', '1h30m' or '400d'.
   */
  readonly waitFor: string;
  /**
   * How long an approval may be used again. A duration such as '90s', '1h30m' or '400d'.
   */
  readonly window?: string;
}

/**
 * A group or a person, as the API server names them.
 */
export interface Approver {
  /**
   * Name of a group.
   */
  readonly group?: string;
  /**
   * Name of a person.
   */
  readonly user?: string;
}

/**
 * What an approval covers: 'Statement' that one statement once, 'Window' the same action
 * again for as long as `window` says.
 */
export type Grant = "Statement" | "Window";

/**
 * What becomes of an action that the rule matches.
 */
export type Effect = "Allow" | "Deny" | "RequireApproval";

/**
 * What the rule covers on a Kubernetes connection.
 */
export interface Kubernetes {
  /**
   * API groups; the empty string is the core group and `*` is every group.
   */
  readonly apiGroups: readonly string[];
  /**
   * Names of objects; when absent, all of them.
   */
  readonly names?: readonly string[];
  /**
   * Namespaces; when absent, cluster-scoped requests too.
   */
  readonly namespaces?: readonly string[];
  /**
   * Resources and subresources, such as `pods` or `pods/exec`; `*` stands for any run of
   * characters.
   */
  readonly resources: readonly string[];
  /**
   * What the request does, as the API server names it.
   */
  readonly verbs: readonly Verb[];
}

/**
 * One verb.
 */
export type Verb = "connect" | "create" | "delete" | "deletecollection" | "*" | "get" | "list" | "patch" | "update" | "watch";

/**
 * What the rule covers on a PostgreSQL connection.
 */
export interface Postgresql {
  /**
   * Channels of LISTEN and NOTIFY that the rule covers.
   */
  readonly channels?: readonly string[];
  /**
   * The columns of those relations that the rule covers; when absent, all of them.
   */
  readonly columns?: readonly string[];
  /**
   * User functions and procedures, as `schema.name`, that the rule covers beside the harmless
   * built-in ones. A function reads what it likes: to allow one is a grant.
   */
  readonly functions?: readonly string[];
  /**
   * The most rows one statement may change; more are rolled back. A number, or 'Unlimited'.
   */
  readonly maxRows?: number | string;
  /**
   * What the statement does. COPY TO is Copy and Select, COPY FROM is Copy and Insert, INSERT
   * ... SELECT is Insert and Select, FOR UPDATE is Lock and Select.
   */
  readonly operations: readonly Operation[];
  /**
   * Relations, as `schema.name`; in each half `*` stands for any run of characters, and a
   * half that contains a dot is written in double quotes. `*.*` is every relation but the
   * system catalogues. When absent in a Deny rule, every relation.
   */
  readonly relations?: readonly string[];
  /**
   * Run-time settings that the rule covers beside the harmless ones.
   */
  readonly settings?: readonly string[];
  /**
   * Whether an UPDATE, DELETE or MERGE must pin a column of its target: 'Required' asks for a
   * top-level AND term that compares one with =, IN or BETWEEN to literals or parameters.
   */
  readonly where?: Where;
}

/**
 * One operation.
 */
export type Operation = "Call" | "Copy" | "Ddl" | "Delete" | "Grant" | "Insert" | "Listen" | "Lock" | "Maintenance" | "Merge" | "Select" | "Truncate" | "Update";

/**
 * Whether an UPDATE, DELETE or MERGE must pin a column of its target: 'Required' asks for a
 * top-level AND term that compares one with =, IN or BETWEEN to literals or parameters.
 */
export type Where = "Optional" | "Required";

/**
 * What the rule covers on an SSH connection.
 */
export interface SSH {
  /**
   * Commands, argument by argument. A command that does not reduce to plain arguments matches
   * none.
   */
  readonly commands: readonly Command[];
}

/**
 * One command.
 */
export interface Command {
  /**
   * The arguments, the program first; in each `*` stands for any run of characters, and a
   * last argument of `**` for any further arguments.
   */
  readonly argv: readonly string[];
}

/**
 * One kind of subject.
 */
export interface Subject {
  /**
   * A TLS client certificate that the connection's CA has signed.
   */
  readonly certificate?: Certificate;
  /**
   * Subjects of an OpenID Connect issuer, by the claims of their tokens.
   */
  readonly oidc?: Oidc;
  /**
   * A Kubernetes ServiceAccount, proven by a projected token.
   */
  readonly serviceAccount?: ServiceAccount;
}

/**
 * A TLS client certificate that the connection's CA has signed.
 */
export interface Certificate {
  /**
   * The common name of the certificate's subject.
   */
  readonly commonName?: string;
  /**
   * The SPIFFE ID in the certificate's URI subject alternative name.
   */
  readonly spiffeID?: string;
}

/**
 * Subjects of an OpenID Connect issuer, by the claims of their tokens.
 */
export interface Oidc {
  /**
   * Claims that the token must carry: each of them, with at least one of the values listed
   * for it.
   */
  readonly claims: { readonly [key: string]: readonly string[] };
  /**
   * The `iss` claim, exactly as the connection lists it.
   */
  readonly issuer: string;
}

/**
 * A Kubernetes ServiceAccount, proven by a projected token.
 */
export interface ServiceAccount {
  /**
   * Name of the ServiceAccount.
   */
  readonly name: string;
  /**
   * Namespace of the ServiceAccount.
   */
  readonly namespace: string;
}

/**
 * A reference to a connection in the same namespace.
 */
export interface TargetRef {
  /**
   * API group of the target.
   */
  readonly group: Group;
  /**
   * Kind of the target.
   */
  readonly kind: Kind;
  /**
   * Name of the AgentConnection.
   */
  readonly name: string;
}

/**
 * API group of the target.
 */
export type Group = "chaperone.dev";

/**
 * Kind of the target.
 */
export type Kind = "AgentConnection";

/**
 * What was last seen of this policy.
 */
export interface AccessPolicyStatus {
  /**
   * One entry for each target, negative ones first.
   */
  readonly ancestors?: readonly Ancestor[];
  /**
   * The newest observations of this object's state, one of each type.
   */
  readonly conditions?: readonly StatusCondition[];
  /**
   * The generation of the spec that this status is about.
   */
  readonly observedGeneration?: number;
}

/**
 * What became of this object at one target.
 */
export interface Ancestor {
  /**
   * The target.
   */
  readonly ancestorRef: AncestorRef;
  /**
   * The newest observations of this object's state, one of each type.
   */
  readonly conditions?: readonly AncestorCondition[];
  /**
   * The controller that wrote this entry.
   */
  readonly controllerName: string;
}

/**
 * The target.
 */
export interface AncestorRef {
  /**
   * API group of the target.
   */
  readonly group: string;
  /**
   * Kind of the target.
   */
  readonly kind: string;
  /**
   * Name of the target.
   */
  readonly name: string;
  /**
   * Namespace of the target.
   */
  readonly namespace?: string;
}

/**
 * One observation.
 */
export interface AncestorCondition {
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
 * One observation.
 */
export interface StatusCondition {
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
