import type { Socket } from 'node:net';
import type { Report } from '../../wire/postgresql/backend-messages.ts';
import { encodeParse, encodeQuery } from '../../wire/postgresql/frontend-messages.ts';
import { frontendType } from '../../wire/postgresql/message-type.ts';
import type { Proofs } from '../session.ts';
import { ByteRun } from './byte-run.ts';
import { ExpectedReplies, type ExpectedReply, type ReplyKind } from './expected-reply.ts';
import type { KnownText } from './known-text.ts';

/** Messages that carry no statement and start none. */
const freeTypes: ReadonlySet<number> = new Set([
  frontendType.Sync,
  frontendType.Flush,
  frontendType.Close,
  frontendType.Describe,
  frontendType.CopyData,
  frontendType.CopyDone,
  frontendType.CopyFail,
  frontendType.Terminate,
]);

/** Certain to be refused by every PostgreSQL, at any point: its grammar has no such statement. */
const poisonText = 'chaperone: denied by policy';
/** Parse without a name would destroy the client's statement that has none. */
const poisonName = 'chaperone.denied';
const poisonQuery = encodeQuery(poisonText);
const poisonParse = encodeParse(poisonName, poisonText, []);

/** The way to the target. What can run something goes by `forward`, which asks for proofs. */
export class TargetLane {
  readonly expected = new ExpectedReplies();
  readonly #socket: Socket;
  readonly #run: ByteRun;
  #isFull = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#run = new ByteRun((bytes, hasMore) => {
      // Pieces leave together, in one system call: a rewritten message and its neighbours are not one piece.
      if (hasMore && socket.writableCorked === 0) socket.cork();
      if (!socket.write(bytes)) this.#isFull = true;
    });
  }

  /** The socket's buffer is full: wait for its `drain`. */
  get isFull(): boolean {
    return this.#isFull;
  }

  drained(): void {
    this.#isFull = false;
  }

  /** Sends what the proofs allow. */
  forward(proofs: Proofs, frame: Buffer, reply: ExpectedReply): void {
    if (proofs.length === 0) throw new Error('nothing is forwarded without proof');
    this.#send(frame, reply);
  }

  /** Sends a message that belongs to a text without any statement. */
  forwardEmpty(known: KnownText, frame: Buffer, reply: ExpectedReply): void {
    if (known.plan.statements.length > 0 || known.plan.text !== known.text) throw new Error('a text with statements needs proofs');
    this.#send(frame, reply);
  }

  /** Sends a message that cannot start anything. */
  protocol(frame: Buffer, reply?: ExpectedReply): void {
    if (!freeTypes.has(frame[0] ?? 0)) throw new Error('a message that can run something needs proofs');
    this.#send(frame, reply);
  }

  /**
   * Makes the target itself refuse, in place of what is denied: so order, pipeline and transaction go on exactly
   * as after any error of its own. The client is told `denial`.
   */
  refuse(kind: 'Query' | 'Poison', denial: Report, action = 0, undo?: ExpectedReply['undo']): ExpectedReply {
    const reply = expectReply(kind, { denial, action, undo });
    this.#send(kind === 'Query' ? poisonQuery : poisonParse, reply);
    return reply;
  }

  flush(): void {
    this.#run.flush();
    if (this.#socket.writableCorked > 0) this.#socket.uncork();
  }

  end(frame: Buffer): void {
    this.flush();
    this.#socket.end(frame);
  }

  #send(frame: Buffer, reply: ExpectedReply | undefined): void {
    if (reply !== undefined) this.expected.push(reply);
    this.#run.add(frame);
  }
}

export function expectReply(kind: ReplyKind, fields: Partial<ExpectedReply> = {}): ExpectedReply {
  return { kind, isHidden: false, action: 0, bytes: 0, statement: 0, rows: 0, ...fields };
}
