import { isUtf8 } from 'node:buffer';
import type { Report } from '../../wire/postgresql/backend-messages.ts';
import {
  decodeBind, decodeExecute, decodeNamed, decodeParse, encodeClose, encodeDescribe, encodeParse, flushFrame, type BindMessage, type ParseMessage,
} from '../../wire/postgresql/frontend-messages.ts';
import type { Refusal } from '../session.ts';
import { draftOf, recordedParameters, withRuns } from './action-draft.ts';
import type { Conversation } from './conversation.ts';
import { isCountable, maxRowsOf, uncountable } from './counted-write.ts';
import type { HeldNames } from './held-names.ts';
import type { KnownText } from './known-text.ts';
import type { Portal, Prepared } from './named-statements.ts';
import { preparedOf } from './prepared-entry.ts';
import { errorReport, invalidEncoding, refusalReport, tooManyNames } from './reports.ts';
import { expectReply } from './target-lane.ts';

/** Of texts and values whose answers the client has not asked for by Flush or Sync. */
const maxUnflushedBytes = 4 * 1024 * 1024;

/** Parse, Bind, Describe, Execute and Close: decided at Parse, and again at Bind and Execute when anything has changed. */
export class ExtendedQueries {
  readonly #talk: Conversation;
  readonly #held: HeldNames;

  constructor(talk: Conversation, held: HeldNames) {
    this.#talk = talk;
    this.#held = held;
  }

  /** False, here and below: the message must wait until what was sent before it is answered. */
  parse(frame: Buffer): boolean {
    const message = decodeParse(frame);
    if (this.#talk.looksFirst(this.#talk.know(message.text))) return false;
    this.#parse(frame, message);
    return true;
  }

  #parse(frame: Buffer, message: ParseMessage): void {
    const talk = this.#talk;
    if (message.text.includes('\ufffd') && !isUtf8(message.textBytes)) {
      this.#refuseParse(message, invalidEncoding);
      return;
    }
    const known = talk.know(message.text);
    if (known.plan.statements.length > 1) {
      this.#refuseParse(message, errorReport('42601', 'cannot insert multiple commands into a prepared statement'));
      return;
    }
    if (talk.names.isFull) {
      this.#refuseParse(message, tooManyNames);
      return;
    }
    const entry = preparedOf(message.name, known, message.parameterTypes, talk.syncsSent);
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
    talk.target.forward(admitted.value, sent, expectReply('Parse', { known, undo, bytes: frame.length }));
    if (talk.target.expected.bytes > maxUnflushedBytes) talk.target.protocol(flushFrame);
  }

  #denyParse(message: ParseMessage, known: KnownText): void {
    const denied = this.#talk.session.run(known.judged, draftOf(known, 'Parse', this.#talk.reason));
    if (denied.ok) throw new Error('a statement was both admitted and refused');
    this.#refuseParse(message, refusalReport(denied.error));
  }

  #refuseParse({ name }: ParseMessage, report: Report): void {
    // A failed Parse without a name leaves no statement without a name.
    const undo = name === '' ? this.#talk.names.removePrepared('') : undefined;
    this.#talk.refuse('Poison', report, 0, (wasReached) => {
      if (!wasReached) undo?.(false);
    });
  }

  bind(frame: Buffer): boolean {
    const bind = decodeBind(frame);
    const prepared = this.#talk.names.prepared(bind.statement);
    if (prepared !== undefined && !this.#talk.isSettled(prepared.batch)) return false;
    if (prepared === undefined) this.#talk.refuse('Poison', unknownStatement(bind.statement));
    else this.#bind(frame, bind, prepared);
    return true;
  }

  #bind(frame: Buffer, bind: BindMessage, prepared: Prepared): void {
    const talk = this.#talk;
    if (talk.names.isFull) {
      talk.refuse('Poison', tooManyNames);
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
    const reply = expectReply('Bind', { known: prepared.known, portal, undo, bytes: frame.length });
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
    // Without it the target keeps the answers, and we what belongs to them.
    if (talk.target.expected.bytes > maxUnflushedBytes) talk.target.protocol(flushFrame);
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
    prepared.batch = this.#talk.syncsSent;
  }

  describe(frame: Buffer): boolean {
    const talk = this.#talk;
    const { kind, name } = decodeNamed(frame);
    const portal = kind === 'Portal' ? talk.names.portal(name) : undefined;
    const prepared = portal?.prepared ?? (kind === 'Statement' ? talk.names.prepared(name) : undefined);
    if (prepared === undefined) {
      this.#talk.refuse('Poison', kind === 'Portal' ? unknownPortal(name) : unknownStatement(name));
      return true;
    }
    if (!talk.isSettled((portal ?? prepared).batch)) return false;
    const undo = describedAs(prepared, talk.syncsSent);
    talk.target.protocol(frame, expectReply('Describe', { known: prepared.known, portal, prepared, undo }));
    return true;
  }

  execute(frame: Buffer): boolean {
    const talk = this.#talk;
    const { portal: name, maxRows: wanted } = decodeExecute(frame);
    const portal = talk.names.portal(name);
    if (portal === undefined) {
      talk.refuse('Poison', unknownPortal(name));
      return true;
    }
    if (!talk.isSettled(portal.batch) || !talk.isSettled(portal.prepared.batch)) return false;
    if (portal.prepared.known.namesHeld && !talk.areNamesSettled) return false;
    this.#execute(frame, portal, wanted);
    return true;
  }

  #execute(frame: Buffer, portal: Portal, wanted: number): void {
    const talk = this.#talk;
    const { prepared } = portal;
    const { known, planned } = prepared;
    if (planned === undefined) {
      talk.target.forwardEmpty(known, frame, expectReply('Execute', { known, portal }));
      return;
    }
    const refusal = this.#held.recheck(portal) ?? this.#held.outdated(prepared);
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
    // Which argument of EXECUTE goes where is not known: where any of them is secret all are.
    const isSecret = held.runs.some(({ secretParameters, bind }) => secretParameters.length > 0 && bind === undefined);
    const secret = isSecret ? 'All' : planned.secretParameters;
    const parameters = portal.bind === undefined ? undefined : recordedParameters(portal.bind, secret, talk.digest);
    const draft = withRuns(draftOf(prepared.known, 'Execute', talk.reason, parameters), held.runs, talk.digest);
    const run = talk.session.run(judged, draft);
    if (!run.ok) {
      this.#talk.refuse('Poison', refusalReport(run.error));
      return;
    }
    const maxRows = maxRowsOf(judged);
    if (maxRows !== undefined && !isCountable(prepared.known)) {
      this.#talk.refuse('Poison', uncountable, run.value.action);
      return;
    }
    if (maxRows !== undefined && wanted > 0) {
      this.#talk.refuse('Poison', errorReport('42501', 'a statement whose changes are counted cannot be run in portions', 'ask for all rows at once'), run.value.action);
      return;
    }
    this.#describeUnseen(portal);
    const undo = portal.via === 'Bind' ? this.#held.note(prepared.known) : undefined;
    // A cursor that is run by its name does not do again what its DECLARE did.
    const ran = portal.via === 'Bind' ? prepared.known : undefined;
    const reply = expectReply('Execute', {
      known: ran, portal, withholdsErrors: held.runs.some((each) => each.withholdsErrors), cursor: this.#held.fetchedBy(prepared.known), action: run.value.action, maxRows, beginsHolding: maxRows !== undefined, undo,
    });
    // Each Execute is timed by itself: what is answered before it must not be held back until Sync.
    if (talk.executedBatch === talk.syncsSent && talk.session.decider.limits.statementTimeoutMs !== undefined) talk.target.protocol(flushFrame);
    talk.executedBatch = talk.syncsSent;
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
    // What PREPARE stands for is not known here to return rows or not.
    if (prepared.isDescribed || (prepared.planned?.returnsRows !== true && prepared.via === 'Parse')) return;
    if (!prepared.known.scope.tellsColumnsApart && this.#talk.session.decider.detectors.length === 0) return;
    const undo = describedAs(prepared, this.#talk.syncsSent);
    const frame = encodeDescribe({ kind: 'Portal', name: portal.name });
    this.#talk.target.protocol(frame, expectReply('Describe', { isHidden: true, known: prepared.known, portal, prepared, undo }));
  }

  close(frame: Buffer): void {
    const talk = this.#talk;
    const { kind, name } = decodeNamed(frame);
    const undo = kind === 'Portal' ? talk.names.removePortal(name) : talk.names.removePrepared(name);
    talk.target.protocol(frame, expectReply('Close', { undo }));
  }

  #deny(known: KnownText, via: 'Bind' | 'Execute', refusal: Refusal): void {
    this.#talk.session.deny(refusal, draftOf(known, via, this.#talk.reason));
    this.#talk.refuse('Poison', refusalReport(refusal));
  }
}

/** Notes that a description is on its way; what comes back takes it back when it does not come. */
function describedAs(prepared: Prepared, batch: number): () => void {
  const before = prepared.isDescribed;
  if (before) return () => undefined;
  prepared.isDescribed = true;
  prepared.batch = batch;
  return () => {
    prepared.isDescribed = before;
  };
}

function unknownStatement(name: string): Report {
  return errorReport('26000', name === '' ? 'unnamed prepared statement does not exist' : `prepared statement "${name}" does not exist`);
}

function unknownPortal(name: string): Report {
  return errorReport('34000', `portal "${name}" does not exist`);
}
