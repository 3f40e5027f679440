import type { FieldDescription } from '../../wire/postgresql/backend-messages.ts';
import type { BindMessage } from '../../wire/postgresql/frontend-messages.ts';
import type { Judged } from '../session.ts';
import type { PlannedStatement } from '../../sql/plan.ts';
import type { KnownText, PlanScope } from './known-text.ts';

/** A prepared statement, made by Parse or by PREPARE: the target keeps both under one set of names. */
export interface Prepared {
  readonly name: string;
  readonly via: 'Parse' | 'Prepare';
  /** The statement's own text as the client wrote it; of PREPARE the inner one. */
  readonly text: string;
  /** What the target has prepared. */
  forwarded: string;
  readonly parameterTypes: readonly number[];
  known: KnownText;
  /** Undefined for an empty text. */
  planned: PlannedStatement | undefined;
  /** All that must be allowed for it to run; empty for an empty text. */
  judged: readonly Judged[];
  /** A RowDescription for it was asked for, and so checked. */
  isDescribed: boolean;
  /** Its rows come from a column that the catalogue had not when it was planned: they must not pass. */
  isOutdated?: boolean;
  /** The last batch, by Syncs sent before it, in which something was noted about it. */
  batch: number;
  /** Kept where values are looked into. */
  fields?: readonly FieldDescription[];
}

/** A portal, made by Bind or by DECLARE. */
export interface Portal {
  readonly name: string;
  readonly via: 'Bind' | 'Declare';
  readonly prepared: Prepared;
  readonly scope: PlanScope;
  /** The text that it runs at the target, whatever becomes of the statement it was made from. */
  readonly forwarded: string;
  readonly isHoldable: boolean;
  readonly bind?: BindMessage | undefined;
  /** Counts Syncs: a portal of an implicit transaction ends with its batch. */
  readonly batch: number;
  rowsSent: number;
}

const maxNames = 10_000;
const maxNamesBytes = 128 * 1024 * 1024;
/** What an entry weighs beside its text and values, roughly. */
const entryBytes = 1024;

/**
 * The names that a session holds at the target. Entries are made when the message is sent, not when it is
 * answered, so that a pipeline can use them at once; each change can be taken back when the target refuses it.
 */
export class NamedStatements {
  readonly #prepared = new NameTable<Prepared>(({ text }) => entryBytes + 4 * text.length);
  readonly #portals = new NameTable<Portal>(({ bind }) => entryBytes + (bind?.values.reduce((bytes, value) => bytes + (value?.length ?? 0), 0) ?? 0));

  prepared(name: string): Prepared | undefined {
    return this.#prepared.get(name);
  }

  portal(name: string): Portal | undefined {
    return this.#portals.get(name);
  }

  addPrepared(entry: Prepared): (wasReached: boolean) => void {
    return replace(this.#prepared, entry.name, entry);
  }

  addPortal(entry: Portal): (wasReached: boolean) => void {
    return replace(this.#portals, entry.name, entry);
  }

  removePrepared(name: string): (wasReached: boolean) => void {
    return remove(this.#prepared, name);
  }

  removePortal(name: string): (wasReached: boolean) => void {
    return remove(this.#portals, name);
  }

  /** What is held here costs memory, and as much again at the target: no more may be added. */
  get isFull(): boolean {
    return this.#prepared.size + this.#portals.size >= maxNames || this.#prepared.bytes + this.#portals.bytes >= maxNamesBytes;
  }

  forgetPrepared(): void {
    this.#prepared.clear();
  }

  forgetCursors(): void {
    for (const [name, portal] of this.#portals) if (portal.via === 'Declare') this.#portals.delete(name);
  }

  /** No transaction is open after this batch: its portals are gone, but for cursors WITH HOLD. */
  endTransaction(batch: number): void {
    if (this.#portals.size === 0) return;
    for (const [name, portal] of this.#portals) {
      if (!portal.isHoldable && portal.batch <= batch) this.#portals.delete(name);
    }
  }
}

/** Entries by name, and what they weigh. */
class NameTable<T> extends Map<string, T> {
  readonly #weigh: (entry: T) => number;
  bytes = 0;

  constructor(weigh: (entry: T) => number) {
    super();
    this.#weigh = weigh;
  }

  override set(name: string, entry: T): this {
    this.delete(name);
    this.bytes += this.#weigh(entry);
    return super.set(name, entry);
  }

  override delete(name: string): boolean {
    const entry = this.get(name);
    if (entry !== undefined) this.bytes -= this.#weigh(entry);
    return super.delete(name);
  }

  override clear(): void {
    this.bytes = 0;
    super.clear();
  }
}

function replace<T>(map: Map<string, T>, name: string, entry: T): (wasReached: boolean) => void {
  const before = map.get(name);
  map.set(name, entry);
  return (wasReached) => {
    if (map.get(name) !== entry) return;
    // A refused Parse or Bind without a name has already destroyed what had none; a named one leaves all as it was.
    if (before === undefined || (wasReached && name === '')) map.delete(name);
    else map.set(name, before);
  };
}

function remove<T>(map: Map<string, T>, name: string): (wasReached: boolean) => void {
  const before = map.get(name);
  map.delete(name);
  return () => {
    if (before !== undefined && !map.has(name)) map.set(name, before);
  };
}
