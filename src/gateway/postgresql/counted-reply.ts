import type { Report } from '../../wire/postgresql/backend-messages.ts';
import { rowsOfTag } from '../../wire/postgresql/backend-messages.ts';
import { flushFrame, syncFrame } from '../../wire/postgresql/frontend-messages.ts';
import type { Conversation } from './conversation.ts';
import type { ExpectedReply } from './expected-reply.ts';
import { errorReport } from './reports.ts';
import { expectReply } from './target-lane.ts';

/**
 * What becomes of a write under `maxRows` once its rows are counted. Sync has not been sent by then, so that the
 * target commits nothing before; a simple query, which has none, gets one from us.
 */
export class CountedReply {
  readonly #talk: Conversation;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  /** Why the write must be taken back; undefined when it is within its bounds. */
  excess(head: ExpectedReply, tag: string | undefined): Report | undefined {
    const { client } = this.#talk;
    const changed = rowsOfTag(tag ?? '') ?? 0;
    const allowed = head.maxRows ?? 0;
    if (client.holdsTooMuch) {
      return errorReport('42501', 'the rows that the statement returns are too many to be held until they are counted; nothing was changed', 'leave RETURNING out');
    }
    if (changed <= allowed) return undefined;
    const message = `the statement would change ${changed} rows, the rule allows ${allowed}; nothing was changed`;
    return errorReport('42501', message, 'narrow the WHERE, or ask for a rule with a higher maxRows');
  }

  /** Makes the target itself fail in its place, so that it takes everything back. */
  takeBack(head: ExpectedReply, denial: Report): void {
    const talk = this.#talk;
    talk.client.dropHeld();
    talk.target.expected.shift();
    const poison = talk.target.refuse('Poison', denial, head.action);
    if (head.isWholeQuery === true) {
      this.#sync(expectReply('Sync'));
      return;
    }
    talk.waitingFor = poison;
    // The client's Sync comes behind; without one the target would not answer yet.
    talk.target.protocol(flushFrame);
    talk.target.flush();
  }

  /** The write is within its bounds: commit it, and let the client see it only when that has succeeded. */
  commit(head: ExpectedReply): void {
    this.#talk.target.expected.shift();
    this.#sync(expectReply('Sync', { action: head.action, rows: head.rows, ...(head.tag !== undefined && { tag: head.tag }) }));
  }

  /** A simple query that was run as an extended one has failed: the client sends no Sync, so we do. */
  end(): void {
    this.#talk.isSkipping = false;
    this.#sync(expectReply('Sync'));
  }

  #sync(sync: ExpectedReply): void {
    const talk = this.#talk;
    talk.syncsSent++;
    talk.target.protocol(syncFrame, sync);
    talk.target.flush();
    talk.waitingFor = sync;
  }
}
