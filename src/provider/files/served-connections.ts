import type { Bundle } from '../../bundle/bundle.ts';
import { type Compilation, compileWorld } from '../../compile/compile-world.ts';
import type { BundleSource, SecretSource } from '../../gateway/ports.ts';
import type { NamespacedName, Revision } from '../../lib/brand.ts';
import { filesSecretSource, type FilesSecretSource } from './secret-source.ts';
import type { Snapshot } from './snapshot.ts';

/** What one gateway lives on. Bundle and Secrets are always of the same snapshot. */
export interface ServedConnection {
  readonly bundles: BundleSource;
  readonly secrets: SecretSource;
}

export interface ServedChange {
  readonly added: readonly NamespacedName[];
  /** Their `bundles.current` is undefined from now on, so nothing more is decided for them. */
  readonly removed: readonly NamespacedName[];
}

/** The connections of a directory, compiled anew with each snapshot. */
export class ServedConnections {
  #compilation: Compilation;
  readonly #served = new Map<NamespacedName, { readonly bundles: SwappedBundle; readonly secrets: FilesSecretSource }>();

  constructor(snapshot: Snapshot) {
    this.#compilation = compileWorld(snapshot.world);
    this.#take(snapshot);
  }

  get compilation(): Compilation {
    return this.#compilation;
  }

  get names(): readonly NamespacedName[] {
    return [...this.#served.keys()];
  }

  get(name: NamespacedName): ServedConnection | undefined {
    return this.#served.get(name);
  }

  update(snapshot: Snapshot): ServedChange {
    this.#compilation = compileWorld(snapshot.world);
    return this.#take(snapshot);
  }

  #take(snapshot: Snapshot): ServedChange {
    const { bundles } = this.#compilation;
    const removed = this.names.filter((name) => !bundles.has(name));
    const added = [...bundles.keys()].filter((name) => !this.#served.has(name));
    for (const name of added) {
      this.#served.set(name, { bundles: new SwappedBundle(), secrets: filesSecretSource(namespaceOf(name), snapshot) });
    }
    const served = [...this.#served];
    for (const name of removed) this.#served.delete(name);
    // Everything is swapped before any listener runs: what one of them reads fits what another has.
    const swapped = served.filter(([name, { bundles: source }]) => source.swap(bundles.get(name)));
    const rotated = served.map(([, { secrets }]) => secrets.swap(snapshot));
    for (const tell of rotated) tell();
    for (const [, { bundles: source }] of swapped) source.tell();
    return { added, removed };
  }
}

type Current = { readonly bundle: Bundle; readonly revision: Revision } | undefined;

class SwappedBundle implements BundleSource {
  #current: Current;
  readonly #listeners = new Set<() => void>();

  get current(): Current {
    return this.#current;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether the bundle is another one than before. */
  swap(next: Current): boolean {
    const isSame = next?.revision === this.#current?.revision;
    this.#current = next;
    return !isSame;
  }

  tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function namespaceOf(name: NamespacedName): string {
  return name.slice(0, name.indexOf('/'));
}
