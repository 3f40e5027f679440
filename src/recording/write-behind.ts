/** A recorder that may hold lines which were made and not yet written. */
export interface LateWriter {
  /** Hands the late lines to the operating system, or throws and keeps them. */
  writeLate(): void;
}

/** Those that have late lines now, of the whole process: it must not end by itself before they are written. */
const behind = new Set<WriteBehind>();
let isWatchingExit = false;

/**
 * Sees to it that late lines are written soon, by one timer for all recorders, when nothing else takes them along
 * before: after `everyMs`, or when the process ends by itself. Lines that cannot be written stay and are tried again.
 */
export class WriteBehind {
  readonly #everyMs: number;
  readonly #onError: (error: unknown) => void;
  readonly #late = new Set<LateWriter>();
  readonly #failing = new WeakSet<LateWriter>();
  #timer: NodeJS.Timeout | undefined;

  constructor(everyMs: number, onError: (error: unknown) => void) {
    this.#everyMs = everyMs;
    this.#onError = onError;
  }

  mark(writer: LateWriter): void {
    this.#late.add(writer);
    this.#start(this.#everyMs);
  }

  /** Nothing of it is late any more, or ever will be. */
  forget(writer: LateWriter): void {
    this.#late.delete(writer);
  }

  /** Writes every late line that can be written. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    behind.delete(this);
    for (const writer of this.#late) this.#write(writer);
    // A disk that is full stays so for a while.
    if (this.#late.size > 0) this.#start(retryMs);
  }

  #write(writer: LateWriter): void {
    try {
      writer.writeLate();
      this.#late.delete(writer);
      this.#failing.delete(writer);
    } catch (error) {
      if (!this.#failing.has(writer)) this.#onError(error);
      this.#failing.add(writer);
    }
  }

  #start(afterMs: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.flush(), afterMs).unref();
    behind.add(this);
    if (isWatchingExit) return;
    isWatchingExit = true;
    process.on('exit', flushAll);
  }
}

const retryMs = 1_000;

function flushAll(): void {
  for (const each of [...behind]) each.flush();
}
