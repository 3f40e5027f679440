import { createHash, type Hash, hash as digestOf } from 'node:crypto';

/** Copying more costs more than a hash object does. */
const smallBytes = 16 * 1024;

/** sha256 of frames as they come. Most results are one small piece, which is kept and hashed in one go. */
export class FramesDigest {
  #only: Buffer | undefined;
  #hash: Hash | undefined;

  update(bytes: Uint8Array): void {
    if (this.#only === undefined && this.#hash === undefined && bytes.length <= smallBytes) {
      this.#only = Buffer.from(bytes);
      return;
    }
    this.#hash ??= createHash('sha256').update(this.#only ?? '');
    this.#only = undefined;
    this.#hash.update(bytes);
  }

  /** Of everything since the beginning; more may follow. */
  hex(): string {
    return this.#hash === undefined ? digestOf('sha256', this.#only ?? '') : this.#hash.copy().digest('hex');
  }
}
