import { FrameError } from './frame-error.ts';
import { backendType, headerBytes } from './message-type.ts';

/** Receives what a `BackendScanner` finds, in the order of the stream. */
export interface BackendSink {
  /** Bytes `start` to `end` of `chunk` belong to DataRow and CopyData frames, of which `rows` begin here. PostgreSQL sends one for each row. */
  run(chunk: Buffer, start: number, end: number, rows: number): void;
  /** One whole frame of any other type, header included. */
  control(type: number, frame: Buffer): void;
  /** A row came for which there was no budget. It and those after it are dropped while `isDiscarding` is set. */
  overBudget(): void;
}

/** Frames that must be read whole are held in memory: RowDescription, ErrorResponse and their kind. */
const maxAssembledBytes = 64 * 1024 * 1024;

/**
 * Cuts what the target sends into runs of rows, which pass as the bytes they came in, and single control
 * frames. Looks at five bytes of each frame; nothing is copied or allocated per row.
 */
export class BackendScanner {
  /** Rows that may still pass. */
  rowBudget = Number.POSITIVE_INFINITY;
  /** Rows and copy data are dropped. */
  isDiscarding = false;
  /** Runs consist of whole frames: needed where values are looked into. */
  wholeFrames = false;

  readonly #sink: BackendSink;
  #isStopped = false;
  /** Bytes of a row that are still to come. */
  #streaming = 0;
  #isDroppingCurrent = false;
  readonly #header = Buffer.alloc(headerBytes);
  #headerFilled = 0;
  #assembly: Buffer | undefined;
  #assembled = 0;

  constructor(sink: BackendSink) {
    this.#sink = sink;
  }

  /** Nothing more is handed to the sink, not even the rest of this chunk. */
  stop(): void {
    this.#isStopped = true;
  }

  scan(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#isStopped) {
      if (this.#assembly !== undefined) at = this.#assemble(this.#assembly, chunk, at);
      else if (this.#headerFilled > 0) at = this.#fillHeader(chunk, at);
      else at = this.#scanFrames(chunk, at);
    }
  }

  /** Walks whole headers; returns where it met a frame or header that this chunk does not hold in full. */
  #scanFrames(chunk: Buffer, from: number): number {
    const size = chunk.length;
    let at = from;
    let start = from;
    let rows = 0;
    if (this.#streaming > 0) {
      const step = Math.min(this.#streaming, size - at);
      this.#streaming -= step;
      at += step;
      if (this.#isDroppingCurrent) start = at;
    }
    while (size - at >= headerBytes) {
      const type = chunk[at];
      const length = frameLength(chunk, at);
      if (type !== backendType.DataRow && type !== backendType.CopyData) {
        this.#flush(chunk, start, at, rows);
        return this.#isStopped ? size : this.#controlFrame(chunk, at, length);
      }
      if (!this.isDiscarding && --this.rowBudget < 0) {
        this.#flush(chunk, start, at, rows);
        rows = 0;
        start = at;
        this.#sink.overBudget();
        if (this.#isStopped) return size;
      }
      const isWhole = size - at >= length;
      if (!isWhole && this.wholeFrames && !this.isDiscarding) {
        this.#flush(chunk, start, at, rows);
        return this.#beginAssembly(chunk, at, length);
      }
      const next = isWhole ? at + length : size;
      if (this.isDiscarding) {
        this.#flush(chunk, start, at, rows);
        rows = 0;
        start = next;
      } else rows++;
      this.#streaming = at + length - next;
      this.#isDroppingCurrent = this.isDiscarding;
      at = next;
    }
    this.#flush(chunk, start, at, rows);
    return this.#isStopped ? size : this.#keepHeader(chunk, at);
  }

  #controlFrame(chunk: Buffer, at: number, length: number): number {
    if (chunk.length - at < length) return this.#beginAssembly(chunk, at, length);
    this.#sink.control(chunk.readUInt8(at), chunk.subarray(at, at + length));
    return at + length;
  }

  #flush(chunk: Buffer, start: number, end: number, rows: number): void {
    if (end > start) this.#sink.run(chunk, start, end, rows);
  }

  #keepHeader(chunk: Buffer, at: number): number {
    this.#headerFilled = chunk.copy(this.#header, 0, at);
    return chunk.length;
  }

  /** A header that came in pieces. */
  #fillHeader(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#header, this.#headerFilled, at, at + headerBytes - this.#headerFilled);
    this.#headerFilled += copied;
    if (this.#headerFilled < headerBytes) return at + copied;
    this.#headerFilled = 0;
    // The walk takes a lone header as a chunk of its own: a row then streams on, anything else is assembled.
    this.#scanFrames(Buffer.from(this.#header), 0);
    return at + copied;
  }

  #beginAssembly(chunk: Buffer, at: number, length: number): number {
    if (length > maxAssembledBytes) throw new FrameError('the target sent a message that is too large');
    this.#assembly = Buffer.allocUnsafe(length);
    this.#assembled = chunk.copy(this.#assembly, 0, at);
    return chunk.length;
  }

  #assemble(frame: Buffer, chunk: Buffer, at: number): number {
    const copied = chunk.copy(frame, this.#assembled, at, at + frame.length - this.#assembled);
    this.#assembled += copied;
    if (this.#assembled < frame.length) return at + copied;
    this.#assembly = undefined;
    const type = frame.readUInt8(0);
    if (type === backendType.DataRow || type === backendType.CopyData) this.#flush(frame, 0, frame.length, 1);
    else this.#sink.control(type, frame);
    return at + copied;
  }
}

function frameLength(chunk: Buffer, at: number): number {
  const length = chunk.readUInt32BE(at + 1) + 1;
  if (length < headerBytes || length > 0x7fff_ffff) throw new FrameError('the target sent a message of an impossible length');
  return length;
}
