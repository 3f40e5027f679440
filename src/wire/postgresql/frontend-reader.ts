import { FrameError } from './frame-error.ts';
import { frontendType, headerBytes } from './message-type.ts';
import { startupLength } from './startup-packet.ts';

/** One message from a client, or for CopyData a run of bytes that begins or ends anywhere in such messages. */
export interface FrontendFrame {
  readonly type: number;
  /** Header included. A view of the bytes as they came wherever one chunk held them all. */
  readonly frame: Buffer;
  /** The message is larger than its kind may be: `frame` is its header alone, the rest is thrown away as it comes. */
  readonly isTooLarge: boolean;
}

const kibi = 1024;
const mebi = 1024 * kibi;
const maxFrameBytes = 1024 * mebi;

/** Texts are capped by the planner at 1 MiB; a name and parameter types fit beside them. */
const textCap = mebi + 64 * kibi;

/** What a message of each type may measure. Beyond it, those of `refusable` are refused in band and others end the session. */
const caps: ReadonlyMap<number, number> = new Map([
  [frontendType.Query, textCap],
  [frontendType.Parse, textCap],
  [frontendType.Bind, 64 * mebi],
  [frontendType.FunctionCall, 64 * mebi],
  [frontendType.Execute, 64 * kibi],
  [frontendType.Describe, 64 * kibi],
  [frontendType.Close, 64 * kibi],
  [frontendType.CopyFail, 64 * kibi],
  [frontendType.Password, 16 * kibi + headerBytes + 1],
  [frontendType.Sync, headerBytes],
  [frontendType.Flush, headerBytes],
  [frontendType.Terminate, headerBytes],
  [frontendType.CopyDone, headerBytes],
  [frontendType.CopyData, maxFrameBytes],
]);

/** Chunks smaller than this are joined to the one before, while that is not large. */
const smallBytes = 512;
const joinedBytes = 8 * kibi;

const refusable: ReadonlySet<number> = new Set([frontendType.Query, frontendType.Parse, frontendType.Bind, frontendType.FunctionCall]);

/**
 * Cuts what a client sends into messages, on demand: the caller takes the next one when it is ready for it.
 * Bytes are copied only where a message came in pieces, and then once.
 */
export class FrontendReader {
  #chunks: Buffer[] = [];
  #at = 0;
  #buffered = 0;
  /** Bytes of a CopyData message that are still to come. */
  #streaming = 0;
  /** Bytes of a message that is too large, to be thrown away. */
  #skipping = 0;

  /** Bytes taken in and not yet handed out. */
  get buffered(): number {
    return this.#buffered;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#buffered += chunk.length;
    const last = this.#chunks.at(-1);
    // Each chunk weighs more than a few bytes: a message that comes byte by byte must not weigh a hundred times itself.
    if (last !== undefined && chunk.length < smallBytes && last.length < joinedBytes) this.#chunks[this.#chunks.length - 1] = Buffer.concat([last, chunk]);
    else this.#chunks.push(chunk);
  }

  /** The start-up packet, which has no type byte. */
  nextStartup(): Buffer | undefined {
    const head = this.#head(4);
    if (head === undefined) return undefined;
    const length = startupLength(head.subarray(this.#at));
    return length === undefined ? undefined : this.#takeFrame(length);
  }

  next(): FrontendFrame | undefined {
    if (this.#skipping > 0) this.#skip();
    if (this.#streaming > 0) return this.#takeStream();
    const head = this.#head(headerBytes);
    if (head === undefined || this.#skipping > 0) return undefined;
    const type = head.readUInt8(this.#at);
    const length = head.readUInt32BE(this.#at + 1) + 1;
    const cap = caps.get(type);
    if (cap === undefined) throw new FrameError(`a message of the unknown type 0x${type.toString(16)}`);
    if (length < headerBytes || length > maxFrameBytes) throw new FrameError('the length of a message is out of bounds');
    if (type === frontendType.CopyData) return this.#takeStream();
    if (length > cap) return this.#takeTooLarge(type, length);
    const frame = this.#takeFrame(length);
    return frame === undefined ? undefined : { type, frame, isTooLarge: false };
  }

  #takeTooLarge(type: number, length: number): FrontendFrame {
    if (!refusable.has(type)) throw new FrameError('a message is larger than its kind may be');
    const frame = this.#take(headerBytes);
    this.#skipping = length - headerBytes;
    return { type, frame, isTooLarge: true };
  }

  /** As many bytes of CopyData messages as stand in one piece. */
  #takeStream(): FrontendFrame | undefined {
    const head = this.#head(1);
    if (head === undefined) return undefined;
    let end = this.#at;
    for (;;) {
      const step = Math.min(this.#streaming, head.length - end);
      this.#streaming -= step;
      end += step;
      if (head.length - end < headerBytes || head.readUInt8(end) !== frontendType.CopyData) break;
      const length = head.readUInt32BE(end + 1) + 1;
      if (length < headerBytes || length > maxFrameBytes) throw new FrameError('the length of a message is out of bounds');
      this.#streaming = length;
    }
    return { type: frontendType.CopyData, frame: this.#take(end - this.#at), isTooLarge: false };
  }

  #skip(): void {
    while (this.#skipping > 0) {
      const head = this.#chunks[0];
      if (head === undefined) return;
      const step = Math.min(this.#skipping, head.length - this.#at);
      this.#skipping -= step;
      this.#advance(head, step);
    }
  }

  /** The first chunk, with at least so many bytes to read at `#at`; undefined when they are not there yet. */
  #head(bytes: number): Buffer | undefined {
    const head = this.#chunks[0];
    if (head === undefined || this.#buffered < bytes) return undefined;
    return head.length - this.#at >= bytes ? head : this.#join();
  }

  #takeFrame(length: number): Buffer | undefined {
    return this.#buffered < length ? undefined : this.#take(length);
  }

  #take(length: number): Buffer {
    const first = this.#chunks[0];
    const head = first !== undefined && first.length - this.#at >= length ? first : this.#join();
    const frame = head.subarray(this.#at, this.#at + length);
    this.#advance(head, length);
    return frame;
  }

  #advance(head: Buffer, bytes: number): void {
    this.#at += bytes;
    this.#buffered -= bytes;
    if (this.#at < head.length) return;
    this.#chunks.shift();
    this.#at = 0;
  }

  #join(): Buffer {
    const joined = Buffer.concat(this.#chunks).subarray(this.#at);
    this.#chunks = [joined];
    this.#at = 0;
    return joined;
  }
}
