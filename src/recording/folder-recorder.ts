import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { SessionId } from '../lib/brand.ts';
import type { Clock } from '../lib/clock.ts';
import { CodedError } from '../lib/coded-error.ts';
import { AppendFile } from './append-file.ts';
import { encodeLine, genesis } from './chain.ts';
import type { RecordBody, SessionEnd, SessionStart } from './record.ts';
import type { FramesSeal, SessionRecorder } from './recorder.ts';
import { framesFile, recordsFile, type SessionFolder } from './session-folder.ts';

/** A statement of 1 MiB with its parameters fits many times over; a line beyond this could not be read back in one piece. */
const maxLineBytes = 256 * 1024 * 1024;

interface RecorderHooks {
  readonly clock: Clock;
  /** Something was written that no fsync has covered yet. */
  readonly onDirty: () => void;
  readonly onBytes: (bytes: number) => void;
  /** The recorder will write no more; whoever syncs closes the files. */
  readonly onClose: () => void;
}

/** One session's two files. */
export class FolderRecorder implements SessionRecorder {
  readonly session: SessionId;
  readonly #directory: string;
  readonly #hooks: RecorderHooks;
  readonly #records: AppendFile;
  #frames: AppendFile | undefined;
  #seq = 0;
  #prev: string;
  #missed = 0;
  #sealed = 0;
  #pendingFrames = createHash('sha256');
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
    this.#append(record);
  }

  write(record: Exclude<RecordBody, SessionStart>): void {
    if (record.kind === 'SessionEnd') this.#end(record);
    else this.#append(record);
  }

  frames(bytes: Uint8Array): void {
    this.#mustBeOpen();
    if (bytes.length === 0) return;
    this.#counted(() => {
      this.#frames ??= new AppendFile(join(this.#directory, framesFile));
      this.#frames.append(bytes);
    });
    this.#pendingFrames.update(bytes);
    this.#hooks.onBytes(bytes.length);
    this.#hooks.onDirty();
  }

  sealFrames(): FramesSeal | undefined {
    const seal = this.#peekSeal();
    if (seal === undefined) return undefined;
    this.#sealed += seal.length;
    this.#pendingFrames = createHash('sha256');
    return seal;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#hooks.onClose();
  }

  #end(record: SessionEnd): void {
    const frames = this.#peekSeal();
    this.#append(frames === undefined ? record : { ...record, frames });
    this.#hasEnded = true;
  }

  #peekSeal(): FramesSeal | undefined {
    const length = (this.#frames?.length ?? 0) - this.#sealed;
    if (length === 0) return undefined;
    return { offset: this.#sealed, length, sha256: this.#pendingFrames.copy().digest('hex') };
  }

  #append(record: RecordBody): void {
    this.#mustBeOpen();
    const fields = {
      seq: this.#seq,
      at: new Date(this.#hooks.clock.now()).toISOString(),
      prev: this.#prev,
      ...(this.#missed > 0 && { missed: this.#missed }),
    };
    this.#counted(() => {
      const { line, hash } = encodeLine(fields, record);
      const bytes = Buffer.from(`${line}\n`);
      if (bytes.length > maxLineBytes) throw new CodedError('REC_TOO_LARGE', `a record of ${bytes.length} bytes is too large`);
      this.#records.append(bytes);
      this.#seq += 1;
      this.#prev = hash;
      this.#missed = 0;
      this.#hooks.onBytes(bytes.length);
    });
    this.#hooks.onDirty();
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
