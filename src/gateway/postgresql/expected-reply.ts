import type { Report } from '../../wire/postgresql/backend-messages.ts';
import type { KnownText } from './known-text.ts';
import type { Portal, Prepared } from './named-statements.ts';

export type ReplyKind = 'Query' | 'Parse' | 'Bind' | 'Describe' | 'Execute' | 'Close' | 'Sync' | 'Poison';

/**
 * Takes back what the session noted when a message was sent. `wasReached`: the target looked at it and refused;
 * `completed`: so many statements of its text had succeeded before.
 */
export type Undo = (wasReached: boolean, completed: number) => void;

/** What was sent to the target and not answered in full yet. */
export interface ExpectedReply {
  readonly kind: ReplyKind;
  /** Of our own making: the client must not see the answer. */
  readonly isHidden: boolean;
  /** The client did not ask for a description: only a RowDescription is for it. */
  readonly hidesNoData?: boolean;
  /** An Execute that stands for a whole simple query. */
  readonly isWholeQuery?: boolean;
  readonly known?: KnownText | undefined;
  readonly portal?: Portal | undefined;
  /** The cursor that a FETCH reads: its rows are counted over all portions. */
  readonly cursor?: Portal | undefined;
  /** What is described. */
  readonly prepared?: Prepared | undefined;
  /** The record that the result belongs to; 0 when there is none. */
  readonly action: number;
  /** What is kept until it is answered, beside the reply itself. */
  readonly bytes: number;
  /** Which statement of the text is running. */
  statement: number;
  rows: number;
  /** Command tags so far. */
  tag?: string;
  error?: { readonly sqlstate: string; readonly message: string };
  /** What the client is told in place of the target's error. */
  readonly denial?: Report | undefined;
  /** Why rows or the statement itself were cut short; replaces whatever the target says at the end. */
  cutShort?: Report;
  /** The most rows that the statement may change; rows and completion are held until they are counted. */
  readonly maxRows?: number | undefined;
  /** From this reply on nothing is shown before rows are counted. */
  readonly beginsHolding?: boolean;
  readonly undo?: Undo | undefined;
  /** What it runs by name withholds its errors. */
  readonly withholdsErrors?: boolean;
}

/** Replies come in the order of requests. A ring would save little: `shift` is cheap on queues this short. */
export class ExpectedReplies {
  readonly #queue: ExpectedReply[] = [];
  #at = 0;
  #bytes = 0;

  get head(): ExpectedReply | undefined {
    return this.#queue[this.#at];
  }

  get isEmpty(): boolean {
    return this.#at === this.#queue.length;
  }

  get size(): number {
    return this.#queue.length - this.#at;
  }

  /** What all of them keep. */
  get bytes(): number {
    return this.#bytes;
  }

  push(reply: ExpectedReply): void {
    this.#bytes += reply.bytes;
    this.#queue.push(reply);
  }

  /** Removes the head. */
  shift(): void {
    this.#bytes -= this.head?.bytes ?? 0;
    this.#at++;
    if (this.#at === this.#queue.length || this.#at > 1024) {
      this.#queue.splice(0, this.#at);
      this.#at = 0;
    }
  }

  /** Takes out everything before the next Sync: an error made the target skip it. */
  skipToSync(): ExpectedReply[] {
    const found = this.#queue.findIndex((reply, index) => index >= this.#at && reply.kind === 'Sync');
    const end = found < 0 ? this.#queue.length : found;
    const skipped = this.#queue.slice(this.#at, end);
    for (const { bytes } of skipped) this.#bytes -= bytes;
    this.#queue.splice(0, end);
    this.#at = 0;
    return skipped;
  }

  /** The first that is still unanswered and of that kind. */
  find(isWanted: (reply: ExpectedReply) => boolean): ExpectedReply | undefined {
    for (let at = this.#at; at < this.#queue.length; at++) {
      const reply = this.#queue[at];
      if (reply !== undefined && isWanted(reply)) return reply;
    }
    return undefined;
  }

  /** Everything that is still unanswered. */
  rest(): ExpectedReply[] {
    return this.#queue.slice(this.#at);
  }
}
