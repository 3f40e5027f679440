import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { messageOf } from '../lib/coded-error.ts';
import { genesis, lineHash } from './chain.ts';
import type { FramesSource } from './frames-source.ts';
import { openFrames } from './open-frames.ts';
import { type RawLine, readLines } from './read.ts';
import type { FramesSeal } from './recorder.ts';
import { parseRecord, type StoredRecord } from './stored-record.ts';

export interface Verification {
  /**
   * `Verified`: from start to end as it was written. `Incomplete`: what is there is, but there is no last record:
   * the session is open, its gateway died, or the tail was cut. `Tampered`: not what a recorder writes.
   */
  readonly status: 'Verified' | 'Incomplete' | 'Tampered';
  /** Empty when the first line is no SessionStart. */
  readonly session: string;
  /** Lines whose place in the chain is right. */
  readonly records: number;
  /** Hash of the last of them: note it elsewhere, and a rewritten chain no longer matches. */
  readonly head: string;
  /** Bytes of frames that records vouch for. */
  readonly framesBytes: number;
  /** The first thing found wrong, or missing; `line` is absent when it is no line's fault. */
  readonly finding?: { readonly line?: number; readonly reason: string };
}

export interface VerifyOptions {
  /** A hash noted earlier: it must be that of some line, and then everything up to there is as it was. */
  readonly expectHead?: string;
}

const readBytes = 1024 * 1024;

/** Checks one session's recording, reading nothing but its folder. */
export function verifySession(directory: string, options: VerifyOptions = {}): Verification {
  const check = new ChainCheck(basename(directory), options.expectHead);
  let frames: FramesSource | undefined;
  try {
    frames = openFrames(directory);
    for (const line of readLines(directory)) {
      if (!check.line(line, frames)) break;
    }
    return check.finish(frames);
  } catch (error) {
    return check.unreadable(messageOf(error));
  } finally {
    frames?.close();
  }
}

/** Walks the lines in order and stops at the first that is not what a recorder wrote. */
class ChainCheck {
  readonly #folderName: string;
  readonly #expectHead: string | undefined;
  #session = '';
  #records = 0;
  #head = '';
  #sealed = 0;
  #hasEnded = false;
  #isExpectedSeen = false;
  #tornLine: number | undefined;
  #finding: Verification['finding'];

  constructor(folderName: string, expectHead: string | undefined) {
    this.#folderName = folderName;
    this.#expectHead = expectHead;
  }

  /** Whether to go on. */
  line(line: RawLine, frames: FramesSource): boolean {
    if (line.isTorn && !this.#hasEnded) {
      this.#tornLine = line.number;
      return false;
    }
    const reason = this.#problem(line, frames);
    if (reason !== undefined) this.#finding = { line: line.number, reason };
    return reason === undefined;
  }

  finish(frames: FramesSource): Verification {
    if (this.#finding !== undefined) return this.#outcome('Tampered', this.#finding);
    if (this.#expectHead !== undefined && !this.#isExpectedSeen) {
      return this.#outcome('Tampered', { reason: 'the expected head is not in the chain: it was rewritten, or cut before it' });
    }
    if (this.#records === 0) return this.#outcome('Incomplete', { reason: 'no records' });
    if (this.#tornLine !== undefined) return this.#outcome('Incomplete', { line: this.#tornLine, reason: 'open or cut: the last line is torn' });
    if (!this.#hasEnded) return this.#outcome('Incomplete', { reason: 'open or cut: no SessionEnd' });
    if (frames.size > this.#sealed) {
      return this.#outcome('Tampered', { reason: `${frames.size - this.#sealed} bytes of frames that no record vouches for` });
    }
    return this.#outcome('Verified');
  }

  unreadable(message: string): Verification {
    return this.#outcome('Tampered', { reason: `cannot be read: ${message}` });
  }

  #problem(line: RawLine, frames: FramesSource): string | undefined {
    if (this.#hasEnded) return 'a line after SessionEnd';
    const hash = lineHash(line.bytes);
    if (hash === undefined) return 'the line is not what its hash was made of';
    const parsed = parseRecord(line.bytes);
    if (!parsed.ok) return parsed.error;
    const record = parsed.value;
    const problem = this.#placeProblem(record) ?? this.#framesProblem(record, frames);
    if (problem !== undefined) return problem;
    this.#records += 1;
    this.#head = hash;
    this.#hasEnded = record.kind === 'SessionEnd';
    this.#isExpectedSeen ||= hash === this.#expectHead;
    return undefined;
  }

  #placeProblem(record: StoredRecord): string | undefined {
    if (record.seq !== this.#records) return `record ${record.seq} where ${this.#records} belongs: lines are missing, repeated or out of order`;
    if ((record.kind === 'SessionStart') !== (this.#records === 0)) return `${record.kind} does not belong here`;
    if (record.kind === 'SessionStart') {
      this.#session = record.session;
      if (record.session !== this.#folderName) return `the recording of session ${record.session} in another session's folder`;
      this.#head = genesis(record.session);
    }
    return record.prev === this.#head ? undefined : 'the line before is not the one that this line follows';
  }

  #framesProblem(record: StoredRecord, frames: FramesSource): string | undefined {
    const seal = record.kind === 'Result' || record.kind === 'SessionEnd' ? record.frames : undefined;
    if (seal === undefined) return undefined;
    if (seal.offset !== this.#sealed || !Number.isSafeInteger(seal.length) || seal.length < 1) {
      return `frames at ${seal.offset} where ${this.#sealed} belongs`;
    }
    if (seal.offset + seal.length > frames.size) return 'frames are missing from the end of the frames file';
    if (digest(frames, seal) !== seal.sha256) return `frames ${seal.offset} to ${seal.offset + seal.length} have changed`;
    this.#sealed += seal.length;
    return undefined;
  }

  #outcome(status: Verification['status'], finding?: Verification['finding']): Verification {
    return {
      status,
      session: this.#session,
      records: this.#records,
      head: this.#records === 0 ? '' : this.#head,
      framesBytes: this.#sealed,
      ...(finding !== undefined && { finding }),
    };
  }
}

function digest(frames: FramesSource, seal: FramesSeal): string {
  const hash = createHash('sha256');
  for (let done = 0; done < seal.length; ) {
    const bytes = frames.read(seal.offset + done, Math.min(readBytes, seal.length - done));
    if (bytes.length === 0) break;
    hash.update(bytes);
    done += bytes.length;
  }
  return hash.digest('hex');
}
