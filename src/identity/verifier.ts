import type { Subject } from '../bundle/subject.ts';
import type { Result } from '../lib/result.ts';
import type { Secret } from '../lib/secret.ts';

/** What an agent showed to prove who it is. A token, when there is one, decides alone. */
export interface Credential {
  readonly token?: Secret<string>;
  /** DER of a client certificate that TLS has verified against the configured CA. */
  readonly certificate?: Uint8Array;
}

/** Turns a credential into the subject that it proves, or says why it proves none. */
export interface TokenVerifier {
  /** Bad credentials and an unreachable identity provider are told apart: the second is `isTemporary`. */
  verify(credential: Credential): Promise<Result<Subject, VerifyFailure>>;
}

/** Why a credential was not accepted. */
export interface VerifyFailure {
  /** Such as `Expired`, `WrongAudience`, `UnknownIssuer`, `BadSignature`, `ProviderUnreachable`. For the log and the record. */
  readonly code: string;
  /** For the agent: says what is wrong, never echoes the token. */
  readonly message: string;
  readonly isTemporary: boolean;
}
