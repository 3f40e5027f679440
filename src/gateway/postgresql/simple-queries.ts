import { isUtf8 } from 'node:buffer';
import { decodeQuery, encodeDescribe, encodeExecute, encodeParse, encodePlainBind, encodeQuery, flushFrame, queryBytes } from '../../wire/postgresql/frontend-messages.ts';
import type { Proofs } from '../session.ts';
import { draftOf, withRuns } from './action-draft.ts';
import type { Conversation } from './conversation.ts';
import { isCountable, maxRowsOf, uncountable } from './counted-write.ts';
import type { Undo } from './expected-reply.ts';
import type { HeldNames } from './held-names.ts';
import type { KnownText } from './known-text.ts';
import type { Portal } from './named-statements.ts';
import { preparedOf } from './prepared-entry.ts';
import { errorReport, invalidEncoding, refusalReport } from './reports.ts';
import { expectReply } from './target-lane.ts';

/** Query messages: a whole text at once, answered up to ReadyForQuery before anything else is taken. */
export class SimpleQueries {
  readonly #talk: Conversation;
  readonly #held: HeldNames;

  constructor(talk: Conversation, held: HeldNames) {
    this.#talk = talk;
    this.#held = held;
  }

  /** False: the message must wait until what was sent before it is answered. */
  query(frame: Buffer): boolean {
    const text = decodeQuery(frame);
    const known = this.#talk.know(text);
    if (known.namesHeld && !this.#talk.areNamesSettled) return false;
    if (this.#talk.looksFirst(known)) return false;
    this.#query(frame, text);
    return true;
  }

  #query(frame: Buffer, text: string): void {
    const talk = this.#talk;
    const forgotten = this.#forgetUnnamed();
    if (text.includes('\ufffd') && !isUtf8(queryBytes(frame))) {
      this.#talk.refuse('Query', invalidEncoding, 0, forgotten);
      return;
    }
    const known = talk.know(text);
    if (known.plan.statements.length === 0) {
      this.#emptyQuery(known, frame, forgotten);
      return;
    }
    const held = this.#held.judge(known);
    if ('refusal' in held) {
      talk.session.deny(held.refusal, draftOf(known, 'Query', talk.reason));
      this.#talk.refuse('Query', refusalReport(held.refusal), 0, forgotten);
      return;
    }
    const draft = withRuns(draftOf(known, 'Query', talk.reason), held.runs, talk.digest);
    const run = talk.session.run(held.judged, draft);
    if (!run.ok) {
      this.#talk.refuse('Query', refusalReport(run.error), 0, forgotten);
      return;
    }
    const withholdsErrors = held.runs.some((each) => each.withholdsErrors);
    const maxRows = maxRowsOf(held.judged);
    if (maxRows !== undefined) {
      this.#countedQuery(known, run.value, maxRows, withholdsErrors);
      return;
    }
    const noted = this.#held.note(known);
    const undo: Undo = (wasReached, completed) => {
      noted?.(wasReached, completed);
      forgotten(wasReached, completed);
    };
    const reply = expectReply('Query', { known, action: run.value.action, undo, withholdsErrors, cursor: this.#held.fetchedBy(known) });
    talk.syncsSent++;
    talk.waitingFor = reply;
    talk.target.forward(run.value.proofs, known.plan.text === text ? frame : encodeQuery(known.plan.text), reply);
  }

  /** As at the target: a simple query ends what has no name, unless it is skipped behind an error. */
  #forgetUnnamed(): Undo {
    const { names } = this.#talk;
    const undo = [names.removePrepared(''), names.removePortal('')];
    return (wasReached) => {
      if (!wasReached) for (const each of undo) each(false);
    };
  }

  #emptyQuery(known: KnownText, frame: Buffer, undo: Undo): void {
    const talk = this.#talk;
    const reply = expectReply('Query', { known, undo });
    talk.syncsSent++;
    talk.waitingFor = reply;
    talk.target.forwardEmpty(known, frame, reply);
  }

  /**
   * A write under `maxRows`: run as the extended protocol would, so that the rows are counted before Sync commits.
   * In an explicit transaction the same holds, only that Sync commits nothing.
   */
  #countedQuery(known: KnownText, run: { readonly proofs: Proofs; readonly action: number }, maxRows: number, withholdsErrors: boolean): void {
    const talk = this.#talk;
    if (known.plan.statements.length > 1) {
      this.#talk.refuse('Query', errorReport('42501', 'a statement whose changes are counted must be sent alone', 'send one statement at a time'), run.action);
      return;
    }
    if (!isCountable(known)) {
      this.#talk.refuse('Query', uncountable, run.action);
      return;
    }
    const { target } = talk;
    const prepared = preparedOf('', known, [], talk.syncsSent);
    const portal: Portal = {
      name: '', via: 'Bind', prepared, scope: known.scope, forwarded: known.plan.text, isHoldable: false, batch: talk.syncsSent, rowsSent: 0,
    };
    target.forward(run.proofs, encodeParse('', known.plan.text, []), expectReply('Parse', { isHidden: true, known, beginsHolding: true }));
    target.forward(run.proofs, encodePlainBind('', ''), expectReply('Bind', { isHidden: true, known }));
    target.protocol(encodeDescribe({ kind: 'Portal', name: '' }), expectReply('Describe', { hidesNoData: true, known }));
    const reply = expectReply('Execute', { known, portal, action: run.action, maxRows, withholdsErrors, isWholeQuery: true, undo: this.#held.note(known) });
    target.forward(run.proofs, encodeExecute('', 0), reply);
    target.protocol(flushFrame);
    talk.waitingFor = reply;
  }
}
