/**
 * A PostgreSQL client that keeps every byte it was ever sent. It encodes and cuts frames by itself, so that a
 * mistake in the product's own code is not made twice.
 */
import { connect, type Socket } from 'node:net';

export interface RawFrame {
  readonly type: string;
  readonly body: Buffer;
}

export interface RawOptions {
  readonly host?: string;
  readonly port: number;
  readonly password?: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

type Field = string | number | null;

/** Result columns in text or in binary. */
export type Format = 'text' | 'binary';

const formatCode: Readonly<Record<Format, number>> = { text: 0, binary: 1 };

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function cstring(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

export function frame(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

export function startupFrame(parameters: Readonly<Record<string, string>>, version = 196_608): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [cstring(name), cstring(value)]);
  return packet(int32(version), ...pairs, Buffer.alloc(1));
}

/** A message without a type, as before the login. */
export function packet(...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([int32(body.length + 4), body]);
}

export function cancelFrame(processId: number, key: Buffer): Buffer {
  return packet(int32(80_877_102), int32(processId), key);
}

export const messages = {
  query: (text: string): Buffer => frame('Q', cstring(text)),
  parse: (text: string, name = '', types: readonly number[] = []): Buffer => frame('P', cstring(name), cstring(text), int16(types.length), ...types.map(int32)),
  bind: (parameters: readonly Field[] = [], { portal = '', statement = '', format = 'text' }: { portal?: string; statement?: string; format?: Format } = {}): Buffer => {
    const values = parameters.map((value) => {
      if (value === null) return int32(-1);
      const bytes = Buffer.from(String(value));
      return Buffer.concat([int32(bytes.length), bytes]);
    });
    return frame('B', cstring(portal), cstring(statement), int16(0), int16(parameters.length), ...values, int16(1), int16(formatCode[format]));
  },
  describe: (kind: 'S' | 'P', name = ''): Buffer => frame('D', Buffer.from(kind), cstring(name)),
  execute: (rows = 0, portal = ''): Buffer => frame('E', cstring(portal), int32(rows)),
  close: (kind: 'S' | 'P', name = ''): Buffer => frame('C', Buffer.from(kind), cstring(name)),
  flush: frame('H'),
  sync: frame('S'),
  terminate: frame('X'),
  copyData: (data: Buffer | string): Buffer => frame('d', Buffer.from(data)),
  copyDone: frame('c'),
  copyFail: (why: string): Buffer => frame('f', cstring(why)),
  password: (text: string): Buffer => frame('p', cstring(text)),
} as const;

export class RawClient {
  readonly socket: Socket;
  /** Every byte that came, from the first. */
  readonly #chunks: Buffer[] = [];
  #pending: Buffer = Buffer.alloc(0);
  readonly frames: RawFrame[] = [];
  isClosed = false;
  #wake: () => void = () => undefined;

  constructor(port: number, host = '127.0.0.1') {
    this.socket = connect({ port, host, noDelay: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#pending = Buffer.concat([this.#pending, chunk]);
      this.#cut();
      this.#wake();
    });
    this.socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
    this.socket.on('error', () => undefined);
  }

  /** Logs in with a password in the clear, or with none where none is asked for. */
  static async login({ port, host, password, parameters }: RawOptions): Promise<RawClient> {
    const client = new RawClient(port, host);
    client.send(startupFrame({ user: 'agent', database: 'shop', ...parameters }));
    await client.#until(() => client.frames.some(({ type }) => type === 'R' || type === 'E'));
    const asked = client.frames.find(({ type }) => type === 'R')?.body.readInt32BE();
    if (asked === 3 && password !== undefined) client.send(messages.password(password));
    await client.#until(() => client.frames.some(({ type }) => type === 'Z' || type === 'E'));
    return client;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  send(...frames: Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** Sends and waits for so many more ReadyForQuery, or for the end. The frames that came meanwhile. */
  async talk(frames: Buffer | readonly Buffer[], ready = 1): Promise<readonly RawFrame[]> {
    const before = this.frames.length;
    const wanted = this.#ready + ready;
    this.send(...(Buffer.isBuffer(frames) ? [frames] : frames));
    await this.#until(() => this.#ready >= wanted || this.isClosed);
    return this.frames.slice(before);
  }

  query(text: string): Promise<readonly RawFrame[]> {
    return this.talk(messages.query(text));
  }

  /** Parse, Describe, Bind, Execute and Sync in one go. */
  extended(text: string, format: Format = 'text', parameters: readonly Field[] = []): Promise<readonly RawFrame[]> {
    return this.talk([messages.parse(text), messages.describe('S'), messages.bind(parameters, { format }), messages.execute(), messages.sync]);
  }

  /** Waits until a frame of one of the types came after the first `from`. */
  async until(types: string, from = 0): Promise<RawFrame> {
    const find = (): RawFrame | undefined => this.frames.slice(from).find(({ type }) => types.includes(type));
    await this.#until(() => find() !== undefined || this.isClosed);
    const found = find();
    if (found === undefined) throw new Error(`the connection closed before ${types}: ${this.errors.join('; ')}`);
    return found;
  }

  async closed(): Promise<void> {
    await this.#until(() => this.isClosed);
  }

  get #ready(): number {
    return this.frames.filter(({ type }) => type === 'Z').length;
  }

  /** `SQLSTATE message` of each error so far. */
  get errors(): string[] {
    return this.frames.filter(({ type }) => type === 'E').map((each) => `${fieldOf(each, 'C')} ${fieldOf(each, 'M')}`);
  }

  end(): void {
    this.socket.end(messages.terminate);
    this.socket.destroySoon();
  }

  #cut(): void {
    while (this.#pending.length >= 5) {
      const length = this.#pending.readInt32BE(1);
      if (this.#pending.length < length + 1) return;
      this.frames.push({ type: String.fromCharCode(this.#pending[0] ?? 0), body: this.#pending.subarray(5, length + 1) });
      this.#pending = this.#pending.subarray(length + 1);
    }
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      if (this.isClosed) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** A field of an ErrorResponse or NoticeResponse. */
export function fieldOf({ body }: RawFrame, code: string): string {
  const found = body.toString().split('\0').find((field) => field.startsWith(code));
  return found?.slice(1) ?? '';
}

/** The values of a DataRow; NULL is undefined. */
export function valuesOf({ body }: RawFrame): (Buffer | undefined)[] {
  const values: (Buffer | undefined)[] = [];
  let at = 2;
  for (let left = body.readInt16BE(); left > 0; left--) {
    const length = body.readInt32BE(at);
    at += 4;
    values.push(length < 0 ? undefined : body.subarray(at, at + length));
    at += Math.max(0, length);
  }
  return values;
}

/** Rows as text, for messages of tests. */
export function rowsOf(frames: readonly RawFrame[]): (string | undefined)[][] {
  return frames.filter(({ type }) => type === 'D').map((each) => valuesOf(each).map((value) => value?.toString()));
}
