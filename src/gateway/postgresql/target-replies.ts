import type { PlannedStatement } from '../../sql/plan.ts';
import {
  decodeCommandComplete, decodeFields, decodeParameterStatus, decodeReadyForQuery, decodeRowDescription, type FieldDescription,
} from '../../wire/postgresql/backend-messages.ts';
import { BackendScanner, type BackendSink } from '../../wire/postgresql/backend-scanner.ts';
import { FrameError } from '../../wire/postgresql/frame-error.ts';
import { backendType } from '../../wire/postgresql/message-type.ts';
import { applyEffects } from './applied-effects.ts';
import { readCatalogueAfterDdl, readCatalogueAnew } from './catalogue-errand.ts';
import type { Conversation } from './conversation.ts';
import { CountedReply } from './counted-reply.ts';
import type { ExpectedReply, ReplyKind } from './expected-reply.ts';
import { withholdsErrors } from './known-text.ts';
import { catalogueChanged, errorReport, fatalReport } from './reports.ts';
import { ShownValues } from './shown-values.ts';
import { copiesUnknownColumn, hasUnknownOrigin } from './unknown-origin.ts';

/** Which request each reply answers; a reply to anything else means that we have lost the thread, and ends the session. */
const answers: ReadonlyMap<number, readonly ReplyKind[]> = new Map([
  [backendType.ParseComplete, ['Parse']],
  [backendType.BindComplete, ['Bind']],
  [backendType.CloseComplete, ['Close']],
  [backendType.ParameterDescription, ['Describe']],
  [backendType.NoData, ['Describe']],
  [backendType.RowDescription, ['Describe', 'Query']],
  [backendType.CommandComplete, ['Query', 'Execute']],
  [backendType.EmptyQueryResponse, ['Query', 'Execute']],
  [backendType.PortalSuspended, ['Execute']],
  [backendType.CopyInResponse, ['Query', 'Execute']],
  [backendType.CopyOutResponse, ['Query', 'Execute']],
  [backendType.CopyDone, ['Query', 'Execute']],
]);

/** Settings that the meaning of every text rests on. */
const pinned: Readonly<Record<string, string>> = { client_encoding: 'UTF8', standard_conforming_strings: 'on' };

/** What the target says: each reply is matched with its request, checked, counted, recorded and passed on. */
export class TargetReplies implements BackendSink {
  readonly scanner: BackendScanner;
  readonly #talk: Conversation;
  readonly #shown: ShownValues;
  readonly #counted: CountedReply;
  readonly #now: () => number;
  /** When the request at the head came to be the next to be answered. */
  headSince: number;

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.#shown = new ShownValues(talk);
    this.#counted = new CountedReply(talk);
    this.#now = () => talk.deps.clock.monotonic();
    this.headSince = this.#now();
    this.scanner = new BackendScanner(this);
  }

  run(chunk: Buffer, start: number, end: number, rows: number): void {
    const { client, target, isSwallowing } = this.#talk;
    const { head } = target.expected;
    if (head === undefined || (head.kind !== 'Query' && head.kind !== 'Execute')) throw new FrameError('rows came that nobody asked for');
    head.rows += rows;
    const counted = head.cursor ?? head.portal;
    if (counted !== undefined) counted.rowsSent += rows;
    if (isSwallowing || head.cutShort !== undefined) return;
    const shown = this.#shown.rows(chunk, start, end);
    if (shown === 'Unhideable') this.#stopCopy(head);
    else if (shown === undefined) client.result(chunk, start, end);
    else client.result(shown);
  }

  #stopCopy(head: ExpectedReply): void {
    this.scanner.isDiscarding = true;
    this.cutShort(head, '42501', 'a COPY in binary form holds values that must be hidden, which is not possible in that form', 'use the text form');
  }

  overBudget(): void {
    const { head } = this.#talk.target.expected;
    if (head === undefined) throw new FrameError('rows came that nobody asked for');
    this.scanner.isDiscarding = true;
    const limit = this.#talk.session.decider.limits.rowsPerStatement ?? 0;
    this.cutShort(head, '54000', `the statement gives more than ${limit} rows, the limit rowsPerStatement`, 'ask for less, with LIMIT or a narrower WHERE');
  }

  /** Ends what runs with an error of ours in place of the target's. */
  cutShort(head: ExpectedReply, sqlstate: string, message: string, hint?: string): void {
    if (head.cutShort !== undefined) return;
    head.cutShort = errorReport(sqlstate, message, hint);
    const talk = this.#talk;
    if (head.kind === 'Execute' && talk.target.expected.find(({ kind }) => kind === 'Sync') === undefined) {
      // It may be over, with its answer held back until the client's Sync, which must then not commit it.
      talk.target.refuse('Poison', head.cutShort);
      talk.target.flush();
    }
    // A cancel request that comes late hits what runs next: nothing is sent before it is through.
    talk.errands++;
    void talk.life.cancel().finally(() => {
      talk.errands--;
      talk.life.wake();
    });
  }

  control(type: number, frame: Buffer): void {
    const talk = this.#talk;
    switch (type) {
      case backendType.ErrorResponse:
        this.#error(frame);
        return;
      case backendType.NoticeResponse:
        talk.client.send(this.#shown.notice(frame));
        return;
      case backendType.NotificationResponse:
        talk.client.send(this.#shown.notification(frame));
        return;
      case backendType.ParameterStatus:
        this.#parameterStatus(frame);
        return;
      case backendType.ReadyForQuery:
        this.#ready(frame);
        return;
      default:
        this.#reply(type, frame);
        return;
    }
  }

  /** Called whenever another request becomes the one that is answered next. */
  headChanged(): void {
    this.headSince = this.#now();
    const { head } = this.#talk.target.expected;
    if (head?.beginsHolding === true) this.#talk.client.hold();
    this.scanner.wholeFrames = this.#shown.begin(head);
    const limit = this.#talk.session.decider.limits.rowsPerStatement;
    this.scanner.isDiscarding = false;
    const { portal } = head ?? {};
    if (head?.kind === 'Execute' && portal?.prepared.isOutdated === true && portal.prepared.planned !== undefined) this.#hideResult(head, portal.prepared.planned);
    this.scanner.rowBudget = limit === undefined ? Number.POSITIVE_INFINITY : limit - ((head?.cursor ?? head?.portal)?.rowsSent ?? 0);
  }

  #reply(type: number, frame: Buffer): void {
    const { head } = this.#talk.target.expected;
    if (head === undefined || answers.get(type)?.includes(head.kind) !== true) {
      throw new FrameError(`the target sent 0x${type.toString(16)} out of turn`);
    }
    switch (type) {
      case backendType.ParameterDescription:
        this.#pass(head, frame);
        return;
      case backendType.RowDescription:
        this.#rowDescription(head, frame);
        return;
      case backendType.CommandComplete:
      case backendType.EmptyQueryResponse:
      case backendType.PortalSuspended:
        this.#complete(head, type, frame);
        return;
      case backendType.CopyInResponse:
        this.#talk.isCopyingIn = true;
        this.#talk.copiedIn.begin(plannedOf(head)?.withholdErrors ?? true);
        this.#copyIn(head, frame);
        this.#talk.life.wake();
        return;
      case backendType.CopyOutResponse:
        this.#copyOut(head, frame);
        return;
      case backendType.CopyDone:
        if (head.cutShort === undefined) this.#pass(head, frame);
        return;
      default:
        if (type !== backendType.NoData || head.hidesNoData !== true) this.#pass(head, frame);
        this.#answered(head);
        return;
    }
  }

  #copyOut(head: ExpectedReply, frame: Buffer): void {
    const planned = plannedOf(head);
    if (planned !== undefined && head.known !== undefined && !this.#talk.isCatalogueStale && copiesUnknownColumn(frame, planned, head.known.scope)) {
      this.#outdated(head, planned);
      return;
    }
    this.#shown.copyOut(frame);
    this.#pass(head, frame);
  }

  /** The client must hear that it may send, also where what comes of it is held until it is counted. */
  #copyIn(head: ExpectedReply, frame: Buffer): void {
    const { client } = this.#talk;
    const isHolding = client.isHolding;
    client.release();
    this.#pass(head, frame);
    if (isHolding) client.hold();
  }

  #pass(head: ExpectedReply, frame: Buffer): void {
    if (!head.isHidden && !this.#talk.isSwallowing) this.#talk.client.send(frame);
  }

  #answered(head: ExpectedReply): void {
    const talk = this.#talk;
    talk.target.expected.shift();
    this.headChanged();
    if (talk.waitingFor !== head) return;
    talk.waitingFor = undefined;
    talk.life.wake();
  }

  #rowDescription(head: ExpectedReply, frame: Buffer): void {
    const planned = plannedOf(head);
    const scope = head.known?.scope;
    const fields = scope?.tellsColumnsApart === true ? decodeRowDescription(frame) : [];
    if (planned !== undefined && originatesMasked(planned, fields)) {
      const message = 'a result names a masked column as its origin';
      this.#talk.session.note('Alarm', 'MaskedOrigin', message);
      this.#talk.life.end('Alarm', fatalReport('XX000', 'the session ends: a result would have shown a masked column'));
      return;
    }
    // What our own open transaction has made is not in the catalogue yet.
    if (planned !== undefined && scope !== undefined && !this.#talk.isCatalogueStale && hasUnknownOrigin(fields, scope, this.#talk.state.hasOwnRelations)) {
      this.#outdated(head, planned);
      if (head.kind === 'Query') return;
    }
    this.#shown.describe(head, frame);
    if (!head.isHidden && !this.#talk.isSwallowing) this.#talk.client.result(frame);
    if (head.kind === 'Describe') this.#answered(head);
  }

  /** Rows of a column that the plan knows nothing of must not pass; the next try finds the catalogue read anew. */
  #outdated(head: ExpectedReply, planned: PlannedStatement): void {
    const talk = this.#talk;
    talk.session.note('Warning', 'UnknownOrigin', 'a result came from a column that the catalogue did not have');
    if (head.kind === 'Describe') {
      if (head.prepared !== undefined) head.prepared.isOutdated = true;
    } else this.#hideResult(head, planned);
    readCatalogueAnew(talk);
  }

  #hideResult(head: ExpectedReply, planned: PlannedStatement): void {
    const { sqlstate, message, hint } = catalogueChanged;
    if (mayHaveChanged(planned)) {
      // It may have been done, which an error in its place would deny.
      this.#talk.life.end('Alarm', fatalReport(sqlstate, `the session ends: ${message}`, 'connect again and see what was done'));
      return;
    }
    this.scanner.isDiscarding = true;
    this.cutShort(head, sqlstate, message, hint);
  }

  #complete(head: ExpectedReply, type: number, frame: Buffer): void {
    const talk = this.#talk;
    const tag = type === backendType.CommandComplete ? decodeCommandComplete(frame) : undefined;
    if (tag !== undefined) head.tag = head.tag === undefined ? tag : `${head.tag}; ${tag}`;
    const planned = plannedOf(head);
    const mayTell = planned !== undefined && head.known !== undefined && withholdsErrors(head.known.scope, planned);
    if (mayTell || head.withholdsErrors === true) talk.withholdsErrors = true;
    const excess = head.maxRows === undefined ? undefined : this.#counted.excess(head, tag);
    if (excess !== undefined) {
      this.#counted.takeBack(head, excess);
      this.headChanged();
      return;
    }
    // In a query of its own the rows wait for the commit as well.
    if (head.maxRows !== undefined && head.isWholeQuery !== true) talk.client.release();
    // A query changes the search path by what its first portion calls, long before its end.
    if (planned !== undefined) applyEffects(talk, planned.effects, tag ?? '', head.known?.scope.context.masks.id ?? '');
    if (head.cutShort !== undefined) {
      this.#completedTooLate(head);
      return;
    }
    this.#pass(head, frame);
    if (head.kind === 'Query') {
      head.statement++;
      this.headChanged();
      return;
    }
    if (head.isWholeQuery === true) {
      this.#counted.commit(head);
      this.headChanged();
      return;
    }
    this.#recordResult(head);
    this.#answered(head);
  }

  /** It ended before the target heard of the cancel request: the client is told the same, and sees nothing of what follows. */
  #completedTooLate(head: ExpectedReply): void {
    const talk = this.#talk;
    if (head.cutShort !== undefined) talk.client.error(head.cutShort);
    talk.isSwallowing = true;
    if (head.kind === 'Query') {
      head.statement++;
      return;
    }
    this.#recordResult(head);
    this.#answered(head);
    if (head.isWholeQuery === true) this.#counted.end();
  }

  #error(frame: Buffer): void {
    const talk = this.#talk;
    const { head } = talk.target.expected;
    const fields = decodeFields(frame);
    const severity = fields.get('V') ?? fields.get('S');
    talk.hasFailed = true;
    talk.isCopyingIn = false;
    talk.copiedIn.end();
    talk.client.dropHeld();
    if (severity === 'FATAL' || severity === 'PANIC') {
      talk.hasTargetEnded = true;
      talk.client.send(this.#shown.error(fields, frame, undefined));
      return;
    }
    if (!talk.isSwallowing) talk.client.send(this.#shown.error(fields, frame, head));
    if (head === undefined) return;
    head.error = { sqlstate: head.denial?.sqlstate ?? fields.get('C') ?? '', message: this.#shown.recordedMessage(head, fields) };
    if (head.kind === 'Query') {
      head.undo?.(true, head.statement);
      return;
    }
    if (head.kind !== 'Sync') this.#skip(head);
  }

  /** The target drops all up to the next Sync, and so do we: nothing of it has happened. */
  #skip(failed: ExpectedReply): void {
    const talk = this.#talk;
    const skipped = talk.target.expected.skipToSync();
    talk.isSkipping = talk.target.expected.isEmpty;
    for (const reply of skipped.toReversed()) reply.undo?.(reply === failed, 0);
    for (const reply of skipped) {
      // Its ReadyForQuery will not come.
      if (reply.kind === 'Query') talk.syncsSent--;
      if (reply.kind !== 'Execute' && reply.kind !== 'Query' && reply !== failed) continue;
      if (reply.isWholeQuery === true && failed.error !== undefined) reply.error ??= failed.error;
      reply.error ??= { sqlstate: '', message: 'not run: an earlier message of the pipeline failed' };
      this.#recordResult(reply);
    }
    this.headChanged();
    const { waitingFor } = talk;
    if (waitingFor === undefined || !skipped.includes(waitingFor)) return;
    talk.waitingFor = undefined;
    if (waitingFor.isWholeQuery === true) this.#counted.end();
    talk.life.wake();
  }

  #recordResult(reply: ExpectedReply): void {
    if (reply.action === 0) return;
    const talk = this.#talk;
    talk.client.flushResults();
    const { action, rows, tag, error } = reply;
    const durationMs = Math.round((this.#now() - this.headSince) * 1000) / 1000;
    talk.session.result({ action, rows, durationMs, ...(tag !== undefined && { tag }), ...(error !== undefined && { error }) });
  }

  #ready(frame: Buffer): void {
    const talk = this.#talk;
    const { head } = talk.target.expected;
    if (head === undefined || (head.kind !== 'Query' && head.kind !== 'Sync')) throw new FrameError('the target is ready out of turn');
    talk.status = decodeReadyForQuery(frame);
    talk.syncsAnswered++;
    if (talk.client.isHolding) talk.client.release();
    this.#recordResult(head);
    talk.state.settle(talk.status, talk.hasFailed);
    talk.hasFailed = false;
    talk.isSwallowing = false;
    talk.isCopyingIn = false;
    if (talk.status === 'Idle') {
      talk.names.endTransaction(talk.syncsAnswered - 1);
      talk.withholdsErrors = false;
    }
    this.#pass(head, frame);
    readCatalogueAfterDdl(talk);
    this.#answered(head);
  }

  #parameterStatus(frame: Buffer): void {
    const { name, value } = decodeParameterStatus(frame);
    const wanted = pinned[name];
    if (wanted !== undefined && wanted !== value) {
      this.#talk.session.note('Alarm', 'PinnedSetting', `the target's ${name} is no longer ${wanted}`);
      this.#talk.life.end('Alarm', fatalReport('XX000', `the session ends: ${name} must stay ${wanted}`));
      return;
    }
    this.#talk.client.send(this.#shown.parameterStatus(frame, { name, value }));
  }
}

/** What EXECUTE stands for is not known here. */
function mayHaveChanged({ isCountedWrite, effects }: PlannedStatement): boolean {
  return isCountedWrite || effects.some((effect) => (effect.kind === 'Prepare' ? effect.inner.isCountedWrite : effect.kind !== 'Fetch'));
}

function originatesMasked({ mustNotOriginate }: PlannedStatement, fields: readonly FieldDescription[]): boolean {
  return fields.some(({ tableOid, attribute }) => mustNotOriginate.get(tableOid)?.has(attribute) === true);
}

function plannedOf(reply: ExpectedReply): PlannedStatement | undefined {
  if (reply.kind === 'Query') return reply.known?.plan.statements[reply.statement];
  return reply.kind === 'Describe' || reply.kind === 'Execute' ? reply.known?.plan.statements[0] : undefined;
}
