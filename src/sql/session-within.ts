import type { Lookup } from './lookup.ts';
import type { Effect, SessionView } from './plan.ts';
import { quoteName } from './quote.ts';

/**
 * What the session will be like when a later statement of the same text runs: the text is planned as a whole,
 * before any of it has run. From the first change on names are written out, so that what was decided is what runs.
 */
export class SessionWithin {
  #view: SessionView;
  readonly #lookup: Lookup;
  readonly #maskSet: string;
  #isChanged = false;
  #isLocal = false;
  /** A rollback may have undone a change of this text. */
  isUncertain = false;

  constructor(view: SessionView, lookup: Lookup, maskSet: string) {
    this.#view = view;
    this.#lookup = lookup;
    this.#maskSet = maskSet;
  }

  get view(): SessionView {
    return this.#view;
  }

  apply(effects: readonly Effect[]): void {
    for (const effect of effects) this.#applyOne(effect);
  }

  #applyOne(effect: Effect): void {
    switch (effect.kind) {
      case 'SearchPath':
        this.#isLocal ||= effect.isLocal;
        this.#change({ searchPath: effect.path === undefined ? this.#lookup.catalogue.defaultSearchPath : this.#lookup.effectivePath(effect.path) });
        return;
      case 'CreateTemporary':
        this.#change({ temporaries: new Map([...this.#view.temporaries, [effect.name, { maskSet: this.#maskSet }]]) });
        return;
      case 'CreateRelation':
        this.#view = { ...this.#view, created: new Set([...(this.#view.created ?? []), quoteName(effect.schema, effect.name)]) };
        return;
      case 'DropRelations':
        if (effect.names.some((name) => this.#view.temporaries.has(name))) this.#change({ temporaries: this.#without(effect.names) });
        return;
      case 'RenameRelation':
        this.#rename(effect.from, effect.to);
        return;
      case 'Discard':
        if (effect.target === 'All') this.#change({ temporaries: new Map(), searchPath: this.#lookup.catalogue.defaultSearchPath });
        else if (effect.target === 'Temp') this.#change({ temporaries: new Map() });
        return;
      case 'Transaction':
        if (effect.verb === 'Rollback' || effect.verb === 'RollbackTo') this.isUncertain ||= this.#isChanged;
        if (effect.verb === 'Commit') this.isUncertain ||= this.#isLocal;
        return;
      default:
    }
  }

  #change(more: Partial<SessionView>): void {
    this.#isChanged = true;
    this.#view = { ...this.#view, ...more, isDirty: true };
  }

  #rename(from: string, to: string): void {
    const found = this.#view.temporaries.get(from);
    if (found !== undefined) this.#change({ temporaries: new Map([...this.#without([from]), [to, found]]) });
  }

  #without(names: readonly string[]): ReadonlyMap<string, { readonly maskSet: string }> {
    return new Map([...this.#view.temporaries].filter(([name]) => !names.includes(name)));
  }
}
