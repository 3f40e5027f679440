import { isUtf8 } from 'node:buffer';
import type { Report } from '../../wire/postgresql/backend-messages.ts';
import { FrameError } from '../../wire/postgresql/frame-error.ts';
import {
  decodeBind, decodeExecute, decodeNamed, decodeParse, decodeQuery, encodeClose, encodeDescribe, encodeExecute, encodeParse, encodePlainBind,
  encodeQuery, flushFrame, type ParseMessage, queryBytes,
} from '../../wire/postgresql/frontend-messages.ts';
import type { FrontendFrame } from '../../wire/postgresql/frontend-reader.ts';
import { frontendType } from '../../wire/postgresql/message-type.ts';
import type { Judged, Refusal } from '../session.ts';
import { draftOf, recordedParameters } from './action-draft.ts';
import type { Conversation } from './conversation.ts';
import { HeldNames } from './held-names.ts';
import { type KnownText, onlyStatement } from './known-text.ts';
import type { Portal, Prepared } from './named-statements.ts';
import { errorReport, refusalReport } from './reports.ts';
import { expectReply } from './target-lane.ts';

/** What the client says: each message is decided, noted, and sent on or refused in its place. */
export class ClientMessages {
  readonly #talk: Conversation;
  readonly #held: HeldNames;

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.#held = new HeldNames(talk);
  }

  take({ type, frame, isTooLarge }: FrontendFrame): void {
    const talk = this.#talk;
    if (talk.isCopyingIn) {
      this.#copyIn(type, frame);
      return;
    }
    // As the target does: after an error everything is dropped up to Sync.
    if (talk.isSkipping && type !== frontendType.Sync) return;
    if (isTooLarge) {
      this.#refuse(type === frontendType.Query ? 'Query' : 'Poison', errorReport('54000', 'the message is too large'));
      return;
    }
    switch (type) {
      case frontendType.Query:
        this.#query(frame);
        return;
      case frontendType.Parse:
        this.#parse(frame);
        return;
      case frontendType.Bind:
        this.#bind(frame);
        return;
      case frontendType.Describe:
        this.#describe(frame);
        return;
      case frontendType.Execute:
        this.#execute(frame);
        return;
      case frontendType.Close:
        this.#close(frame);
        return;
      case frontendType.Flush:
        talk.target.protocol(frame);
        return;
      case frontendType.Sync:
        this.#sync(frame);
        return;
      case frontendType.FunctionCall:
        this.#refuse('Query', errorReport('0A000', 'the fast-path function call is not supported', 'call the function in a SELECT'));
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
        // The agent's own data is evidence like the rows that it reads.
        if (talk.session.recordsResults && !talk.session.frames(frame)) {
          talk.life.end('RecordingFailed', errorReport('58030', 'recording failed'));
          return;
        }
        talk.target.protocol(frame);
        return;
      case frontendType.CopyDone:
      case frontendType.CopyFail:
        talk.isCopyingIn = false;
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

  #query(frame: Buffer): void {
    const talk = this.#talk;
    const text = decodeQuery(frame);
    const forgotten = this.#forgetUnnamed();
    if (text.includes('\ufffd') && !isUtf8(queryBytes(frame))) {
      this.#refuse('Query', invalidEncoding, 0, forgotten);
      return;
    }
    const known = talk.know(text);
    if (known.plan.statements.length === 0) {
      this.#emptyQuery(known, frame, forgotten);
      return;
    }
    const held = this.#held.judge(known);
    const draft = draftOf(known, 'Query', talk.reason);
    if ('refusal' in held) {
      talk.session.deny(held.refusal, draft);
      this.#refuse('Query', refusalReport(held.refusal), 0, forgotten);
      return;
    }
    const run = talk.session.run(held.judged, draft);
    if (!run.ok) {
      this.#refuse('Query', refusalReport(run.error), 0, forgotten);
      return;
    }
    const maxRows = maxRowsOf(held.judged);
    if (maxRows !== undefined) {
      this.#countedQuery(known, run.value, maxRows);
      return;
    }
    const noted = this.#held.note(known);
    const undo = (wasReached: boolean): void => {
      noted?.(wasReached);
      forgotten(wasReached);
    };
    const reply = expectReply('Query', { known, action: run.value.action, undo, cursor: this.#held.fetchedBy(known) });
    talk.syncsSent++;
    talk.waitingFor = reply;
    talk.target.forward(run.value.proofs, known.plan.text === text ? frame : encodeQuery(known.plan.text), reply);
  }

  /** As at the target: a simple query ends what has no name, unless it is skipped behind an error. */
  #forgetUnnamed(): (wasReached: boolean) => void {
    const { names } = this.#talk;
    const undo = [names.removePrepared(''), names.removePortal('')];
    return (wasReached) => {
      if (!wasReached) for (const each of undo) each(false);
    };
  }

  #emptyQuery(known: KnownText, frame: Buffer, undo: (wasReached: boolean) => void): void {
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
  #countedQuery(known: KnownText, run: { readonly proofs: Parameters<Conversation['target']['forward']>[0]; readonly action: number }, maxRows: number): void {
    const talk = this.#talk;
    if (known.plan.statements.length > 1) {
      this.#refuse('Query', errorReport('42501', 'a statement whose changes are counted must be sent alone', 'send one statement at a time'), run.action);
      return;
    }
    if (!isCountable(known)) {
      this.#refuse('Query', uncountable, run.action);
      return;
    }
    const { target } = talk;
    const prepared = preparedOf('', known, []);
    const portal: Portal = {
      name: '', via: 'Bind', prepared, scope: known.scope, forwarded: known.plan.text, isHoldable: false, batch: talk.syncsSent, rowsSent: 0,
    };
    target.forward(run.proofs, encodeParse('', known.plan.text, []), expectReply('Parse', { isHidden: true, known, beginsHolding: true }));
    target.forward(run.proofs, encodePlainBind('', ''), expectReply('Bind', { isHidden: true, known }));
    target.protocol(encodeDescribe({ kind: 'Portal', name: '' }), expectReply('Describe', { hidesNoData: true, known }));
    const reply = expectReply('Execute', { known, portal, action: run.action, maxRows, isWholeQuery: true, undo: this.#held.note(known) });
    target.forward(run.proofs, encodeExecute('', 0), reply);
    target.protocol(flushFrame);
    talk.waitingFor = reply;
  }

  #parse(frame: Buffer): void {
    const talk = this.#talk;
    const message = decodeParse(frame);
    if (message.text.includes('\ufffd') && !isUtf8(message.textBytes)) {
      this.#refuseParse(message, invalidEncoding);
      return;
    }
    const known = talk.know(message.text);
    if (known.plan.statements.length > 1) {
      this.#refuseParse(message, errorReport('42601', 'cannot insert multiple commands into a prepared statement'));
      return;
    }
    if (talk.names.size >= maxNames) {
      this.#refuseParse(message, errorReport('53400', `the session holds ${maxNames} prepared statements and portals`, 'close some'));
      return;
    }
    const entry = preparedOf(message.name, known, message.parameterTypes);
    if (known.plan.statements.length === 0) {
      const undo = talk.names.addPrepared(entry);
      talk.target.forwardEmpty(known, frame, expectReply('Parse', { known, undo }));
      return;
    }
    const admitted = talk.session.admit(known.judged);
    if (!admitted.ok) {
      this.#denyParse(message, known);
      return;
    }
    const undo = talk.names.addPrepared(entry);
    const sent = known.plan.text === message.text ? frame : encodeParse(message.name, known.plan.text, message.parameterTypes);
    talk.target.forward(admitted.value, sent, expectReply('Parse', { known, undo }));
  }

  #denyParse(message: ParseMessage, known: KnownText): void {
    const denied = this.#talk.session.run(known.judged, draftOf(known, 'Parse', this.#talk.reason));
    if (denied.ok) throw new Error('a statement was both admitted and refused');
    this.#refuseParse(message, refusalReport(denied.error));
  }

  #refuseParse({ name }: ParseMessage, report: Report): void {
    // A failed Parse without a name leaves no statement without a name.
    const undo = name === '' ? this.#talk.names.removePrepared('') : undefined;
    this.#refuse('Poison', report, 0, (wasReached) => {
      if (!wasReached) undo?.(false);
    });
  }

  #bind(frame: Buffer): void {
    const talk = this.#talk;
    const bind = decodeBind(frame);
    const prepared = talk.names.prepared(bind.statement);
    if (prepared === undefined) {
      this.#refuse('Poison', unknownStatement(bind.statement));
      return;
    }
    const refusal = this.#held.refresh(prepared);
    if (refusal !== undefined) {
      this.#deny(prepared.known, 'Bind', refusal);
      return;
    }
    this.#prepareAnew(prepared);
    const portal: Portal = {
      name: bind.portal, via: 'Bind', prepared, scope: prepared.known.scope, forwarded: prepared.forwarded, isHoldable: false, bind, batch: talk.syncsSent,
      rowsSent: 0,
    };
    const undo = talk.names.addPortal(portal);
    const reply = expectReply('Bind', { known: prepared.known, portal, undo });
    if (prepared.planned === undefined) {
      talk.target.forwardEmpty(prepared.known, frame, reply);
      return;
    }
    const admitted = talk.session.admit(prepared.judged);
    if (!admitted.ok) {
      undo(false);
      this.#deny(prepared.known, 'Bind', admitted.error);
      return;
    }
    talk.target.forward(admitted.value, frame, reply);
  }

  /** Policy, masks or names have changed since Parse so that another text must run: the target is given it under the same name. */
  #prepareAnew(prepared: Prepared): void {
    const { known, name } = prepared;
    if (prepared.via !== 'Parse' || known.plan.text === prepared.forwarded || prepared.planned === undefined) return;
    const admitted = this.#talk.session.admit(prepared.judged);
    if (!admitted.ok) return;
    const { target } = this.#talk;
    const { forwarded } = prepared;
    // Skipped or refused, the target still has the old text, which must never run: the next Bind tries again.
    const undo = (): void => {
      prepared.forwarded = forwarded;
    };
    target.protocol(encodeClose({ kind: 'Statement', name }), expectReply('Close', { isHidden: true, undo }));
    target.forward(admitted.value, encodeParse(name, known.plan.text, prepared.parameterTypes), expectReply('Parse', { isHidden: true, known, undo }));
    prepared.forwarded = known.plan.text;
    prepared.isDescribed = false;
  }

  #describe(frame: Buffer): void {
    const talk = this.#talk;
    const { kind, name } = decodeNamed(frame);
    const portal = kind === 'Portal' ? talk.names.portal(name) : undefined;
    const prepared = portal?.prepared ?? (kind === 'Statement' ? talk.names.prepared(name) : undefined);
    if (prepared === undefined) {
      this.#refuse('Poison', kind === 'Portal' ? unknownPortal(name) : unknownStatement(name));
      return;
    }
    const undo = describedAs(prepared);
    talk.target.protocol(frame, expectReply('Describe', { known: prepared.known, portal, prepared, undo }));
  }

  #execute(frame: Buffer): void {
    const talk = this.#talk;
    const { portal: name, maxRows: wanted } = decodeExecute(frame);
    const portal = talk.names.portal(name);
    if (portal === undefined) {
      this.#refuse('Poison', unknownPortal(name));
      return;
    }
    const { prepared } = portal;
    const { known, planned } = prepared;
    if (planned === undefined) {
      talk.target.forwardEmpty(known, frame, expectReply('Execute', { known, portal }));
      return;
    }
    const refusal = this.#held.recheck(portal);
    if (refusal !== undefined) {
      this.#deny(known, 'Execute', refusal);
      return;
    }
    const held = this.#held.judge(prepared.known);
    if ('refusal' in held) {
      this.#deny(known, 'Execute', held.refusal);
      return;
    }
    const judged = portal.via === 'Bind' ? held.judged : prepared.judged;
    const parameters = portal.bind === undefined ? undefined : recordedParameters(portal.bind, planned.secretParameters, talk.digest);
    const run = talk.session.run(judged, draftOf(prepared.known, 'Execute', talk.reason, parameters));
    if (!run.ok) {
      this.#refuse('Poison', refusalReport(run.error));
      return;
    }
    const maxRows = maxRowsOf(judged);
    if (maxRows !== undefined && !isCountable(prepared.known)) {
      this.#refuse('Poison', uncountable, run.value.action);
      return;
    }
    if (maxRows !== undefined && wanted > 0) {
      this.#refuse('Poison', errorReport('42501', 'a statement whose changes are counted cannot be run in portions', 'ask for all rows at once'), run.value.action);
      return;
    }
    this.#describeUnseen(portal);
    const undo = portal.via === 'Bind' ? this.#held.note(prepared.known) : undefined;
    // A cursor that is run by its name does not do again what its DECLARE did.
    const ran = portal.via === 'Bind' ? prepared.known : undefined;
    const reply = expectReply('Execute', {
      known: ran, portal, cursor: this.#held.fetchedBy(prepared.known), action: run.value.action, maxRows, beginsHolding: maxRows !== undefined, undo,
    });
    talk.target.forward(run.value.proofs, frame, reply);
    const mustWait = maxRows !== undefined || planned.copy === 'In' || planned.effects.some((effect) => talk.state.changesView(effect));
    if (!mustWait) return;
    // Nothing would be answered before Sync, which waits behind this.
    talk.target.protocol(flushFrame);
    talk.waitingFor = reply;
  }

  /** Rows must not pass before the second check has seen where they come from, though the client did not ask. */
  #describeUnseen(portal: Portal): void {
    const { prepared } = portal;
    if (prepared.isDescribed || prepared.planned?.returnsRows !== true) return;
    if (prepared.planned.mustNotOriginate.size === 0 && this.#talk.session.decider.detectors.length === 0) return;
    const undo = describedAs(prepared);
    const frame = encodeDescribe({ kind: 'Portal', name: portal.name });
    this.#talk.target.protocol(frame, expectReply('Describe', { isHidden: true, known: prepared.known, portal, prepared, undo }));
  }

  #close(frame: Buffer): void {
    const talk = this.#talk;
    const { kind, name } = decodeNamed(frame);
    const undo = kind === 'Portal' ? talk.names.removePortal(name) : talk.names.removePrepared(name);
    talk.target.protocol(frame, expectReply('Close', { undo }));
  }

  #deny(known: KnownText, via: 'Bind' | 'Execute', refusal: Refusal): void {
    this.#talk.session.deny(refusal, draftOf(known, via, this.#talk.reason));
    this.#refuse('Poison', refusalReport(refusal));
  }

  #refuse(kind: 'Query' | 'Poison', report: Report, action = 0, undo?: (wasReached: boolean) => void): void {
    const reply = this.#talk.target.refuse(kind, report, action, undo);
    if (kind === 'Poison') return;
    this.#talk.syncsSent++;
    this.#talk.waitingFor = reply;
  }
}

/** What a session may hold at once; each costs memory here and at the target. */
const maxNames = 10_000;
const uncountable = errorReport('42501', 'the rule bounds the rows that may change (maxRows), and this statement does not say how many it changes', 'send the write by itself');
const invalidEncoding = errorReport('22021', 'invalid byte sequence for encoding "UTF8"');

/** Notes that a description is on its way; what comes back takes it back when it does not come. */
function describedAs(prepared: Prepared): () => void {
  const before = prepared.isDescribed;
  prepared.isDescribed = true;
  return () => {
    prepared.isDescribed = before;
  };
}

/** Whether the command tag of each statement says how many rows it has changed. */
function isCountable(known: KnownText): boolean {
  return known.plan.statements.every(({ isCountedWrite, copy, effects }) => {
    return isCountedWrite || copy === 'In' || effects.some(({ kind }) => kind === 'Execute' || kind === 'Prepare');
  });
}

function unknownStatement(name: string): Report {
  return errorReport('26000', name === '' ? 'unnamed prepared statement does not exist' : `prepared statement "${name}" does not exist`);
}

function unknownPortal(name: string): Report {
  return errorReport('34000', `portal "${name}" does not exist`);
}

function preparedOf(name: string, known: KnownText, parameterTypes: readonly number[]): Prepared {
  return {
    name, via: 'Parse', text: known.text, forwarded: known.plan.text, parameterTypes, known, planned: onlyStatement(known), judged: known.judged, isDescribed: false,
  };
}

function maxRowsOf(judged: readonly Judged[]): number | undefined {
  let least: number | undefined;
  for (const { decision } of judged) {
    const { maxRows } = decision.obligations;
    if (maxRows !== undefined && (least === undefined || maxRows < least)) least = maxRows;
  }
  return least;
}
