// Generated from crds/ by `make generate`. Do not edit.
import type { ObjectMeta } from './object-meta.ts';

/**
 * Deny rules and masks on connections of many namespaces, which no namespace can remove.
 */
export interface AccessBaseline {
  /**
   * Version of the schema of this object: chaperone.dev/v1alpha1.
   */
  readonly apiVersion: 'chaperone.dev/v1alpha1';
  /**
   * Kind of this object: AccessBaseline.
   */
  readonly kind: 'AccessBaseline';
  readonly metadata: ObjectMeta;
  /**
   * Which connections, and what holds on them.
   */
  readonly spec: AccessBaselineSpec;
  /**
   * What was last seen of this baseline.
   */
  readonly status?: AccessBaselineStatus;
}

/**
 * Which connections, and what holds on them.
 */
export interface AccessBaselineSpec {
  /**
   * The connections that the baseline covers: those that meet every condition given. Who may
   * edit a connection may also take a label away: what must hold whatever happens selects by
   * `namespaces` alone.
   */
  readonly connectionSelector: ConnectionSelector;
  /**
   * What nobody sees.
   */
  readonly masks?: Masks;
  /**
   * What nobody may do.
   */
  readonly rules?: readonly Rule[];
}

/**
 * The connections that the baseline covers: those that meet every condition given. Who may
 * edit a connection may also take a label away: what must hold whatever happens selects by
 * `namespaces` alone.
 */
export interface ConnectionSelector {
  /**
   * Further conditions on the labels of a connection.
   */
  readonly matchExpressions?: readonly MatchExpression[];
  /**
   * Labels that a connection must carry with these values.
   */
  readonly matchLabels?: { readonly [key: string]: string };
  /**
   * Namespaces of the connections; '*' is every namespace.
   */
  readonly namespaces: readonly string[];
}

/**
 * One condition.
 */
export interface MatchExpression {
  /**
   * Key of the label.
   */
  readonly key: string;
  /**
   * How the label is compared.
   */
  readonly operator: Operator;
  /**
   * Values, for 'In' and 'NotIn'.
   */
  readonly values?: readonly string[];
}

/**
 * How the label is compared.
 */
export type Operator = "DoesNotExist" | "Exists" | "In" | "NotIn";

/**
 * What nobody sees.
 */
export interface Masks {
  /**
   * Columns of PostgreSQL relations that are masked, partitions and children included.
   */
  readonly columns?: readonly Column[];
  /**
   * Texts that are masked wherever they appear, in any column, file or stream.
   */
  readonly detect?: readonly Detect[];
  /**
   * Fields of Kubernetes responses that are masked.
   */
  readonly fields?: readonly Field[];
  /**
   * What happens to a masked column outside a plain projection. 'Masked': everything is
   * computed on masked values. 'Deny': the statement is refused.
   */
  readonly predicates: Predicates;
}

/**
 * One column or pattern of columns.
 */
export interface Column {
  /**
   * The column; `*` stands for any run of characters.
   */
  readonly column: string;
  /**
   * What takes the place of a value.
   */
  readonly mask: ColumnMask;
  /**
   * The relation, as `schema.name`; in each half `*` stands for any run of characters. `*.*`
   * is every relation but the system catalogues.
   */
  readonly relation: string;
}

/**
 * What takes the place of a value.
 */
export interface ColumnMask {
  /**
   * How many characters stay, for 'KeepFirst' and 'KeepLast'.
   */
  readonly count?: number;
  /**
   * How the value is masked. 'Null': NULL. 'Redact': a fixed text. 'Hash': a keyed digest,
   * the same for equal values. 'KeepFirst' and 'KeepLast': all but `count` characters hidden.
   * 'Email': the first letter and the domain stay. 'Truncate': a date cut to its `unit`.
   * 'Range': a number becomes the lower bound of its bucket of `width`. Where a column's type
   * does not go with the mask, NULL.
   */
  readonly type: MaskType;
  /**
   * What a date is cut to, for 'Truncate'.
   */
  readonly unit?: Unit;
  /**
   * Width of a bucket, for 'Range'.
   */
  readonly width?: number;
}

/**
 * How the value is masked. 'Null': NULL. 'Redact': a fixed text. 'Hash': a keyed digest,
 * the same for equal values. 'KeepFirst' and 'KeepLast': all but `count` characters hidden.
 * 'Email': the first letter and the domain stay. 'Truncate': a date cut to its `unit`.
 * 'Range': a number becomes the lower bound of its bucket of `width`. Where a column's type
 * does not go with the mask, NULL.
 */
export type MaskType = "Email" | "Hash" | "KeepFirst" | "KeepLast" | "Null" | "Range" | "Redact" | "Truncate";

/**
 * What a date is cut to, for 'Truncate'.
 */
export type Unit = "Month" | "Year";

/**
 * One thing to look for.
 */
export interface Detect {
  /**
   * A kind of text that is known by its form and, where it has one, its check digit.
   */
  readonly entity?: Entity;
  /**
   * What takes the place of a value.
   */
  readonly mask: TextMask;
  /**
   * An RE2 expression.
   */
  readonly pattern?: string;
}

/**
 * A kind of text that is known by its form and, where it has one, its check digit.
 */
export type Entity = "AwsKey" | "CreditCard" | "Email" | "Iban" | "Jwt" | "PhoneNumber" | "PrivateKey" | "Ssn";

/**
 * What takes the place of a value.
 */
export interface TextMask {
  /**
   * How many characters stay, for 'KeepFirst' and 'KeepLast'.
   */
  readonly count?: number;
  /**
   * How the value is masked. 'Null': NULL. 'Redact': a fixed text. 'Hash': a keyed digest,
   * the same for equal values. 'KeepFirst' and 'KeepLast': all but `count` characters hidden.
   * 'Email': the first letter and the domain stay. 'Truncate': a date cut to its `unit`.
   * 'Range': a number becomes the lower bound of its bucket of `width`. Where a column's type
   * does not go with the mask, NULL.
   */
  readonly type: TextMaskType;
}

/**
 * How the value is masked. 'Null': NULL. 'Redact': a fixed text. 'Hash': a keyed digest,
 * the same for equal values. 'KeepFirst' and 'KeepLast': all but `count` characters hidden.
 * 'Email': the first letter and the domain stay. 'Truncate': a date cut to its `unit`.
 * 'Range': a number becomes the lower bound of its bucket of `width`. Where a column's type
 * does not go with the mask, NULL.
 */
export type TextMaskType = "Email" | "Hash" | "KeepFirst" | "KeepLast" | "Redact";

/**
 * One field of one resource.
 */
export interface Field {
  /**
   * What takes the place of a value.
   */
  readonly mask: FieldMask;
  /**
   * The field, its steps parted by dots; `*` stands for every key or item, such as `data.*`.
   */
  readonly path: string;
  /**
   * The resource, with its group unless it is of the core group, such as `secrets` or
   * `deployments.apps`.
   */
  readonly resource: string;
}

/**
 * What takes the place of a value.
 */
export interface FieldMask {
  /**
   * How many characters stay, for 'KeepFirst' and 'KeepLast'.
   */
  readonly count?: number;
  /**
   * How the value is masked. 'Null': NULL. 'Redact': a fixed text. 'Hash': a keyed digest,
   * the same for equal values. 'KeepFirst' and 'KeepLast': all but `count` characters hidden.
   * 'Email': the first letter and the domain stay. 'Truncate': a date cut to its `unit`.
   * 'Range': a number becomes the lower bound of its bucket of `width`. Where a column's type
   * does not go with the mask, NULL.
   */
  readonly type: MaskType;
  /**
   * What a date is cut to, for 'Truncate'.
   */
  readonly unit?: Unit;
  /**
   * Width of a bucket, for 'Range'.
   */
  readonly width?: number;
}

/**
 * What happens to a masked column outside a plain projection. 'Masked': everything is
 * computed on masked values. 'Deny': the statement is refused.
 */
export type Predicates = "Deny" | "Masked";

/**
 * One rule.
 */
export interface Rule {
  /**
   * A baseline can only deny.
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
 * A baseline can only deny.
 */
export type Effect = "Deny";

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
   * Functions that may not be called, as `schema.name`.
   */
  readonly functions?: readonly string[];
  /**
   * What the statement does. COPY TO is Copy and Select, COPY FROM is Copy and Insert, INSERT
   * ... SELECT is Insert and Select, FOR UPDATE is Lock and Select.
   */
  readonly operations: readonly Operation[];
  /**
   * Relations, as `schema.name`; in each half `*` stands for any run of characters, and a
   * half that contains a dot is written in double quotes. `*.*` is every relation but the
   * system catalogues. When absent, every relation.
   */
  readonly relations?: readonly string[];
  /**
   * Run-time settings that the rule covers beside the harmless ones.
   */
  readonly settings?: readonly string[];
}

/**
 * One operation.
 */
export type Operation = "Call" | "Copy" | "Ddl" | "Delete" | "Grant" | "Insert" | "Listen" | "Lock" | "Maintenance" | "Merge" | "Select" | "Truncate" | "Update";

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
 * What was last seen of this baseline.
 */
export interface AccessBaselineStatus {
  /**
   * The newest observations of this object's state, one of each type.
   */
  readonly conditions?: readonly Condition[];
  /**
   * Connections that the baseline covers.
   */
  readonly connections?: number;
  /**
   * The generation of the spec that this status is about.
   */
  readonly observedGeneration?: number;
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
