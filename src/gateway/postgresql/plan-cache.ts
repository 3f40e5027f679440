import type { PlanContext } from '../../sql/plan.ts';
import type { KnownText, PlanScope } from './known-text.ts';

const defaultMaxBytes = 32 * 1024 * 1024;
const maxTextLength = 64 * 1024;
/** Mask sets in use at once; each weighs as much as what is prepared for it. */
const maxContexts = 64;
/** What a plan weighs beside its texts, roughly. */
const planBytes = 2 * 1024;

interface Kept {
  readonly known: KnownText;
  readonly bytes: number;
}

/**
 * Plans of texts that were seen before, for all sessions of a gateway. A hit is one look-up in the scope's own
 * map; recency is tracked by second chance, so that a hit moves nothing.
 */
export class PlanCache {
  readonly #maxBytes: number;
  readonly #kept = new Map<KnownText, Kept>();
  readonly #scopes = new Map<string, Map<string, KnownText>>();
  readonly #contexts = new Map<string, PlanContext>();
  readonly #recent = new Set<KnownText>();
  #bytes = 0;

  constructor(maxBytes = defaultMaxBytes) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The texts known under a key; sessions with equal keys share them. */
  textsOf(key: string): Map<string, KnownText> {
    const found = this.#scopes.get(key);
    if (found !== undefined) return found;
    if (this.#scopes.size > 256) this.#dropEmptyScopes();
    const texts = new Map<string, KnownText>();
    this.#scopes.set(key, texts);
    return texts;
  }

  /** The one context object of its key: planners keep what they prepare for it. */
  contextOf(context: PlanContext): PlanContext {
    const kept = this.#contexts.get(context.key);
    if (kept?.catalogue === context.catalogue) return kept;
    const [oldest] = this.#contexts.keys();
    if (this.#contexts.size >= maxContexts && oldest !== undefined) this.#contexts.delete(oldest);
    this.#contexts.set(context.key, context);
    return context;
  }

  find(scope: PlanScope, text: string): KnownText | undefined {
    const known = scope.texts.get(text);
    if (known !== undefined) this.#recent.add(known);
    return known;
  }

  keep(known: KnownText): void {
    if (known.text.length > maxTextLength) return;
    const bytes = planBytes + 2 * (known.text.length + known.plan.text.length + known.plan.recordedText.length);
    known.scope.texts.set(known.text, known);
    this.#kept.set(known, { known, bytes });
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) this.#evictOne();
  }

  #evictOne(): void {
    for (const [known, kept] of this.#kept) {
      this.#kept.delete(known);
      if (this.#recent.delete(known)) {
        this.#kept.set(known, kept);
        continue;
      }
      if (known.scope.texts.get(known.text) === known) known.scope.texts.delete(known.text);
      this.#bytes -= kept.bytes;
      return;
    }
  }

  #dropEmptyScopes(): void {
    for (const [key, texts] of this.#scopes) if (texts.size === 0) this.#scopes.delete(key);
  }
}
