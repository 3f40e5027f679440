/**
 * What the data plane needs of the outside. Rooms below fulfil these; `cli` joins them. Nothing here knows
 * Kubernetes, files or object stores.
 */
import type { Bundle } from '../bundle/bundle.ts';
import type { Revision } from '../lib/brand.ts';
import type { Result } from '../lib/result.ts';
import type { Secret } from '../lib/secret.ts';

/** The bundle in force for one connection. `current` never blocks; listeners run after the swap. */
export interface BundleSource {
  readonly current: { readonly bundle: Bundle; readonly revision: Revision } | undefined;
  onChange(listener: () => void): () => void;
}

/** Named Secrets of the connection's namespace, read anew when they rotate. */
export interface SecretSource {
  /** One key of one Secret; an error names Secret and key, never a value. */
  read(secret: string, key: string): Promise<Result<Secret<string>, { readonly message: string }>>;
  onChange(listener: (secret: string) => void): () => void;
}

export type { Credential, TokenVerifier } from '../identity/verifier.ts';
export type { RecordSink, SessionRecorder } from '../recording/recorder.ts';

/** Counts and gauges of the data plane; names in docs/operating.md. Calls are cheap and never throw. */
export interface Metrics {
  sessionStarted(): void;
  sessionEnded(reason: string): void;
  decided(verdict: 'Allow' | 'RequireApproval' | 'Deny', isObserved: boolean): void;
  decisionSeconds(seconds: number): void;
  rowsSent(rows: number): void;
  recordedBytes(bytes: number): void;
  recordingFailed(): void;
  loginFailed(code: string): void;
  bundleLoaded(revision: string): void;
  reloadFailed(): void;
}
