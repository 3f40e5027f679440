import { CodedError } from '../../lib/coded-error.ts';

/**
 * What can go wrong between us and the target before a session may start: it could not be reached or did not
 * answer; TLS was refused or its certificate did not hold; our login failed, or the way it was asked for is
 * unsafe; it turned us away for a reason of its own; what we were asked to send cannot be sent.
 */
export type TargetErrorCode =
  | 'TargetUnreachable'
  | 'TargetTlsFailed'
  | 'TargetAuthenticationFailed'
  | 'TargetRejected'
  | 'TargetParametersInvalid';

/** The fields of the target's own ErrorResponse that say why it turned us away. For the log: they may name the target's login. */
export interface TargetErrorFields {
  readonly severity: string | undefined;
  /** SQLSTATE. */
  readonly code: string | undefined;
  readonly message: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
}

export class TargetError extends CodedError {
  declare readonly code: TargetErrorCode;
  readonly fields: TargetErrorFields | undefined;

  constructor(code: TargetErrorCode, message: string, options?: { readonly cause?: unknown; readonly fields?: TargetErrorFields }) {
    super(code, message, options);
    this.name = 'TargetError';
    this.fields = options?.fields;
  }
}
