import type { Clock } from '../../lib/clock.ts';
import type { CatalogueInForce } from './catalogue-in-force.ts';

/** Between two looks; texts that name what nobody has must not become a way to keep the target busy. */
const spacingMs = 100;

/**
 * Looks at the target's catalogue because a text names what the snapshot does not know: it may have been made a
 * moment ago. Whoever asks gets a look that begins after the call; those who wait share one.
 */
export class CatalogueLooks {
  readonly #catalogue: CatalogueInForce;
  readonly #clock: Clock;
  #next: Promise<void> | undefined;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(catalogue: CatalogueInForce, clock: Clock) {
    this.#catalogue = catalogue;
    this.#clock = clock;
  }

  /** Never rejects: the snapshot then stays as it is, and says of itself when it is too old. */
  look(): Promise<void> {
    this.#next ??= this.#lookSoon();
    return this.#next;
  }

  async #lookSoon(): Promise<void> {
    const waitMs = Math.max(0, this.#lastAt + spacingMs - this.#clock.monotonic());
    await new Promise((resolve) => setTimeout(resolve, waitMs).unref());
    // Whoever asks from here on could come too late for the look that begins now.
    this.#lastAt = this.#clock.monotonic();
    this.#next = undefined;
    await this.#catalogue.refresh().catch(() => undefined);
  }
}
