/**
 * Recording: the evidence of what every session did, written ahead of the effect, and read back and verified
 * later. `folder-sink` writes, `chain` links the lines, `read`, `frames` and `verify` work on what was written.
 *
 * The one invariant: what is ahead of an effect (an action, frames) has been handed to the operating system in full
 * and in order when the call returns; a call that threw has left nothing behind that a reader would take for a
 * record. The gateway forwards and sends only what was recorded so. What tells of an effect (a result) follows it.
 */
import type { SessionId } from '../lib/brand.ts';
import type { RecordBody, SessionStart } from './record.ts';

/** Bytes of the frames file that one record vouches for. */
export interface FramesSeal {
  readonly offset: number;
  readonly length: number;
  /** Of these bytes, uncompressed. */
  readonly sha256: string;
}

/**
 * The recording of one session. A call returns after write(2): what it was given survives the death of the
 * process. Only results and notes of level Info are written with the next record or some milliseconds later, whichever
 * is first; their place in the chain is theirs from the call on, and a record that cannot be written behind them
 * fails. A call that throws has written nothing that a reader would accept, and with `onFailure: Block`
 * the caller must not go on. After a full disk has room again the next call may succeed.
 */
export interface SessionRecorder {
  readonly session: SessionId;
  write(record: Exclude<RecordBody, SessionStart>): void;
  /**
   * Raw backend frames as the agent will receive them, before they are sent. The rows of a result can be read back
   * only after a RowDescription with the formats that Bind asked for, so one must precede them between two seals.
   */
  frames(bytes: Uint8Array): void;
  /** The frames that no record vouches for yet, to be put into the next Result; undefined when there are none. */
  sealFrames(): FramesSeal | undefined;
  /** Writes what is still late, and never throws. */
  close(): void;
}

/** Where recordings go. */
export interface RecordSink {
  /** Begins a session's recording with its first record. */
  open(start: SessionStart): SessionRecorder;
}
