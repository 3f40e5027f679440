/**
 * The catalogue in force for one target. It keeps an eye on the target's signature and replaces the snapshot
 * as a whole. While the target is away the last one stays, and after a while says that it is stale: nobody may
 * then be let in on it. Nothing here throws out of a timer or a listener.
 */
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/coded-error.ts';
import type { Log } from '../../lib/log.ts';
import type { Catalogue } from '../../sql/catalogue.ts';
import { loadCatalogue, type LoadedCatalogue, prepareIntrospection, readSignature, updateSignature } from './catalogue-loader.ts';
import { ControlQuery } from './control-query.ts';
import type { TargetOptions } from './target.ts';

export interface IntrospectionLogin extends Omit<TargetOptions, 'parameters'> {
  /** The role that agents' statements run as: the catalogue is seen with its privileges and its search path. */
  readonly role: string;
}

export interface CatalogueSourceOptions {
  /** Asked at every connect, so that rotated credentials are picked up. May reject. */
  readonly login: () => Promise<IntrospectionLogin>;
  readonly log: Log;
  readonly clock: Clock;
  /** Between two looks at the signature; default 1 s. */
  readonly pollMs?: number;
  /** Without a successful look for longer than this, the snapshot is stale; default 60 s. */
  readonly staleAfterMs?: number;
}

interface Connection {
  readonly query: ControlQuery;
  readonly role: string;
  readonly defaultSearchPath: string;
}

const checkTimeoutMs = 10_000;
const maxBackoffMs = 30_000;

export class CatalogueSource {
  readonly #options: CatalogueSourceOptions;
  readonly #pollMs: number;
  readonly #staleAfterMs: number;
  readonly #listeners = new Set<(catalogue: Catalogue) => void>();
  #loaded: LoadedCatalogue | undefined;
  #connection: Connection | undefined;
  #checkedAt: number | undefined;
  #error: unknown;
  #failures = 0;
  #running: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: CatalogueSourceOptions) {
    this.#options = options;
    this.#pollMs = options.pollMs ?? 1_000;
    this.#staleAfterMs = options.staleAfterMs ?? 60_000;
  }

  get current(): Catalogue | undefined {
    return this.#loaded?.catalogue;
  }

  /** True until the first snapshot, and when the target has not confirmed it for too long. */
  get isStale(): boolean {
    return this.#checkedAt === undefined || this.#options.clock.monotonic() - this.#checkedAt > this.#staleAfterMs;
  }

  /** Why the last look failed; undefined when it did not. */
  get error(): unknown {
    return this.#error;
  }

  /** Looks for the first time, then keeps looking. Resolves after the first try, whether or not it found a catalogue. */
  async start(): Promise<void> {
    await this.#poll();
  }

  /** Looks now, such as after our own DDL. Rejects when the target could not be asked: what `current` says is then a guess. */
  async refresh(): Promise<Catalogue> {
    await this.#check();
    const { current } = this;
    if (current === undefined) throw new Error('the catalogue source is closed');
    return current;
  }

  /** Logs in anew at the next look: for credentials that have rotated. */
  reconnect(): void {
    this.#connection?.query.close();
    this.#connection = undefined;
  }

  onChange(listener: (catalogue: Catalogue) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.reconnect();
    await this.#running;
    // A look that was under way may have connected once more.
    this.reconnect();
  }

  async #poll(): Promise<void> {
    try {
      await this.#check();
    } catch {
      // Said by #look, kept in `error`, tried again.
    }
    if (this.#isClosed) return;
    const backoffMs = Math.min(this.#pollMs * 2 ** Math.min(this.#failures, 16), Math.max(maxBackoffMs, this.#pollMs));
    this.#timer = setTimeout(() => void this.#poll(), this.#failures === 0 ? this.#pollMs : backoffMs);
  }

  /** One look after the other. Whoever asks while one runs gets the next: the running one may have looked too early. */
  #check(): Promise<void> {
    if (this.#queued !== undefined) return this.#queued;
    const look = this.#running.then(() => {
      this.#queued = undefined;
      return this.#look();
    });
    this.#queued = look;
    this.#running = look.catch(() => undefined);
    return look;
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    const startedAt = this.#options.clock.monotonic();
    try {
      await this.#update();
    } catch (thrown) {
      this.#connection?.query.close();
      this.#connection = undefined;
      const isNews = this.#failures++ === 0 || messageOf(this.#error) !== messageOf(thrown);
      this.#error = thrown;
      if (isNews) this.#warn(thrown);
      throw thrown;
    }
    if (this.#failures > 0) this.#options.log.info('the catalogue of the target can be read again');
    this.#failures = 0;
    this.#error = undefined;
    // What was seen is no newer than when we began to look.
    this.#checkedAt = startedAt;
  }

  #warn(thrown: unknown): void {
    // Closing breaks the connection on purpose.
    if (!this.#isClosed) this.#options.log.warn('the catalogue of the target could not be read', { error: messageOf(thrown) });
  }

  async #update(): Promise<void> {
    const known = this.#connection;
    const connection = await this.#connect();
    const { query, role, defaultSearchPath } = connection;
    const last = this.#loaded;
    if (last?.catalogue.role.name === role) {
      // Behind a new connection may be another server, whose snapshots count from elsewhere.
      const signature = connection === known ? await updateSignature(query, role, last.signature, checkTimeoutMs) : await readSignature(query, role, checkTimeoutMs);
      if (signature.value === last.signature.value) {
        this.#loaded = { catalogue: last.catalogue, signature };
        return;
      }
    }
    const loaded = await loadCatalogue(query, role, defaultSearchPath, (last?.catalogue.epoch ?? 0) + 1);
    this.#loaded = loaded;
    for (const listener of this.#listeners) this.#notify(listener, loaded.catalogue);
  }

  async #connect(): Promise<Connection> {
    if (this.#connection?.query.isOpen === true) return this.#connection;
    const { role, ...login } = await this.#options.login();
    const query = await ControlQuery.open({ ...login, parameters: { application_name: 'chaperone catalogue' } });
    try {
      this.#connection = { query, role, defaultSearchPath: await prepareIntrospection(query) };
      return this.#connection;
    } catch (thrown) {
      query.close();
      throw thrown;
    }
  }

  #notify(listener: (catalogue: Catalogue) => void, catalogue: Catalogue): void {
    try {
      listener(catalogue);
    } catch (thrown) {
      this.#options.log.error('a listener to catalogue changes failed', { error: messageOf(thrown) });
    }
  }
}
