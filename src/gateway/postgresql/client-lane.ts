import type { Socket } from 'node:net';
import { encodeError, encodeNotice, type Report } from '../../wire/postgresql/backend-messages.ts';
import { ByteRun } from './byte-run.ts';
import { closeWith } from './last-words.ts';

/** How results are recorded, as far as they are. */
interface ResultRecorder {
  readonly recordsResults: boolean;
  /** False means that they must not be sent. */
  frames(bytes: Uint8Array): boolean;
}

interface Held {
  readonly bytes: Buffer;
  readonly isResult: boolean;
}

/** Rows of a write under `maxRows` wait here until the rows are counted. */
const maxHeldBytes = 16 * 1024 * 1024;

/** The way back to the client. What is recorded as a result is recorded before it is sent. */
export class ClientLane {
  readonly #socket: Socket;
  readonly #out: ByteRun;
  readonly #results: ByteRun;
  readonly #recorder: ResultRecorder;
  #isFull = false;
  #isBlocked = false;
  #held: Held[] | undefined;
  #heldBytes = 0;

  constructor(socket: Socket, recorder: ResultRecorder) {
    this.#socket = socket;
    this.#recorder = recorder;
    this.#out = new ByteRun((bytes, hasMore) => {
      this.#results.flush();
      if (this.#isBlocked) return;
      if (hasMore && socket.writableCorked === 0) socket.cork();
      if (!socket.write(bytes)) this.#isFull = true;
    });
    this.#results = new ByteRun((bytes) => {
      if (!this.#recorder.frames(bytes)) this.#isBlocked = true;
    });
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** A result could not be recorded: nothing more goes out. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  drained(): void {
    this.#isFull = false;
  }

  send(frame: Buffer): void {
    if (this.#held !== undefined) this.#hold(frame, false);
    else this.#out.add(frame);
  }

  error(report: Report): void {
    this.#out.add(encodeError(report));
  }

  notice(report: Report): void {
    this.#out.add(encodeNotice(report));
  }

  /** RowDescription, DataRow and CopyData. */
  result(chunk: Buffer, start = 0, end = chunk.length): void {
    if (this.#held !== undefined) {
      this.#hold(chunk.subarray(start, end), true);
      return;
    }
    if (this.#recorder.recordsResults) this.#results.add(chunk, start, end);
    this.#out.add(chunk, start, end);
  }

  /** From here on nothing goes out until it is released or dropped. */
  hold(): void {
    this.#held ??= [];
    this.#heldBytes = 0;
  }

  get isHolding(): boolean {
    return this.#held !== undefined;
  }

  get holdsTooMuch(): boolean {
    return this.#heldBytes > maxHeldBytes;
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const { bytes, isResult } of held) {
      if (isResult) this.result(bytes);
      else this.send(bytes);
    }
  }

  dropHeld(): void {
    this.#held = undefined;
  }

  /** Hands results to the recorder: before the record that vouches for them, and before they are sent. */
  flushResults(): void {
    this.#results.flush();
  }

  flush(): void {
    this.#results.flush();
    this.#out.flush();
    if (this.#socket.writableCorked > 0) this.#socket.uncork();
  }

  end(report: Report | undefined): void {
    this.#held = undefined;
    this.flush();
    // Past the block on results that could not be recorded: this says why.
    closeWith(this.#socket, report === undefined ? undefined : encodeError(report));
  }

  #hold(bytes: Buffer, isResult: boolean): void {
    this.#heldBytes += bytes.length;
    if (!this.holdsTooMuch) this.#held?.push({ bytes, isResult });
  }
}
