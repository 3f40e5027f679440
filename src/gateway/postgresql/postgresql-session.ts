import type { Socket } from 'node:net';
import { messageOf } from '../../lib/coded-error.ts';
import type { SessionEnd } from '../../recording/record.ts';
import type { Report } from '../../wire/postgresql/backend-messages.ts';
import { FrameError } from '../../wire/postgresql/frame-error.ts';
import { terminateFrame } from '../../wire/postgresql/frontend-messages.ts';
import type { FrontendFrame, FrontendReader } from '../../wire/postgresql/frontend-reader.ts';
import { frontendType } from '../../wire/postgresql/message-type.ts';
import type { Session } from '../session.ts';
import { ClientLane } from './client-lane.ts';
import { ClientMessages } from './client-messages.ts';
import { Conversation, type ConversationDeps, type LifeCycle } from './conversation.ts';
import type { ExpectedReply, ReplyKind } from './expected-reply.ts';
import { fatalReport } from './reports.ts';
import { TargetLane } from './target-lane.ts';
import { TargetReplies } from './target-replies.ts';

export interface SessionSockets {
  readonly client: Socket;
  /** Holds what the client has sent behind its login. */
  readonly reader: FrontendReader;
  readonly target: Socket;
  /** What the target has sent behind its login. */
  readonly leftover: Buffer;
  readonly startupPath: readonly string[] | undefined;
  /** Asks the target to cancel what this session runs. */
  cancel(): Promise<void>;
  onEnd(): void;
}

/** While messages wait, no more than this is read ahead. */
const maxReadAheadBytes = 64 * 1024;
/** Messages that the target has not answered. More than fill its output buffer, so that it always has something to send. */
const maxUnanswered = 16_384;
const maxUnansweredBytes = 64 * 1024 * 1024;
/** Texts that bring the parser down; each costs all sessions a moment. */
const maxOverwhelming = 10;
/** A busy session whose time is up may go on for this long. */
const graceMs = 60_000;

/** What the target works on; other messages are answered at once, or held back until Sync. */
const timed: ReadonlySet<ReplyKind> = new Set(['Query', 'Execute', 'Sync']);

/** One client and its own session at the target, from ReadyForQuery to the end. */
export class PostgresqlSession implements LifeCycle {
  readonly session: Session;
  readonly #deps: ConversationDeps;
  readonly #sockets: SessionSockets;
  readonly #talk: Conversation;
  readonly #messages: ClientMessages;
  readonly #replies: TargetReplies;
  #lastActivity: number;
  #isPumping = false;
  #isClientPaused = false;
  #hasClientEnded = false;
  #hasTerminated = false;
  /** A message that has to wait for what was sent before it. */
  #postponed: FrontendFrame | undefined;
  #hasEnded = false;
  /** The session ends at the next statement boundary, or when the grace is over. */
  #ending: { readonly reason: SessionEnd['reason']; readonly report: Report; readonly until: number } | undefined;

  constructor(deps: ConversationDeps, session: Session, sockets: SessionSockets) {
    this.#deps = deps;
    this.session = session;
    this.#sockets = sockets;
    const lanes = { client: new ClientLane(sockets.client, session), target: new TargetLane(sockets.target) };
    this.#talk = new Conversation(deps, session, lanes, this, sockets.startupPath);
    this.#messages = new ClientMessages(this.#talk);
    this.#replies = new TargetReplies(this.#talk);
    this.#lastActivity = deps.clock.monotonic();
  }

  start(): void {
    const { client, target, leftover } = this.#sockets;
    client.on('data', (chunk: Buffer) => this.#fromClient(chunk));
    client.on('drain', () => this.#clientDrained());
    client.on('end', () => this.#clientEnded());
    client.on('close', () => this.end('ClientClosed'));
    client.on('error', () => this.end('ClientClosed'));
    target.on('data', (chunk: Buffer) => this.#fromTarget(chunk));
    target.on('drain', () => this.#targetDrained());
    target.on('end', () => this.#targetClosed());
    target.on('close', () => this.#targetClosed());
    target.on('error', () => this.#targetClosed());
    this.#replies.headChanged();
    if (leftover.length > 0) this.#fromTarget(leftover);
    client.resume();
    target.resume();
    this.#pump();
  }

  get isIdle(): boolean {
    return this.#talk.isQuiet && this.#talk.status === 'Idle';
  }

  end(reason: SessionEnd['reason'], report?: Report): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#replies.scanner.stop();
    this.#talk.client.end(report);
    this.session.end(reason, report?.message);
    this.#talk.target.end(terminateFrame);
    this.#sockets.target.resume();
    this.#sockets.target.destroySoon();
    this.#sockets.onEnd();
  }

  async cancel(): Promise<void> {
    // A target that cannot send runs no further either: the request arrives in time.
    this.#sockets.target.pause();
    try {
      await this.#sockets.cancel();
    } catch (error) {
      this.#deps.log.warn('the target took no cancel request', { session: this.session.id, error: messageOf(error) });
    } finally {
      this.#sockets.target.resume();
    }
  }

  /** Ends the session at a statement boundary: now if it is idle, else after its transaction or the grace. */
  endSoon(reason: SessionEnd['reason'], report: Report, withinMs = graceMs): void {
    if (this.isIdle) {
      this.end(reason, report);
      return;
    }
    this.#ending ??= { reason, report, until: this.#deps.clock.monotonic() + withinMs };
  }

  /** Looks at everything that time brings. One timer of the gateway calls this for all sessions. */
  sweep(): void {
    if (this.#hasEnded) return;
    const now = this.#deps.clock.monotonic();
    if (this.#ending !== undefined && now >= this.#ending.until) {
      this.end(this.#ending.reason, this.#ending.report);
      return;
    }
    const { limits } = this.session.decider;
    const running = this.#running();
    if (running !== undefined && limits.statementTimeoutMs !== undefined && now - this.#replies.headSince > limits.statementTimeoutMs) {
      this.#replies.cutShort(running, '57014', `the statement ran longer than ${limits.statementTimeoutMs} ms, the limit statementTimeout`);
    }
    const isWaiting = running === undefined && this.#talk.errands === 0 && !this.#talk.target.isFull;
    if (limits.idleTimeoutMs !== undefined && isWaiting && now - this.#lastActivity > limits.idleTimeoutMs) {
      this.end('IdleTimeout', fatalReport('57P05', `the session was idle for longer than ${limits.idleTimeoutMs} ms, the limit idleTimeout`));
      return;
    }
    const over = this.#overdue();
    if (over !== undefined) this.endSoon(over.reason, over.report);
  }

  wake(): void {
    // What wakes us may be in the middle of a chunk of the target's; the client's turn comes behind it.
    queueMicrotask(() => this.#pump());
  }

  /**
   * What the target works on. It answers Parse and Bind together with the Execute behind them, so that may stand
   * further back. Undefined while it waits for the client: for COPY data, or for the rest of a batch.
   */
  #running(): ExpectedReply | undefined {
    return this.#talk.isCopyingIn ? undefined : this.#talk.target.expected.find(({ kind }) => timed.has(kind));
  }

  /** Why no further statement may begin. */
  #overdue(): { readonly reason: SessionEnd['reason']; readonly report: Report } | undefined {
    const { session } = this;
    const { identity } = session.inForce.bundle;
    if (!session.decider.isListed) return { reason: 'Revoked', report: fatalReport('57P01', 'the session ends: no AccessPolicy names the subject any more') };
    const { sessionDurationMs } = session.decider.limits;
    if (sessionDurationMs !== undefined && this.#deps.clock.monotonic() - session.startedAt > sessionDurationMs) {
      return { reason: 'SessionDuration', report: fatalReport('57P01', `the session lasted longer than ${sessionDurationMs} ms, the limit sessionDuration`) };
    }
    if (identity.onExpiry === 'End' && this.#deps.clock.now() >= session.subject.expiresAt) {
      return { reason: 'TokenExpired', report: fatalReport('57P01', 'the session ends: its token has expired', 'connect again with a fresh token') };
    }
    return undefined;
  }

  #fromClient(chunk: Buffer): void {
    if (this.#hasEnded) return;
    this.#lastActivity = this.#deps.clock.monotonic();
    this.#sockets.reader.push(chunk);
    this.#pump();
  }

  #pump(): void {
    if (this.#isPumping || this.#hasEnded) return;
    this.#isPumping = true;
    this.#guarded(() => this.#takeMessages());
    this.#isPumping = false;
    if (this.#isOver()) return;
    this.#talk.target.flush();
    this.#talk.client.flush();
    this.#regulateClient();
  }

  #takeMessages(): void {
    const { reader } = this.#sockets;
    const wasAwaiting = this.#isAwaiting();
    while (!this.#hasTerminated && this.#mayTake()) {
      const message = this.#postponed ?? reader.next();
      if (message === undefined) break;
      if (message.type === frontendType.Terminate) {
        this.#hasClientEnded = true;
        break;
      }
      if (this.isIdle && this.#endAtBoundary()) return;
      if (this.#talk.overwhelming > maxOverwhelming) throw new FrameError('statements that are nested too deeply come one after the other');
      this.#postponed = this.#messages.take(message) ? undefined : message;
      if (this.#isOver()) return;
      if (this.#postponed !== undefined) break;
    }
    if (!wasAwaiting && this.#isAwaiting()) this.#replies.headChanged();
    if (this.#hasClientEnded && this.#mayTake()) this.#terminate();
  }

  #endAtBoundary(): boolean {
    const over = this.#ending ?? this.#overdue();
    if (over === undefined) return false;
    this.end(over.reason, over.report);
    return true;
  }

  /** What was sent before is still answered, as PostgreSQL would; then the target closes the connection. */
  #terminate(): void {
    if (this.#hasTerminated) return;
    this.#hasTerminated = true;
    this.#talk.target.protocol(terminateFrame);
  }

  /** Something was sent that the target has not answered. */
  #isAwaiting(): boolean {
    return !this.#talk.target.expected.isEmpty;
  }

  #mayTake(): boolean {
    const talk = this.#talk;
    if (talk.errands > 0 || talk.target.isFull || talk.target.expected.size >= maxUnanswered || talk.target.expected.bytes >= maxUnansweredBytes) return false;
    if (talk.awaitedBatch !== undefined && talk.awaitedBatch >= talk.syncsAnswered) return false;
    return talk.waitingFor === undefined || talk.isCopyingIn;
  }

  #regulateClient(): void {
    const mustPause = this.#talk.target.isFull || this.#sockets.reader.buffered > maxReadAheadBytes;
    if (mustPause === this.#isClientPaused) return;
    // Only while messages wait: a large message that is still arriving needs the rest of itself.
    if (mustPause && this.#mayTake()) return;
    this.#isClientPaused = mustPause;
    if (mustPause) this.#sockets.client.pause();
    else this.#sockets.client.resume();
  }

  #fromTarget(chunk: Buffer): void {
    if (this.#hasEnded) return;
    this.#guarded(() => this.#replies.scanner.scan(chunk));
    if (this.#isOver()) return;
    this.#lastActivity = this.#deps.clock.monotonic();
    this.#talk.client.flush();
    if (this.#talk.client.isBlocked) {
      this.end('RecordingFailed', fatalReport('58030', 'recording failed: results are not sent unrecorded'));
      return;
    }
    if (this.#talk.client.isFull) this.#sockets.target.pause();
    if (this.#ending !== undefined && this.isIdle) {
      this.end(this.#ending.reason, this.#ending.report);
      return;
    }
    const hasMore = this.#postponed !== undefined || this.#sockets.reader.buffered > 0;
    if (this.#hasClientEnded || (hasMore && this.#mayTake())) this.#pump();
  }

  /** Asked anew because scanning may have ended the session. */
  #isOver(): boolean {
    return this.#hasEnded;
  }

  #clientDrained(): void {
    this.#talk.client.drained();
    if (!this.#hasEnded) this.#sockets.target.resume();
  }

  #targetDrained(): void {
    this.#talk.target.drained();
    this.#pump();
  }

  /** What it has sent is still run, as PostgreSQL would. */
  #clientEnded(): void {
    this.#hasClientEnded = true;
    this.#pump();
  }

  #targetClosed(): void {
    if (this.#hasTerminated) {
      this.end('ClientClosed');
      return;
    }
    // Where the target has said why, that stands.
    this.end('TargetClosed', this.#talk.hasTargetEnded ? undefined : fatalReport('57P01', 'the target has closed the connection'));
  }

  /** Bytes that make no sense end the session; so does a fault of ours, and only this session. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof FrameError) {
        this.end('ProtocolError', fatalReport('08P01', `protocol violation: ${error.message}`));
        return;
      }
      this.#deps.log.error('a session failed', { session: this.session.id, error: error instanceof Error ? error.stack : String(error) });
      this.end('Alarm', fatalReport('XX000', 'the session ends: an internal error of the gateway'));
    }
  }
}
