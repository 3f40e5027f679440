import { join } from 'node:path';
import type { SessionId } from '../lib/brand.ts';
import type { Clock } from '../lib/clock.ts';
import { CodedError } from '../lib/coded-error.ts';
import { AppendFile } from './append-file.ts';
import { encodeLine, genesis } from './chain.ts';
import { FramesDigest } from './frames-digest.ts';
import type { RecordBody, SessionEnd, SessionStart } from './record.ts';
import type { FramesSeal, SessionRecorder } from './recorder.ts';
import { framesFile, recordsFile, type SessionFolder } from './session-folder.ts';

/** A statement of 1 MiB with its parameters fits many times over; a line beyond this could not be read back in one piece. */
const maxLineBytes = 256 * 1024 * 1024;
/** In characters. More than that is not held back: the next line is written at once, or fails. */
const maxLateLength = 64 * 1024;

interface RecorderHooks {
  readonly clock: Clock;
  /** Something was written that no fsync has covered yet. */
  readonly onDirty: () => void;
  /** A line was made whose writing can wait for the next one, but not long. */
  readonly onLate: () => void;
  readonly onBytes: (bytes: number) => void;
  /** The recorder will write no more; whoever syncs closes the files. */
  readonly onClose: () => void;
  /** Late lines could not be written up to the end. */
  readonly onLost: (error: unknown) => void;
}

/**
 * One session's two files. What a result says has happened already, so its line need not be ahead of anything: it is
 * made at once, with its place in the chain, and written together with the next one.
 */
export class FolderRecorder implements SessionRecorder {
  readonly session: SessionId;
  readonly #directory: string;
  readonly #hooks: RecorderHooks;
  readonly #records: AppendFile;
  #frames: AppendFile | undefined;
  #seq = 0;
  #prev: string;
  #missed = 0;
  /** Lines that are made and not yet written, in order. Whatever is written goes behind them. */
  #late = '';
  #sealed = 0;
  #seal: FramesSeal | undefined;
  #pendingFrames = new FramesDigest();
  #hasEnded = false;
  #isClosed = false;

  constructor(folder: SessionFolder, hooks: RecorderHooks) {
    this.session = folder.session as SessionId;
    this.#directory = folder.directory;
    this.#hooks = hooks;
    this.#prev = genesis(folder.session);
    this.#records = new AppendFile(join(folder.directory, recordsFile));
  }

  /** Open files, frames first: a record must not outlive a power loss that its frames did not. */
  get files(): readonly AppendFile[] {
    return this.#frames === undefined ? [this.#records] : [this.#frames, this.#records];
  }

  start(record: SessionStart): void {
    this.#append(record, 'Now');
  }

  write(record: Exclude<RecordBody, SessionStart>): void {
    if (record.kind === 'SessionEnd') this.#end(record);
    else this.#append(record, canWait(record) ? 'Soon' : 'Now');
  }

  /** Hands the late lines to the operating system, or throws and keeps them. */
  writeLate(): void {
    if (this.#late !== '') this.#writeOut(this.#late);
  }

  frames(bytes: Uint8Array): void {
    this.#mustBeOpen();
    if (bytes.length === 0) return;
    this.#counted(() => {
      this.#frames ??= new AppendFile(join(this.#directory, framesFile));
      this.#frames.append(bytes);
    });
    this.#seal = undefined;
    this.#pendingFrames.update(bytes);
    this.#hooks.onBytes(bytes.length);
    this.#hooks.onDirty();
  }

  sealFrames(): FramesSeal | undefined {
    const length = (this.#frames?.length ?? 0) - this.#sealed;
    if (length === 0) return undefined;
    this.#seal ??= { offset: this.#sealed, length, sha256: this.#pendingFrames.hex() };
    return this.#seal;
  }

  close(): void {
    if (this.#isClosed) return;
    try {
      this.writeLate();
    } catch (error) {
      this.#hooks.onLost(error);
    }
    this.#isClosed = true;
    this.#hooks.onClose();
  }

  #end(record: SessionEnd): void {
    const frames = this.sealFrames();
    this.#append(frames === undefined ? record : { ...record, frames }, 'Now');
    this.#hasEnded = true;
  }

  #append(record: RecordBody, when: 'Now' | 'Soon'): void {
    this.#mustBeOpen();
    const seal = 'frames' in record ? record.frames : undefined;
    const at = new Date(this.#hooks.clock.now()).toISOString();
    this.#counted(() => {
      if (seal !== undefined && seal !== this.#seal) throw new CodedError('REC_SEAL', 'a record vouches for other frames than were sealed last');
      const { line, hash } = encodeLine({ seq: this.#seq, at, prev: this.#prev, ...(this.#missed > 0 && { missed: this.#missed }) }, record);
      const text = `${this.#late}${line}\n`;
      if (when === 'Soon' && text.length <= maxLateLength) {
        this.#late = text;
        this.#hooks.onLate();
      } else {
        this.#writeOut(text);
      }
      this.#seq += 1;
      this.#prev = hash;
      this.#missed = 0;
    });
    if (seal !== undefined) this.#vouchedFor(seal);
  }

  /** One write(2). When it fails nothing of the text is in the file, and what was late still is. */
  #writeOut(text: string): void {
    const bytes = Buffer.from(text);
    if (bytes.length > maxLineBytes) throw new CodedError('REC_TOO_LARGE', `a record of ${bytes.length} bytes is too large`);
    this.#records.append(bytes);
    this.#late = '';
    this.#hooks.onBytes(bytes.length);
    this.#hooks.onDirty();
  }

  /** Only now: had the record failed, the next one must vouch for these frames. */
  #vouchedFor(seal: FramesSeal): void {
    this.#sealed = seal.offset + seal.length;
    this.#seal = undefined;
    this.#pendingFrames = new FramesDigest();
  }

  /** With `onFailure: Continue` the session goes on after a failure: the next line then says that something is missing. */
  #counted(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#missed += 1;
      throw error;
    }
  }

  #mustBeOpen(): void {
    if (this.#isClosed) throw new CodedError('REC_CLOSED', 'the recording is closed');
    if (this.#hasEnded) throw new CodedError('REC_ENDED', 'the recording has its last record');
    // Records without their frames are no evidence, nor frames without their records.
    for (const file of this.files) file.mustBeUsable();
  }
}

/** What has no effect to be ahead of. */
function canWait(record: RecordBody): boolean {
  return record.kind === 'Result' || (record.kind === 'Note' && record.level === 'Info');
}
