import type { Subject } from '../bundle/subject.ts';
import type { RuleRef } from '../decide/decision.ts';

/** One line of a recording, before the chain's own fields (`seq`, `at`, `prev`) are added by the recorder. */
export type RecordBody = SessionStart | ActionRecord | ResultRecord | NoteRecord | SessionEnd;

export interface SessionStart {
  readonly kind: 'SessionStart';
  readonly session: string;
  readonly connection: string;
  readonly protocol: 'PostgreSQL';
  readonly revision: string;
  readonly subject: Omit<Subject, 'expiresAt' | 'issuedAt'>;
  /** What the client said of itself: PostgreSQL user name, application_name; claims, not facts. */
  readonly claimed: { readonly user?: string; readonly applicationName?: string };
  readonly peer: string;
  readonly isEncrypted: boolean;
  readonly gateway: { readonly version: string; readonly host: string };
}

export interface ActionRecord {
  readonly kind: 'Action';
  /** Counts from 1 in a session; results name it. */
  readonly action: number;
  readonly via: 'Query' | 'Parse' | 'Bind' | 'Execute' | 'FunctionCall' | 'CopyIn' | 'Login';
  readonly statement: string;
  /** Set when the text that was sent differs. */
  readonly forwarded?: string;
  readonly parameters?: readonly RecordedParameter[];
  /** The statements that this one runs by their names: EXECUTE, FETCH and MOVE. */
  readonly runs?: readonly { readonly name: string; readonly statement: string; readonly parameters?: readonly RecordedParameter[] }[];
  readonly decision: {
    readonly verdict: 'Allow' | 'RequireApproval' | 'Deny';
    readonly code: string;
    readonly rule?: RuleRef;
    readonly message?: string;
    readonly wouldBe?: string;
  };
  readonly revision: string;
  readonly statements: readonly { readonly statement: string; readonly touches: readonly string[]; readonly masked: readonly string[] }[];
  readonly reason?: string;
}

export type RecordedParameter =
  | { readonly text: string | null }
  | { readonly base64: string }
  /** The value was assigned to a masked column or is a password: a keyed digest. */
  | { readonly digest: string };

export interface ResultRecord {
  readonly kind: 'Result';
  readonly action: number;
  /** Command tag such as `SELECT 3`, absent after an error. */
  readonly tag?: string;
  readonly rows: number;
  readonly durationMs: number;
  readonly error?: { readonly sqlstate: string; readonly message: string };
  /** Where the raw frames (RowDescription, DataRow, CopyData as sent to the agent) stand in the rows file. */
  readonly frames?: { readonly offset: number; readonly length: number; readonly sha256: string };
}

export interface NoteRecord {
  readonly kind: 'Note';
  /** `Alarm` is a broken invariant. */
  readonly level: 'Info' | 'Warning' | 'Alarm';
  readonly reason: string;
  readonly message: string;
}

export interface SessionEnd {
  readonly kind: 'SessionEnd';
  readonly reason: 'ClientClosed' | 'TargetClosed' | 'TokenExpired' | 'Revoked' | 'IdleTimeout' | 'SessionDuration' | 'Shutdown' | 'ProtocolError' | 'RecordingFailed' | 'Alarm' | 'Killed';
  readonly message?: string;
  readonly actions: number;
  readonly denied: number;
  readonly rows: number;
  /** Set by the recorder: frames that no result vouches for, of a statement that the session's end cut off. */
  readonly frames?: { readonly offset: number; readonly length: number; readonly sha256: string };
}
