// Generated from crds/ by `make generate`. Do not edit.
import type { ObjectMeta } from './object-meta.ts';

/**
 * What agents never see. Mask rules on a connection add up; where two cover a value, the
 * stronger mask wins.
 */
export interface MaskRule {
  /**
   * Version of the schema of this object: chaperone.dev/v1alpha1.
   */
  readonly apiVersion: 'chaperone.dev/v1alpha1';
  /**
   * Kind of this object: MaskRule.
   */
  readonly kind: 'MaskRule';
  readonly metadata: ObjectMeta;
  /**
   * What is masked, and how.
   */
  readonly spec: MaskRuleSpec;
  /**
   * What was last seen of this mask rule.
   */
  readonly status?: MaskRuleStatus;
}

/**
 * What is masked, and how.
 */
export interface MaskRuleSpec {
  /**
   * Whether a masked column that is hashed, or is part of an index, constraint or key, may be
   * written. 'Deny' by default, because an answer to such a write tells whether a guess was
   * right; 'Allow' shows in status.
   */
  readonly assign: Assign;
  /**
   * Columns of PostgreSQL relations that are masked, partitions and children included.
   */
  readonly columns?: readonly Column[];
  /**
   * Texts that are masked wherever they appear, in any column, file or stream.
   */
  readonly detect?: readonly Detect[];
  /**
   * Subjects that see the values as they are.
   */
  readonly exemptSubjects?: readonly ExemptSubject[];
  /**
   * Fields of Kubernetes responses that are masked.
   */
  readonly fields?: readonly Field[];
  /**
   * What happens to a masked column outside a plain projection. 'Masked': everything is
   * computed on masked values. 'Deny': the statement is refused.
   */
  readonly predicates: Predicates;
  /**
   * The connections in this namespace that the masks are for.
   */
  readonly targetRefs: readonly TargetRef[];
}

/**
 * Whether a masked column that is hashed, or is part of an index, constraint or key, may be
 * written. 'Deny' by default, because an answer to such a write tells whether a guess was
 * right; 'Allow' shows in status.
 */
export type Assign = "Allow" | "Deny";

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
 * One kind of subject.
 */
export interface ExemptSubject {
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
 * What was last seen of this mask rule.
 */
export interface MaskRuleStatus {
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
