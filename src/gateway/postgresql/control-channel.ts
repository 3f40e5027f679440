import type { Socket } from 'node:net';
import type { BackendMessage } from 'pg-protocol/dist/messages.js';
import { Parser } from 'pg-protocol/dist/parser.js';
import { messageOf } from '../../lib/coded-error.ts';
import { TargetError } from './target-error.ts';

const headerBytes = 5;
/** What precedes a session is small; pg-protocol itself would wait for 2 GiB. */
const maxFrameBytes = 65_536;

/**
 * The target's messages one at a time, for the conversation before a session starts. Frames are cut here and
 * only read by pg-protocol, so that what follows the last one is known to the byte and handed on untouched.
 */
export class ControlChannel {
  readonly #socket: Socket;
  readonly #parser = new Parser();
  #bytes: Buffer = Buffer.alloc(0);
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#onData).on('error', this.#onError).on('close', this.#onClose);
    socket.resume();
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  async next(): Promise<BackendMessage> {
    for (;;) {
      const frame = this.#take();
      if (frame !== undefined) return this.#read(frame);
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Lets go of the socket, paused, and hands over what it had already received. */
  detach(): Buffer {
    this.#socket.pause();
    this.#socket.off('data', this.#onData).off('error', this.#onError).off('close', this.#onClose);
    return this.#bytes;
  }

  #take(): Buffer | undefined {
    if (this.#bytes.length < headerBytes) return undefined;
    const length = this.#bytes.readUInt32BE(1);
    if (length < 4 || length > maxFrameBytes) throw new TargetError('TargetRejected', 'the target does not speak the PostgreSQL protocol');
    if (this.#bytes.length < length + 1) return undefined;
    const frame = this.#bytes.subarray(0, length + 1);
    this.#bytes = this.#bytes.subarray(length + 1);
    return frame;
  }

  #read(frame: Buffer): BackendMessage {
    let message: BackendMessage | undefined;
    try {
      // A copy: the parser reads salts and strings out of the buffer that it was given.
      this.#parser.parse(Buffer.from(frame), (read) => (message = read));
    } catch (thrown) {
      throw new TargetError('TargetRejected', `the target sent a message that cannot be read: ${messageOf(thrown)}`, { cause: thrown });
    }
    if (message === undefined) throw new TargetError('TargetRejected', 'the target sent a message that cannot be read');
    return message;
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    this.#wake?.();
  };

  readonly #onError = (error: Error): void => {
    this.#failure ??= new TargetError('TargetUnreachable', `the connection to the target broke: ${error.message}`, { cause: error });
    this.#wake?.();
  };

  readonly #onClose = (): void => {
    this.#failure ??= new TargetError('TargetUnreachable', 'the target closed the connection');
    this.#wake?.();
  };
}
