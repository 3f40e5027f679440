import type { TransactionStatus } from '../../wire/postgresql/backend-messages.ts';
import type { Effect, SessionView } from '../../sql/plan.ts';
import { quoteName } from '../../sql/quote.ts';

interface Names {
  /** Undefined: the default. */
  readonly searchPath: readonly string[] | undefined;
  readonly localPath: readonly string[] | undefined;
  readonly isDirty: boolean;
  readonly temporaries: ReadonlyMap<string, { readonly maskSet: string }>;
  /** Lasting relations of the open transaction. */
  readonly created: ReadonlySet<string>;
}

const pristine: Names = { searchPath: undefined, localPath: undefined, isDirty: false, temporaries: new Map(), created: new Set() };

/**
 * What the target's session has set that changes the meaning of later texts, with the transactions that may
 * take it back: a SET inside a transaction that is rolled back never happened.
 */
export class SessionState {
  #current: Names = pristine;
  #committed: Names = pristine;
  #savepoints: { readonly name: string; readonly names: Names }[] = [];
  /** Grows with every change that a plan can depend on. */
  version = 0;

  /** The view that texts are planned in. */
  view(defaultPath: readonly string[]): SessionView {
    const { searchPath, localPath, isDirty, temporaries, created } = this.#current;
    return { searchPath: localPath ?? searchPath ?? defaultPath, isDirty, temporaries, created };
  }

  /** Relations that only this session sees: what is planned over them is its own. */
  get hasOwnRelations(): boolean {
    return this.#current.temporaries.size > 0 || this.#current.created.size > 0;
  }

  /** Whether this effect, once it has happened, changes what a text means. */
  changesView(effect: Effect): boolean {
    switch (effect.kind) {
      case 'SearchPath':
      case 'CreateTemporary':
      case 'CreateRelation':
      case 'DropRelations':
      case 'RenameRelation':
      case 'CatalogueChange':
      case 'Discard':
        return true;
      case 'Transaction':
        return effect.verb !== 'Begin' && effect.verb !== 'Savepoint' && effect.verb !== 'Release' && this.#isChanged();
      case 'Prepare':
      case 'Execute':
      case 'Deallocate':
      case 'DeclareCursor':
      case 'Fetch':
      case 'CloseCursor':
      case 'Reason':
        return false;
    }
  }

  /** Applies an effect whose statement has succeeded. `maskSet`: the masks under which a temporary table was filled. */
  apply(effect: Effect, tag: string, maskSet: string): void {
    const now = this.#current;
    switch (effect.kind) {
      case 'SearchPath':
        if (effect.isLocal) this.#set({ ...now, localPath: effect.path, isDirty: true });
        else this.#set({ ...now, searchPath: effect.path, localPath: undefined, isDirty: true });
        return;
      case 'CreateTemporary':
        this.#set({ ...now, isDirty: true, temporaries: new Map(now.temporaries).set(effect.name, { maskSet }) });
        return;
      case 'CreateRelation':
        this.#set({ ...now, created: new Set(now.created).add(quoteName(effect.schema, effect.name)) });
        return;
      case 'DropRelations':
        this.#set({ ...now, temporaries: without(now.temporaries, effect.names) });
        return;
      case 'RenameRelation':
        this.#set({ ...now, temporaries: renamed(now.temporaries, effect.from, effect.to) });
        return;
      case 'Discard':
        if (effect.target === 'All') this.#set({ ...pristine, isDirty: now.isDirty });
        else if (effect.target === 'Temp') this.#set({ ...now, temporaries: new Map() });
        return;
      case 'Transaction':
        this.#transaction(effect, tag);
        return;
      case 'CatalogueChange':
      case 'Prepare':
      case 'Execute':
      case 'Deallocate':
      case 'DeclareCursor':
      case 'Fetch':
      case 'CloseCursor':
      case 'Reason':
        return;
    }
  }

  /** The target is ready: without an open transaction, what an implicit one did is settled. */
  settle(status: TransactionStatus, hasFailed: boolean): void {
    if (status === 'Idle') this.#end(!hasFailed);
  }

  #transaction(effect: Extract<Effect, { kind: 'Transaction' }>, tag: string): void {
    switch (effect.verb) {
      case 'Begin':
        return;
      case 'Commit':
      case 'PrepareTransaction':
        // COMMIT of a failed transaction answers ROLLBACK.
        this.#end(tag !== 'ROLLBACK');
        return;
      case 'Rollback':
        this.#end(false);
        return;
      case 'Savepoint':
        this.#savepoints.push({ name: effect.name ?? '', names: this.#current });
        return;
      case 'Release': {
        const at = this.#findSavepoint(effect.name);
        if (at >= 0) this.#savepoints.length = at;
        return;
      }
      case 'RollbackTo': {
        const at = this.#findSavepoint(effect.name);
        const saved = this.#savepoints[at];
        if (saved === undefined) return;
        this.#savepoints.length = at + 1;
        this.#set(saved.names);
        return;
      }
    }
  }

  #findSavepoint(name: string | undefined): number {
    return this.#savepoints.findLastIndex((savepoint) => savepoint.name === name);
  }

  #end(isCommitted: boolean): void {
    if (this.#savepoints.length > 0) this.#savepoints = [];
    if (!this.#isChanged()) return;
    // What a committed transaction made is in the next snapshot.
    this.#set(isCommitted ? { ...this.#current, localPath: undefined, created: pristine.created } : this.#committed);
    this.#committed = this.#current;
  }

  #isChanged(): boolean {
    return this.#current !== this.#committed;
  }

  #set(names: Names): void {
    if (names === this.#current) return;
    this.#current = names;
    this.version++;
  }
}

function without(map: Names['temporaries'], names: readonly string[]): Names['temporaries'] {
  const left = new Map(map);
  for (const name of names) left.delete(name);
  return left;
}

function renamed(map: Names['temporaries'], from: string, to: string): Names['temporaries'] {
  const entry = map.get(from);
  return entry === undefined ? map : new Map(without(map, [from])).set(to, entry);
}
