import type { SealedBundle } from '../bundle/seal.ts';
import type { BundleSource } from '../gateway/ports.ts';

/** Holds the bundle in force; swapping it is one assignment. */
export class BundleSlot implements BundleSource {
  readonly #listeners = new Set<() => void>();
  #current: SealedBundle;

  constructor(first: SealedBundle) {
    this.#current = first;
  }

  get current(): SealedBundle {
    return this.#current;
  }

  swap(next: SealedBundle): void {
    if (next.revision === this.#current.revision) return;
    this.#current = next;
    for (const listener of [...this.#listeners]) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
