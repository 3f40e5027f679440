/**
 * Collects bytes for one receiver and joins neighbours: frames that came in one chunk, and are passed on one by
 * one, leave as the one piece that they came in.
 */
export class ByteRun {
  readonly #emit: (bytes: Buffer, hasMore: boolean) => void;
  #buffer: Buffer | undefined;
  #start = 0;
  #end = 0;

  /** `hasMore`: another piece follows before or with the next `flush`. */
  constructor(emit: (bytes: Buffer, hasMore: boolean) => void) {
    this.#emit = emit;
  }

  add(bytes: Buffer, start = 0, end = bytes.length): void {
    const offset = bytes.byteOffset + start;
    if (this.#buffer?.buffer === bytes.buffer && offset === this.#end) {
      this.#end += end - start;
      return;
    }
    this.#emitPiece(true);
    this.#buffer = bytes;
    this.#start = offset;
    this.#end = offset + end - start;
  }

  flush(): void {
    this.#emitPiece(false);
  }

  #emitPiece(hasMore: boolean): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    this.#buffer = undefined;
    const from = this.#start - buffer.byteOffset;
    const length = this.#end - this.#start;
    this.#emit(from >= 0 && from + length <= buffer.length ? buffer.subarray(from, from + length) : Buffer.from(buffer.buffer, this.#start, length), hasMore);
  }
}
