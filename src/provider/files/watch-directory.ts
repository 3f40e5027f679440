import { type FSWatcher, watch } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { messageOf } from '../../lib/coded-error.ts';
import { canonicalJson, sha256Hex } from '../../lib/canonical.ts';
import type { Log } from '../../lib/log.ts';
import { buildSnapshot, type SourceFile } from './build-snapshot.ts';
import { readSources } from './load-directory.ts';
import type { Snapshot } from './snapshot.ts';

export interface WatchOptions {
  /** Runs after each change of content; a throw is logged and changes nothing. */
  readonly onSnapshot: (snapshot: Snapshot) => void;
  readonly log: Log;
  /** How long the directory must be quiet before it is read; editors and copies write in steps. */
  readonly settleMs?: number;
  /** How often it is read although nothing was reported: a net for file systems that report nothing. */
  readonly rescanMs?: number;
}

export interface DirectoryWatch {
  readonly current: Snapshot;
  /** Reads the directory now, for SIGHUP and for tests. */
  rescan(): Promise<void>;
  close(): void;
}

/** Reads a directory and goes on reading it. The first snapshot is `current`; `onSnapshot` hears of later ones only. */
export async function watchDirectory(directory: string, options: WatchOptions): Promise<DirectoryWatch> {
  const watching = new Watching(directory, options);
  await watching.start();
  return watching;
}

class Watching implements DirectoryWatch {
  readonly #directory: string;
  readonly #options: WatchOptions;
  #current: Snapshot = buildSnapshot([]);
  #fingerprint = '';
  #watcher: { readonly inode: number; readonly handle: FSWatcher } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #scan: Promise<void> = Promise.resolve();
  #isClosed = false;
  /** When the first change was reported that has not been read yet. */
  #changedSince: number | undefined;

  constructor(directory: string, options: WatchOptions) {
    this.#directory = directory;
    this.#options = options;
  }

  get current(): Snapshot {
    return this.#current;
  }

  async start(): Promise<void> {
    await this.#arm();
    const sources = await this.#stableSources();
    this.#fingerprint = fingerprintOf(sources);
    this.#current = buildSnapshot(sources);
    this.#schedule(this.#rescanMs);
  }

  rescan(): Promise<void> {
    // One scan after the other: the last one to be asked for always sees the newest content.
    this.#scan = this.#scan.then(() => this.#read());
    return this.#scan;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#watcher?.handle.close();
  }

  get #rescanMs(): number {
    return this.#options.rescanMs ?? 5_000;
  }

  /** Waits until it is quiet, but not for ever: a directory that is written to all the time is read all the same. */
  #noticeChange(): void {
    const settleMs = this.#options.settleMs ?? 100;
    const now = performance.now();
    this.#changedSince ??= now;
    const left = this.#changedSince + 10 * settleMs - now;
    this.#schedule(Math.max(0, Math.min(settleMs, left)));
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void this.rescan().finally(() => this.#schedule(this.#rescanMs));
    }, delayMs).unref();
  }

  async #read(): Promise<void> {
    const { log, onSnapshot } = this.#options;
    this.#changedSince = undefined;
    try {
      await this.#arm();
      const sources = await this.#stableSources();
      const fingerprint = fingerprintOf(sources);
      if (this.#isClosed || fingerprint === this.#fingerprint) return;
      const snapshot = buildSnapshot(sources);
      this.#fingerprint = fingerprint;
      this.#current = snapshot;
      onSnapshot(snapshot);
    } catch (thrown) {
      log.error('the files could not be taken up', { directory: this.#directory, error: messageOf(thrown) });
    }
  }

  /** Two readings alike, so that a directory that is replaced meanwhile is not taken half old and half new. */
  async #stableSources(): Promise<readonly SourceFile[]> {
    let sources = await readSources(this.#directory);
    for (let attempt = 0; attempt < 5; attempt++) {
      const again = await readSources(this.#directory);
      if (fingerprintOf(again) === fingerprintOf(sources)) return again;
      sources = again;
    }
    return sources;
  }

  /** Watches what the path leads to now: a link may have been pointed elsewhere since, or the directory replaced. */
  async #arm(): Promise<void> {
    if (this.#isClosed) return;
    const inode = await stat(this.#directory).then(({ ino }) => ino, () => undefined);
    if (inode === this.#watcher?.inode) return;
    this.#watcher?.handle.close();
    this.#watcher = undefined;
    if (inode === undefined) return;
    try {
      const path = await realpath(this.#directory);
      const handle = watch(path, { persistent: false }, () => this.#noticeChange());
      // A directory that goes away ends its watch; the next rescan arms a new one.
      handle.on('error', () => {
        handle.close();
        this.#watcher = undefined;
      });
      this.#watcher = { inode, handle };
    } catch (thrown) {
      this.#options.log.warn('the directory is not watched, only read from time to time', { directory: this.#directory, error: messageOf(thrown) });
    }
  }
}

function fingerprintOf(sources: readonly SourceFile[]): string {
  return sha256Hex(canonicalJson(sources));
}
