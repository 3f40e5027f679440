import { err } from '../lib/result.ts';
import type { VerifyFailure } from './verifier.ts';

/** Every way to be refused; docs/identity.md explains each. `true` marks what is no fault of the credential. */
const isTemporaryByCode = {
  NoCredential: false,
  TokensNotAccepted: false,
  TokenTooLarge: false,
  Malformed: false,
  UnknownIssuer: false,
  AlgorithmNotAllowed: false,
  UnsupportedHeader: false,
  WrongTokenType: false,
  UnknownKey: false,
  BadSignature: false,
  WrongAudience: false,
  Expired: false,
  NotYetValid: false,
  IssuedInFuture: false,
  TooOld: false,
  MissingClaim: false,
  BadClaim: false,
  WrongSubject: false,
  ProofRequired: false,
  ProviderUnreachable: true,
  CertificatesNotAccepted: false,
  CertificateMalformed: false,
  CertificateUntrusted: false,
  CertificateExpired: false,
  CertificateNotYetValid: false,
  CertificateUnusable: false,
  CertificateUnnamed: false,
  CaUnavailable: true,
} as const;

export type VerifyFailureCode = keyof typeof isTemporaryByCode;

/** A refusal. The message is for the agent, so it holds what the connection wants and nothing that the credential says. */
export function refuse(code: VerifyFailureCode, message: string): { readonly ok: false; readonly error: VerifyFailure } {
  return err({ code, message, isTemporary: isTemporaryByCode[code] });
}
