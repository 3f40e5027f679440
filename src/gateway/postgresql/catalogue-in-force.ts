import type { Catalogue } from '../../sql/catalogue.ts';

/** The target's catalogue as it was last read; `CatalogueSource` fulfils it. */
export interface CatalogueInForce {
  /** Undefined until it was read once: nothing can be planned without it. */
  readonly current: Catalogue | undefined;
  /** The target has not confirmed it for too long: nobody is let in on it. */
  readonly isStale: boolean;
  /** Resolves when `current` is at least as new as the call; rejects when the target cannot be asked. */
  refresh(): Promise<unknown>;
}
