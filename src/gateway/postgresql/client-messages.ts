import { FrameError } from '../../wire/postgresql/frame-error.ts';
import { flushFrame } from '../../wire/postgresql/frontend-messages.ts';
import type { FrontendFrame } from '../../wire/postgresql/frontend-reader.ts';
import { frontendType } from '../../wire/postgresql/message-type.ts';
import type { Conversation } from './conversation.ts';
import { ExtendedQueries } from './extended-queries.ts';
import { HeldNames } from './held-names.ts';
import { errorReport } from './reports.ts';
import { SimpleQueries } from './simple-queries.ts';
import { expectReply } from './target-lane.ts';

/** What the client says: each message is decided, noted, and sent on or refused in its place. */
export class ClientMessages {
  readonly #talk: Conversation;
  readonly #simple: SimpleQueries;
  readonly #extended: ExtendedQueries;

  constructor(talk: Conversation) {
    this.#talk = talk;
    const held = new HeldNames(talk);
    this.#simple = new SimpleQueries(talk, held);
    this.#extended = new ExtendedQueries(talk, held);
  }

  /** False: nothing was done, the same message must be given again later. */
  take(message: FrontendFrame): boolean {
    const isTaken = this.#take(message);
    if (isTaken) this.#talk.hasLooked = false;
    return isTaken;
  }

  #take({ type, frame, isTooLarge }: FrontendFrame): boolean {
    const talk = this.#talk;
    talk.awaitedBatch = undefined;
    if (talk.isCopyingIn) {
      this.#copyIn(type, frame);
      return true;
    }
    // As the target does: after an error everything is dropped up to Sync.
    if (talk.isSkipping && type !== frontendType.Sync) return true;
    if (isTooLarge) {
      talk.refuse(type === frontendType.Parse || type === frontendType.Bind ? 'Poison' : 'Query', errorReport('54000', 'the message is too large'));
      return true;
    }
    switch (type) {
      case frontendType.Query:
        return this.#simple.query(frame);
      case frontendType.Parse:
        return this.#extended.parse(frame);
      case frontendType.Bind:
        return this.#extended.bind(frame);
      case frontendType.Describe:
        return this.#extended.describe(frame);
      case frontendType.Execute:
        return this.#extended.execute(frame);
      default:
        this.#takeAtOnce(type, frame);
        return true;
    }
  }

  #takeAtOnce(type: number, frame: Buffer): void {
    const talk = this.#talk;
    switch (type) {
      case frontendType.Close:
        this.#extended.close(frame);
        return;
      case frontendType.Flush:
        talk.target.protocol(frame);
        return;
      case frontendType.Sync:
        this.#sync(frame);
        return;
      case frontendType.FunctionCall:
        talk.refuse('Query', errorReport('0A000', 'the fast-path function call is not supported', 'call the function in a SELECT'));
        return;
      case frontendType.CopyData:
      case frontendType.CopyDone:
      case frontendType.CopyFail:
        // What the target would ignore: the COPY that it was meant for has failed.
        return;
      default:
        throw new FrameError('a message that has no place here');
    }
  }

  #copyIn(type: number, frame: Buffer): void {
    const talk = this.#talk;
    switch (type) {
      case frontendType.CopyData:
        if (!talk.copiedIn.take(frame)) {
          talk.life.end('RecordingFailed', errorReport('58030', 'recording failed'));
          return;
        }
        talk.target.protocol(frame);
        return;
      case frontendType.CopyDone:
      case frontendType.CopyFail:
        talk.isCopyingIn = false;
        talk.copiedIn.end();
        talk.target.protocol(frame);
        // In the extended protocol the answer would wait for Sync, and Sync waits for the answer.
        talk.target.protocol(flushFrame);
        return;
      case frontendType.Sync:
      case frontendType.Flush:
        // The target ignores both during COPY: libpq sends Sync behind Execute.
        return;
      default:
        throw new FrameError('only copy data may be sent during COPY');
    }
  }

  #sync(frame: Buffer): void {
    const talk = this.#talk;
    talk.isSkipping = false;
    talk.syncsSent++;
    talk.target.protocol(frame, expectReply('Sync'));
  }
}
