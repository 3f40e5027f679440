import type { Brand } from '../lib/brand.ts';

export interface RuleRef {
  /** `namespace/name` of the policy, or a baseline's name. */
  readonly policy: string;
  readonly rule: string;
}

export type DecisionCode =
  | 'Allowed'
  | 'Free'
  | 'Observed'
  | 'NeedsApproval'
  | 'DeniedByRule'
  | 'NoRule'
  | 'NoPolicy'
  | 'BrokenPolicy'
  | 'MaskingMissing'
  | 'WhereRequired'
  | 'Refused';

/** What was decided for one action, and why. */
export interface Decision {
  readonly verdict: 'Allow' | 'RequireApproval' | 'Deny';
  readonly code: DecisionCode;
  /** The rule that decided: for an Allow the first that covered, for a Deny the one that denied. */
  readonly rule?: RuleRef;
  /** Every rule that covered a part of the action. */
  readonly covering: readonly RuleRef[];
  /** For a refusal: the primary message, what the action touched, and what to ask for. */
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly sqlstate?: string;
  /** Set in mode Observe: what the verdict would have been. */
  readonly wouldBe?: { readonly verdict: 'RequireApproval' | 'Deny'; readonly code: DecisionCode; readonly rule?: RuleRef; readonly message: string };
  readonly obligations: Obligations;
}

/** What the gateway must see to while the action runs. */
export interface Obligations {
  /** More changed rows than this and the statement is rolled back. */
  readonly maxRows?: number;
}

/** Proof that a decision allowed this very action: the only thing that forwarding takes. Made by `authorize` alone. */
export type Authorized<A> = Brand<{ readonly action: A; readonly decision: Decision }, 'Authorized'>;
