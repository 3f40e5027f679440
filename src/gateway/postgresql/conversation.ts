import { canonicalJson } from '../../lib/canonical.ts';
import type { Secret } from '../../lib/secret.ts';
import { createValueDigest } from '../../recording/digest.ts';
import type { SessionEnd } from '../../recording/record.ts';
import type { Catalogue } from '../../sql/catalogue.ts';
import type { Planner } from '../../sql/plan.ts';
import type { Report, TransactionStatus } from '../../wire/postgresql/backend-messages.ts';
import type { Session, SessionDeps } from '../session.ts';
import type { CatalogueInForce } from './catalogue-in-force.ts';
import type { CatalogueLooks } from './catalogue-looks.ts';
import type { ClientLane } from './client-lane.ts';
import { CopiedIn } from './copied-in.ts';
import type { ExpectedReply, Undo } from './expected-reply.ts';
import type { KnownText, PlanScope } from './known-text.ts';
import { NamedStatements } from './named-statements.ts';
import type { PlanCache } from './plan-cache.ts';
import { SessionState } from './session-state.ts';
import type { TargetLane } from './target-lane.ts';

export interface ConversationDeps extends SessionDeps {
  readonly planner: Planner;
  readonly plans: PlanCache;
  readonly catalogue: CatalogueInForce;
  readonly looks: CatalogueLooks;
  /** Keys the digests that stand in recordings for values of masked columns. */
  readonly hashKey: Secret<string>;
}

/** Life and death of the session, as the two directions ask for it. */
export interface LifeCycle {
  /** Ends the session at once, with these last words. */
  end(reason: SessionEnd['reason'], report?: Report): void;
  /** Asks the target to cancel what runs; resolves when it has taken note. */
  cancel(): Promise<void>;
  /** Messages of the client can be taken up again. */
  wake(): void;
}

/**
 * What the two directions of one session share: who is expected to say what next, the names and state that the
 * target's session holds, and the scope in which texts are planned.
 */
export class Conversation {
  readonly deps: ConversationDeps;
  readonly session: Session;
  readonly client: ClientLane;
  readonly target: TargetLane;
  readonly life: LifeCycle;
  /** Stands in recordings for values of masked columns. */
  readonly digest: (value: Uint8Array) => string;
  readonly copiedIn: CopiedIn;
  readonly names = new NamedStatements();
  readonly state = new SessionState();

  status: TransactionStatus = 'Idle';
  /** An error made the target drop everything up to the next Sync, which the client has not sent yet. */
  isSkipping = false;
  /** The target waits for CopyData. */
  isCopyingIn = false;
  /** Replies are withheld up to ReadyForQuery: the client was told that the statement failed. */
  isSwallowing = false;
  /** Something failed since the target was last ready. */
  hasFailed = false;
  /** The target has said its last words. */
  hasTargetEnded = false;
  /** The open transaction touched masked relations: what errors say is withheld until it ends. */
  withholdsErrors = false;
  /** DDL ran: the catalogue is read anew once the transaction is over. */
  isCatalogueStale = false;
  /** Messages wait until this was answered. */
  waitingFor: ExpectedReply | undefined;
  /** Errands of our own that messages wait for, such as a fresh catalogue or a cancel request. */
  errands = 0;
  /** ReadyForQuery asked for and received. */
  syncsSent = 0;
  syncsAnswered = 0;
  /** The client's next message rests on names that a batch has changed which is not answered yet: it waits for that. */
  awaitedBatch: number | undefined;
  /** The catalogue was looked at for the sake of the client's next message. */
  hasLooked = false;
  /** Texts so far that were too deep for the parser. */
  overwhelming = 0;
  /** The last batch with an Execute in it. */
  executedBatch = -1;
  reason: string | undefined;

  readonly #subjectKey: string;
  readonly #startupPath: readonly string[] | undefined;
  #scope: PlanScope | undefined;
  #scopeVersion = -1;

  constructor(deps: ConversationDeps, session: Session, lanes: { client: ClientLane; target: TargetLane }, life: LifeCycle, startupPath: readonly string[] | undefined) {
    this.deps = deps;
    this.digest = createValueDigest(deps.hashKey);
    this.session = session;
    this.copiedIn = new CopiedIn(session, deps.hashKey);
    this.client = lanes.client;
    this.target = lanes.target;
    this.life = life;
    this.#startupPath = startupPath;
    const { credentialId: _credentialId, issuedAt: _issuedAt, expiresAt: _expiresAt, ...lasting } = session.subject;
    this.#subjectKey = canonicalJson(lasting);
  }

  /** The scope that holds now; the same object for as long as nothing in it has changed. */
  scope(): PlanScope {
    const { revision, bundle } = this.session.inForce;
    const catalogue = this.deps.catalogue.current;
    if (catalogue === undefined) throw new Error('a session without a catalogue');
    const before = this.#scope;
    if (before?.revision === revision && before.context.catalogue === catalogue && this.#scopeVersion === this.state.version) return before;
    const { masks, restrictsColumns } = this.session.decider;
    const view = this.state.view(this.#pathAtStart(catalogue));
    const key = `${revision}:${masks.id}:${catalogue.epoch}`;
    // The start-up path may name what the role's default does not.
    const isDirty = view.isDirty || this.#startupPath !== undefined;
    const textsKey = JSON.stringify([key, this.#subjectKey, view.searchPath, isDirty]);
    // Temporary tables are this session's own, so are plans over them.
    const texts = this.state.hasOwnRelations ? new Map<string, KnownText>() : this.deps.plans.textsOf(textsKey);
    this.#scope = { revision, bundle, context: this.deps.plans.contextOf({ catalogue, masks, key }), view: { ...view, isDirty }, texts, restrictsColumns, tellsColumnsApart: restrictsColumns || masks.rules.length > 0 };
    this.#scopeVersion = this.state.version;
    return this.#scope;
  }

  /** The text's plan and decisions: one look-up when it was seen before. */
  know(text: string): KnownText {
    const scope = this.scope();
    return this.deps.plans.find(scope, text) ?? this.#plan(scope, text);
  }

  /** Whether to look at the catalogue before a text is refused for what it names. Messages wait meanwhile. */
  looksFirst({ namesUnknown }: KnownText): boolean {
    if (!namesUnknown || this.hasLooked) return false;
    this.hasLooked = true;
    this.errands++;
    void this.deps.looks.look().then(() => {
      this.errands--;
      this.life.wake();
    });
    return true;
  }

  /** Nothing is under way at the target or on the way to it. */
  get isQuiet(): boolean {
    return this.target.expected.isEmpty && this.errands === 0;
  }

  /**
   * Whether the target is known to hold under a name what was noted for it in that batch. Within one batch it does:
   * an error would skip whatever rests on the name too. In a later one it does once the batch was answered; until
   * then an error may have left an older statement under the name, which nobody decided about.
   */
  isSettled(batch: number): boolean {
    if (batch === this.syncsSent || batch < this.syncsAnswered) return true;
    this.awaitedBatch = batch;
    return false;
  }

  /** The same for all names. */
  get areNamesSettled(): boolean {
    return this.isSettled(this.syncsSent - 1);
  }

  /** What the path is without any SET: the client's start-up parameter, or the role's default. */
  #pathAtStart(catalogue: Catalogue): readonly string[] {
    if (this.#startupPath === undefined) return catalogue.defaultSearchPath;
    return this.#startupPath.map((name) => (name === '$user' ? catalogue.role.name : name)).filter((name) => catalogue.schemas.has(name) || name.startsWith('pg_'));
  }

  /** Has the target refuse in place of what is denied. */
  refuse(kind: 'Query' | 'Poison', report: Report, action = 0, undo?: Undo): void {
    const reply = this.target.refuse(kind, report, action, undo);
    if (kind === 'Poison') return;
    this.syncsSent++;
    this.waitingFor = reply;
  }

  #plan(scope: PlanScope, text: string): KnownText {
    const plan = this.deps.planner.plan(text, scope.view, scope.context);
    if (plan.statements.some(({ action }) => action.refusals.some(({ code }) => code === 'TooDeep'))) this.overwhelming++;
    const effects = plan.statements.flatMap((statement) => statement.effects);
    const known: KnownText = {
      scope,
      text,
      plan,
      judged: plan.statements.map(({ action }) => this.session.judge(action)),
      namesHeld: effects.some(({ kind }) => kind === 'Execute' || kind === 'Fetch'),
      namesUnknown: plan.statements.some(({ action }) => action.refusals.some(({ code }) => code === 'UnknownObject')),
      changesView: effects.some((effect) => effect.kind !== 'Transaction' && this.state.changesView(effect)),
    };
    this.deps.plans.keep(known);
    return known;
  }
}
