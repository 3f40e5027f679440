import { type CommandCompleteMessage, type BackendMessage, DataRowMessage } from 'pg-protocol/dist/messages.js';
import { serialize } from 'pg-protocol';
import { Parser } from 'pg-protocol/dist/parser.js';
import { rejection } from './target-authentication.ts';
import { dialTarget, type DialOptions, type TargetConnection, type TargetOptions } from './target.ts';
import { TargetError } from './target-error.ts';

/** A row as PostgreSQL wrote it: text, or null. */
export type TextRow = readonly (string | null)[];

interface Pending {
  readonly resolve: (rows: TextRow[]) => void;
  readonly reject: (error: Error) => void;
  readonly rows: TextRow[];
  error?: TargetError;
}

/**
 * The gateway's own queries, never an agent's: simple protocol, text, one at a time. It logs in exactly as a
 * session does, so that no second client has TLS and password rules of its own.
 */
export class ControlQuery {
  readonly #connection: TargetConnection;
  readonly #parser = new Parser();
  #pending: Pending | undefined;
  #failure: TargetError | undefined;

  private constructor(connection: TargetConnection) {
    this.#connection = connection;
    const { socket } = connection;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(new TargetError('TargetUnreachable', `the connection to the target broke: ${error.message}`, { cause: error })));
    socket.on('close', () => this.#fail(new TargetError('TargetUnreachable', 'the target closed the connection')));
    if (connection.leftover.length > 0) this.#receive(connection.leftover);
    socket.resume();
  }

  static async open(target: TargetOptions, options?: DialOptions): Promise<ControlQuery> {
    return new ControlQuery(await dialTarget(target, options));
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  /** The rows of the last statement of the text that returned any. */
  async query(text: string, timeoutMs: number): Promise<TextRow[]> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#pending !== undefined) throw new Error('one query at a time');
    const timer = setTimeout(() => this.#fail(new TargetError('TargetUnreachable', `the target did not answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      return await new Promise((resolve, reject) => {
        this.#pending = { resolve, reject, rows: [] };
        this.#connection.socket.write(serialize.query(text));
      });
    } finally {
      clearTimeout(timer);
      this.#pending = undefined;
    }
  }

  close(): void {
    if (this.isOpen) this.#connection.socket.write(serialize.end());
    this.#fail(new TargetError('TargetUnreachable', 'closed'));
  }

  #receive(chunk: Buffer): void {
    try {
      this.#parser.parse(chunk, (message) => this.#handle(message));
    } catch (thrown) {
      this.#fail(new TargetError('TargetRejected', 'the target sent a message that cannot be read', { cause: thrown }));
    }
  }

  #handle(message: BackendMessage | CommandCompleteMessage): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    if (message instanceof DataRowMessage) pending.rows.push(message.fields as TextRow);
    else if (message.name === 'rowDescription') pending.rows.length = 0;
    else if (message.name === 'error') pending.error = rejection(message);
    else if (message.name === 'readyForQuery') {
      if (pending.error === undefined) pending.resolve(pending.rows);
      else pending.reject(pending.error);
    }
  }

  #fail(error: TargetError): void {
    this.#failure ??= error;
    this.#connection.socket.destroy();
    this.#pending?.reject(this.#pending.error ?? this.#failure);
  }
}
