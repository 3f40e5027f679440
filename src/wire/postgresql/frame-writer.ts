import { headerBytes } from './message-type.ts';

/** Builds one frame: fields first, then `frame` puts type and length before them. */
export class FrameWriter {
  readonly #parts: Buffer[] = [];
  #length = 0;

  byte(value: number): this {
    return this.bytes(Buffer.from([value]));
  }

  int16(value: number): this {
    const part = Buffer.allocUnsafe(2);
    part.writeUInt16BE(value);
    return this.bytes(part);
  }

  int32(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeInt32BE(value | 0);
    return this.bytes(part);
  }

  text(value: string): this {
    if (value.includes('\0')) throw new RangeError('a string of the protocol cannot hold NUL');
    return this.bytes(Buffer.from(`${value}\0`, 'utf8'));
  }

  bytes(part: Buffer): this {
    this.#parts.push(part);
    this.#length += part.length;
    return this;
  }

  frame(type: number): Buffer {
    const header = Buffer.allocUnsafe(headerBytes);
    header.writeUInt8(type, 0);
    header.writeUInt32BE(this.#length + 4, 1);
    return Buffer.concat([header, ...this.#parts], this.#length + headerBytes);
  }

  /** A start-up packet: a length and no type. */
  packet(): Buffer {
    const header = Buffer.allocUnsafe(4);
    header.writeUInt32BE(this.#length + 4, 0);
    return Buffer.concat([header, ...this.#parts], this.#length + 4);
  }
}
