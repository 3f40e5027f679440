import type { Socket } from 'node:net';
import { FrontendReader, type FrontendFrame } from '../../wire/postgresql/frontend-reader.ts';

/** The client's connection during login, message by message. What it sends beyond stays in the reader for the session. */
export class LoginChannel {
  readonly socket: Socket;
  readonly reader = new FrontendReader();
  #wake: (() => void) | undefined;
  #isClosed = false;
  readonly #onData = (chunk: Buffer): void => {
    this.reader.push(chunk);
    // One message is awaited at a time; what is more waits in the kernel.
    this.socket.pause();
    this.#wake?.();
  };
  readonly #onClose = (): void => {
    this.#isClosed = true;
    this.#wake?.();
  };

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', this.#onData);
    socket.on('end', this.#onClose);
    socket.on('close', this.#onClose);
    socket.on('error', this.#onClose);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Undefined: the client is gone. */
  startup(): Promise<Buffer | undefined> {
    return this.#next(() => this.reader.nextStartup());
  }

  message(): Promise<FrontendFrame | undefined> {
    return this.#next(() => this.reader.next());
  }

  /** Leaves the socket paused, without listeners but one that keeps a late error from ending the process. */
  detach(): void {
    this.socket.pause();
    this.socket.off('data', this.#onData);
    this.socket.off('end', this.#onClose);
    this.socket.off('close', this.#onClose);
    this.socket.on('error', () => undefined);
    this.socket.off('error', this.#onClose);
  }

  async #next<T>(take: () => T | undefined): Promise<T | undefined> {
    for (;;) {
      const found = take();
      if (found !== undefined) return found;
      if (this.#isClosed) return undefined;
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      this.socket.resume();
      await woken;
      this.#wake = undefined;
    }
  }
}
