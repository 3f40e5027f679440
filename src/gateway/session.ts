/**
 * The one security sequence, whatever the protocol: identify -> bundle -> decide -> (approval) -> record ->
 * forward. Protocols bring actions and take back proofs.
 *
 * The one invariant: proofs for an action that runs come out of `run` alone, after the action was decided under
 * the bundle in force and its record was written.
 */
import { randomUUID } from 'node:crypto';
import type { Subject } from '../bundle/subject.ts';
import type { SqlAction } from '../decide/action.ts';
import { authorize } from '../decide/authorize.ts';
import { createDecider, type Decider } from '../decide/decide.ts';
import type { Authorized, Decision } from '../decide/decision.ts';
import type { SessionId } from '../lib/brand.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/coded-error.ts';
import type { Log } from '../lib/log.ts';
import { err, ok, type Result } from '../lib/result.ts';
import type { ActionRecord, RecordBody, ResultRecord, SessionEnd, SessionStart } from '../recording/record.ts';
import type { BundleSource, Credential, Metrics, RecordSink, SessionRecorder, TokenVerifier } from './ports.ts';

export interface SessionDeps {
  readonly bundles: BundleSource;
  readonly verifier: TokenVerifier;
  readonly records: RecordSink;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly clock: Clock;
  /** Of the gateway, for the record. */
  readonly version: string;
  readonly host: string;
}

/** Why somebody is not let in, or something is not done. Each protocol has its own code for each reason. */
export interface Refusal {
  readonly reason: 'NotIdentified' | 'IdentityUnavailable' | 'NothingServed' | 'NoPolicy' | 'TooManySessions' | 'RecordingFailed' | 'Denied';
  readonly message: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  /** Where the decision names one. */
  readonly sqlstate?: string | undefined;
}

/** An action with what was decided for it. */
export interface Judged {
  readonly action: SqlAction;
  readonly decision: Decision;
}

/** Proof that every action of a text may run. */
export type Proofs = readonly [Authorized<SqlAction>, ...Authorized<SqlAction>[]];

/** What a protocol knows of the client beside its credential. */
export interface ClientFacts {
  readonly claimed: SessionStart['claimed'];
  readonly peer: string;
  readonly isEncrypted: boolean;
}

type ActionDraft = Omit<ActionRecord, 'kind' | 'action' | 'decision' | 'revision'>;
type BundleInForce = NonNullable<BundleSource['current']>;

/** Turns a credential into a subject. */
export async function identify(deps: SessionDeps, credential: Credential): Promise<Result<Subject, Refusal>> {
  const verified = await deps.verifier.verify(credential);
  if (verified.ok) return verified;
  deps.metrics.loginFailed(verified.error.code);
  const reason = verified.error.isTemporary ? 'IdentityUnavailable' : 'NotIdentified';
  return err({ reason, message: verified.error.message });
}

/** Lets a subject in, if anything is served to it, and opens its recording. */
export function beginSession(deps: SessionDeps, subject: Subject, client: ClientFacts, openSessions: number): Result<Session, Refusal> {
  const inForce = deps.bundles.current;
  if (inForce === undefined) return err({ reason: 'NothingServed', message: 'nothing is served: the gateway has no bundle yet' });
  const { missing } = inForce.bundle.masking;
  if (missing.length > 0) return err({ reason: 'NothingServed', message: `nothing is served: MaskRule ${missing.join(', ')} missing` });
  const decider = createDecider(inForce.bundle, subject);
  if (!decider.isListed) return err({ reason: 'NoPolicy', message: `no AccessPolicy of this connection names ${subject.name}` });
  const { maxSessions } = decider.limits;
  if (maxSessions !== undefined && openSessions >= maxSessions) {
    return err({ reason: 'TooManySessions', message: `${subject.name} has ${openSessions} sessions open; the limit maxSessions is ${maxSessions}` });
  }
  const id = randomUUID() as SessionId;
  const recorder = openRecording(deps, inForce, sessionStart(deps, id, subject, client, inForce));
  if (recorder === 'Failed') return err({ reason: 'RecordingFailed', message: 'the recording of the session could not be opened' });
  deps.metrics.sessionStarted();
  return ok(new Session(deps, id, subject, recorder, inForce, decider));
}

function sessionStart(deps: SessionDeps, id: SessionId, subject: Subject, client: ClientFacts, inForce: BundleInForce): SessionStart {
  const { namespace, name } = inForce.bundle.connection;
  const { expiresAt: _expiresAt, issuedAt: _issuedAt, ...recorded } = subject;
  return {
    kind: 'SessionStart',
    session: id,
    connection: `${namespace}/${name}`,
    protocol: 'PostgreSQL',
    revision: inForce.revision,
    subject: recorded,
    ...client,
    gateway: { version: deps.version, host: deps.host },
  };
}

/** Undefined: the session goes on unrecorded, as `onFailure: Continue` asks. */
function openRecording(deps: SessionDeps, { bundle }: BundleInForce, start: SessionStart): SessionRecorder | undefined | 'Failed' {
  try {
    return deps.records.open(start);
  } catch (error) {
    deps.metrics.recordingFailed();
    deps.log.error('a recording could not be opened', { session: start.session, error: messageOf(error) });
    return bundle.recording.onFailure === 'Block' ? 'Failed' : undefined;
  }
}

/** One verified subject at work. Made by `beginSession`. */
export class Session {
  readonly id: SessionId;
  readonly subject: Subject;
  readonly startedAt: number;
  readonly #deps: SessionDeps;
  readonly #recorder: SessionRecorder | undefined;
  #inForce: BundleInForce;
  #decider: Decider;
  #actions = 0;
  #denied = 0;
  #rows = 0;
  #hasEnded = false;

  constructor(deps: SessionDeps, id: SessionId, subject: Subject, recorder: SessionRecorder | undefined, inForce: BundleInForce, decider: Decider) {
    this.#deps = deps;
    this.id = id;
    this.subject = subject;
    this.startedAt = deps.clock.monotonic();
    this.#recorder = recorder;
    this.#inForce = inForce;
    this.#decider = decider;
  }

  /** The bundle that decides now. A new one is taken over at once; a bundle that vanishes leaves the last in force. */
  get inForce(): BundleInForce {
    this.#takeOver();
    return this.#inForce;
  }

  /** What the bundle in force says about the subject. */
  get decider(): Decider {
    this.#takeOver();
    return this.#decider;
  }

  get recordsResults(): boolean {
    return this.#recorder !== undefined && this.#inForce.bundle.recording.results === 'Full';
  }

  judge(action: SqlAction): Judged {
    const before = this.#deps.clock.monotonic();
    const decision = this.decider.decide(action);
    this.#deps.metrics.decisionSeconds((this.#deps.clock.monotonic() - before) / 1000);
    return { action, decision };
  }

  /** Proofs to have a statement analysed, which is before it runs: nothing is recorded yet. */
  admit(judged: readonly Judged[]): Result<Proofs, Refusal> {
    const refusal = refusalOf(judged);
    return refusal === undefined ? proofsOf(judged) : err(refusal);
  }

  /** Records that these actions run, or why they do not, and then hands out the proofs to run them. */
  run(judged: readonly Judged[], draft: ActionDraft): Result<{ readonly proofs: Proofs; readonly action: number }, Refusal> {
    const refusal = refusalOf(judged);
    const decision = judged.find((each) => each.decision.verdict !== 'Allow')?.decision ?? judged[0]?.decision;
    if (decision !== undefined) this.#deps.metrics.decided(decision.verdict, decision.wouldBe !== undefined);
    if (refusal !== undefined) {
      this.deny(refusal, draft, decision);
      return err(refusal);
    }
    const isRecorded = this.#writeAction(draft, decision);
    if (!isRecorded) return err({ reason: 'RecordingFailed', message: 'recording failed: the statement was not run' });
    const proofs = proofsOf(judged);
    return proofs.ok ? ok({ proofs: proofs.value, action: this.#actions }) : proofs;
  }

  /** Records what is not run. */
  deny(refusal: Refusal, draft: ActionDraft, decision?: Decision): void {
    this.#denied++;
    const stated = decision ?? { verdict: 'Deny' as const, code: 'Refused' as const, message: refusal.message };
    this.#writeAction(draft, stated);
  }

  result(result: Omit<ResultRecord, 'kind' | 'frames'>): void {
    this.#rows += result.rows;
    if (result.rows > 0) this.#deps.metrics.rowsSent(result.rows);
    this.#attempt((recorder) => {
      const frames = recorder.sealFrames();
      recorder.write({ kind: 'Result', ...result, ...(frames !== undefined && { frames }) });
    });
  }

  note(level: 'Info' | 'Warning' | 'Alarm', reason: string, message: string): void {
    if (level === 'Alarm') this.#deps.log.error(message, { session: this.id, reason });
    this.#write({ kind: 'Note', level, reason, message });
  }

  /** Bytes as the agent is about to receive them; false when they must not be sent. */
  frames(bytes: Uint8Array): boolean {
    return this.#attempt((recorder) => {
      recorder.frames(bytes);
      this.#deps.metrics.recordedBytes(bytes.length);
    });
  }

  end(reason: SessionEnd['reason'], message?: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#write({ kind: 'SessionEnd', reason, ...(message !== undefined && { message }), actions: this.#actions, denied: this.#denied, rows: this.#rows });
    this.#recorder?.close();
    this.#deps.metrics.sessionEnded(reason);
  }

  #takeOver(): void {
    const now = this.#deps.bundles.current;
    if (now !== undefined && now.revision !== this.#inForce.revision) {
      this.#inForce = now;
      this.#decider = createDecider(now.bundle, this.subject);
    }
  }

  #writeAction(draft: ActionDraft, decision: Pick<Decision, 'verdict' | 'code' | 'rule' | 'message' | 'wouldBe'> | undefined): boolean {
    this.#actions++;
    const stated = decision ?? { verdict: 'Allow' as const, code: 'Free' as const, message: '' };
    return this.#write({ kind: 'Action', action: this.#actions, ...draft, decision: recordedDecision(stated), revision: this.#inForce.revision });
  }

  #write(record: Exclude<RecordBody, SessionStart>): boolean {
    return this.#attempt((recorder) => recorder.write(record));
  }

  #attempt(work: (recorder: SessionRecorder) => void): boolean {
    if (this.#recorder === undefined) return true;
    try {
      work(this.#recorder);
      return true;
    } catch (error) {
      this.#deps.metrics.recordingFailed();
      this.#deps.log.error('recording failed', { session: this.id, error: messageOf(error) });
      return this.#inForce.bundle.recording.onFailure === 'Continue';
    }
  }
}

function recordedDecision(decision: Pick<Decision, 'verdict' | 'code' | 'rule' | 'message' | 'wouldBe'>): ActionRecord['decision'] {
  const { verdict, code, rule, message, wouldBe } = decision;
  return {
    verdict,
    code,
    ...(rule !== undefined && { rule }),
    ...(verdict !== 'Allow' && { message }),
    ...(wouldBe !== undefined && { wouldBe: `${wouldBe.verdict}: ${wouldBe.message}` }),
  };
}

function refusalOf(judged: readonly Judged[]): Refusal | undefined {
  for (const { decision } of judged) {
    if (decision.verdict === 'Allow') continue;
    const { message, detail, sqlstate } = decision;
    const hint = decision.verdict === 'RequireApproval' ? (decision.hint ?? 'approvals are not enabled on this gateway') : decision.hint;
    return { reason: 'Denied', message, detail, hint, sqlstate };
  }
  return undefined;
}

function proofsOf(judged: readonly Judged[]): Result<Proofs, Refusal> {
  const proofs = judged.map(({ action, decision }) => authorize(action, decision)).filter((proof) => proof !== undefined);
  const [first, ...rest] = proofs;
  if (first === undefined || proofs.length !== judged.length) return err({ reason: 'Denied', message: 'the statement was not decided' });
  return ok([first, ...rest]);
}
