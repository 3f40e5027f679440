import { closeSync, constants, fsync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { CodedError, messageOf } from '../lib/coded-error.ts';

const flags = constants.O_CREAT | constants.O_EXCL | constants.O_APPEND | constants.O_WRONLY | constants.O_NOFOLLOW;

/** A new file that only grows, by whole appends: one that fails half-way is taken back. */
export class AppendFile {
  readonly #fd: number;
  readonly #path: string;
  #length = 0;
  #failure: CodedError | undefined;
  #isClosed = false;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, flags, 0o600);
  }

  get length(): number {
    return this.#length;
  }

  /** Throws once the file is broken or closed. */
  mustBeUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Returns after write(2) took every byte. */
  append(bytes: Uint8Array): void {
    this.mustBeUsable();
    let written = 0;
    try {
      while (written < bytes.length) {
        const count = writeSync(this.#fd, bytes, written, bytes.length - written);
        if (count === 0) throw new Error('write(2) took nothing');
        written += count;
      }
    } catch (cause) {
      if (written > 0) this.#takeBack();
      throw new CodedError('REC_WRITE', `cannot write the recording: ${messageOf(cause)}`, { cause });
    }
    this.#length += bytes.length;
  }

  /** A file whose data the device has lost, or whose torn end stays, must not look usable again. */
  fail(cause: unknown): void {
    this.#failure ??= new CodedError('REC_FAILED', `the recording ${this.#path} is broken: ${messageOf(cause)}`, { cause });
  }

  /** A closed file has nothing left to sync: its number may name another file by now. */
  sync(done: (error: Error | null) => void): void {
    if (this.#isClosed) done(null);
    else fsync(this.#fd, done);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#failure ??= new CodedError('REC_CLOSED', 'the recording is closed');
    closeSync(this.#fd);
  }

  #takeBack(): void {
    try {
      ftruncateSync(this.#fd, this.#length);
    } catch (cause) {
      this.fail(cause);
    }
  }
}
