/** A client that sends the very bytes a test wants, and says what came back. */
import { connect, type Socket } from 'node:net';
import { Parser } from 'pg-protocol/dist/parser.js';
import { serialize } from 'pg-protocol';
import { FrameWriter } from '../../../src/wire/postgresql/frame-writer.ts';
import { token } from './gateway-under-test.ts';

interface Message {
  readonly name: string;
  readonly [field: string]: unknown;
}

export class WireClient {
  readonly socket: Socket;
  readonly seen: Message[] = [];
  isClosed = false;
  readonly #parser = new Parser();
  #wake: (() => void) | undefined;

  /** A port of this machine, or the path of a Unix socket. */
  constructor(where: number | string) {
    this.socket = typeof where === 'number' ? connect(where, '127.0.0.1') : connect(where);
    this.socket.on('data', (chunk: Buffer) => {
      this.#parser.parse(chunk, (message) => this.seen.push({ ...message }));
      this.#wake?.();
    });
    this.socket.on('close', () => {
      this.isClosed = true;
      this.#wake?.();
    });
    this.socket.on('error', () => undefined);
  }

  static async login(port: number, parameters: Record<string, string> = {}): Promise<WireClient> {
    const client = new WireClient(port);
    client.send(serialize.startup({ user: 'anyone', database: 'shop', ...parameters }));
    await client.until('authenticationCleartextPassword');
    client.send(serialize.password(token));
    await client.until('readyForQuery');
    client.seen.length = 0;
    return client;
  }

  /** Logs in where no proof is asked for. */
  static async trusted(path: string, user: string): Promise<WireClient> {
    const client = new WireClient(path);
    client.send(serialize.startup({ user, database: 'shop' }));
    await client.until('readyForQuery');
    client.seen.length = 0;
    return client;
  }

  /** A start-up packet of any version. */
  static startup(major: number, minor: number, parameters: Record<string, string>): Buffer {
    const writer = new FrameWriter().int16(major).int16(minor);
    for (const [name, value] of Object.entries(parameters)) writer.text(name).text(value);
    return writer.byte(0).packet();
  }

  send(...frames: Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** Waits until so many messages of the name were seen since the last `take`. */
  async until(name: string, count = 1): Promise<void> {
    while (this.seen.filter((message) => message.name === name).length < count) {
      if (this.isClosed) throw new Error(`closed before ${name}: ${this.shown().join(' ')}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async closed(): Promise<void> {
    while (!this.isClosed) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** Sends, waits for ReadyForQuery, and gives back what came in short form. */
  async talk(...frames: Buffer[]): Promise<string[]> {
    this.seen.length = 0;
    this.send(...frames);
    await this.until('readyForQuery');
    return this.shown();
  }

  shown(): string[] {
    return this.seen.map((message) => {
      switch (message.name) {
        case 'error':
        case 'notice':
          return `${message.name} ${String(message['code'])}`;
        case 'readyForQuery':
          return `ready ${String(message['status'])}`;
        case 'commandComplete':
          return `done ${String(message['text'])}`;
        case 'dataRow':
          return `row ${(message['fields'] as unknown[]).map(String).join(',')}`;
        default:
          return message.name;
      }
    });
  }
}
