import { FrameError } from './frame-error.ts';
import { headerBytes } from './message-type.ts';

/** Reads the fields of one frame in order, and never past its end. */
export class FrameCursor {
  readonly #frame: Buffer;
  #at: number;

  constructor(frame: Buffer, at = headerBytes) {
    this.#frame = frame;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#frame.length;
  }

  byte(): number {
    return this.#frame.readUInt8(this.#take(1));
  }

  int16(): number {
    return this.#frame.readUInt16BE(this.#take(2));
  }

  int32(): number {
    return this.#frame.readInt32BE(this.#take(4));
  }

  uint32(): number {
    return this.#frame.readUInt32BE(this.#take(4));
  }

  bytes(length: number): Buffer {
    const start = this.#take(length);
    return this.#frame.subarray(start, start + length);
  }

  /** A string up to its closing NUL. Bytes that are not UTF-8 come out as U+FFFD; see `isUtf8`. */
  text(): string {
    const end = this.#frame.indexOf(0, this.#at);
    if (end < 0) throw new FrameError('a string has no end');
    const text = this.#frame.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  /** Closes the frame: bytes left over mean that we and the sender disagree about its fields. */
  end(): void {
    if (!this.isAtEnd) throw new FrameError('a message is longer than its fields');
  }

  #take(length: number): number {
    const start = this.#at;
    if (length < 0 || start + length > this.#frame.length) throw new FrameError('a message is shorter than its fields');
    this.#at = start + length;
    return start;
  }
}
