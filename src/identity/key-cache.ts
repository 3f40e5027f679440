import { createLocalJWKSet, errors, type FlattenedJWSInput, type JSONWebKeySet, type JWSHeaderParameters } from 'jose';
import { CodedError, messageOf } from '../lib/coded-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';

/** Where an issuer's public keys come from, and how long they may be believed. */
export interface KeySource {
  /** For logs: a URL or a file. */
  readonly name: string;
  /** The same object again means that nothing changed. */
  load(): Promise<JSONWebKeySet>;
  /** Younger keys are used without asking. */
  readonly freshForMs: number;
  /** Keys of this age still serve while the source cannot be reached. */
  readonly keepForMs: number;
  /** At least this much lies between two loads, whatever tokens ask for. */
  readonly cooldownMs: number;
}

type FindKey = ReturnType<typeof createLocalJWKSet>;

interface Loaded {
  readonly keySet: JSONWebKeySet;
  readonly find: FindKey;
  readonly at: number;
}

/** Enough for any provider in rotation, few enough to try each. */
const maxKeys = 100;

/**
 * The keys of one issuer. Tokens choose when this looks for a key but never how often it loads: a flood of
 * unknown key ids costs one load per cooldown, and logins that need the same load share it.
 */
export class KeyCache {
  readonly #source: KeySource;
  readonly #clock: Clock;
  readonly #log: Log;
  #loaded: Loaded | undefined;
  #pending: Promise<Loaded | undefined> | undefined;
  #nextLoadAt = Number.NEGATIVE_INFINITY;
  #failure: string | undefined;

  constructor(source: KeySource, deps: { readonly clock: Clock; readonly log: Log }) {
    this.#source = source;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** The key that a token names. Throws `ProviderUnreachable`, or what jose throws when there is no such key. */
  readonly find = async (header: JWSHeaderParameters, token: FlattenedJWSInput): ReturnType<FindKey> => {
    const loaded = await this.#current();
    try {
      return await loaded.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // The issuer may have begun to sign with a new key.
      const reloaded = await this.#load();
      if (reloaded === undefined) throw error;
      return await reloaded.find(header, token);
    }
  };

  async #current(): Promise<Loaded> {
    const loaded = this.#loaded;
    if (loaded !== undefined && this.#ageMs(loaded) < this.#source.freshForMs) return loaded;
    const reloaded = await this.#load();
    if (reloaded !== undefined) return reloaded;
    if (loaded !== undefined && this.#ageMs(loaded) < this.#source.keepForMs) return loaded;
    throw new CodedError('ProviderUnreachable', this.#failure ?? 'not loaded yet');
  }

  #ageMs(loaded: Loaded): number {
    return this.#clock.monotonic() - loaded.at;
  }

  /** Undefined when the load failed or it is too early for another. */
  #load(): Promise<Loaded | undefined> {
    if (this.#pending !== undefined) return this.#pending;
    if (this.#clock.monotonic() < this.#nextLoadAt) return Promise.resolve(undefined);
    this.#pending = this.#loadOnce().finally(() => {
      this.#pending = undefined;
      this.#nextLoadAt = this.#clock.monotonic() + this.#source.cooldownMs;
    });
    return this.#pending;
  }

  async #loadOnce(): Promise<Loaded | undefined> {
    try {
      const keySet = await this.#source.load();
      const find = this.#loaded?.keySet === keySet ? this.#loaded.find : checkedKeySet(keySet);
      this.#loaded = { keySet, find, at: this.#clock.monotonic() };
      this.#failure = undefined;
      return this.#loaded;
    } catch (error) {
      const failure = describe(error);
      if (failure !== this.#failure) {
        this.#log.warn('cannot load the keys of an issuer', { source: this.#source.name, reason: failure });
      }
      this.#failure = failure;
      return undefined;
    }
  }
}

function checkedKeySet(keySet: JSONWebKeySet): FindKey {
  const find = createLocalJWKSet(keySet);
  if (keySet.keys.length > maxKeys) throw new CodedError('TooManyKeys', `the key set has more than ${maxKeys} keys`);
  return find;
}

/** `fetch failed` alone helps nobody: its causes say why. */
function describe(error: unknown): string {
  const messages: string[] = [];
  for (let cause = error; cause !== undefined && messages.length < 4; cause = causeOf(cause)) messages.push(messageOf(cause));
  return messages.join(': ');
}

function causeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
}
