import { open } from 'node:fs/promises';
import type { AppendFile } from './append-file.ts';

/** What one recorder has on its way to the device. */
export interface SyncableFiles {
  readonly files: readonly AppendFile[];
  /** Directories whose entries have changed since the last call. */
  takeDirectories(): readonly string[];
  /** Called after the files were synced; closes them if the recorder is done. */
  synced(): void;
}

/**
 * Pushes what was written to the device, at most `everyMs` after it was written, for all sessions together
 * and beside the data path: a power loss takes no more than that span and the time the fsync(2) calls take.
 */
export class GroupSync {
  readonly #everyMs: number;
  readonly #onError: (error: unknown) => void;
  readonly #dirty = new Set<SyncableFiles>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(everyMs: number, onError: (error: unknown) => void) {
    this.#everyMs = everyMs;
    this.#onError = onError;
  }

  mark(recorder: SyncableFiles): void {
    this.#dirty.add(recorder);
    this.#timer ??= setTimeout(() => void this.flush(), this.#everyMs);
  }

  /** Resolves when everything marked before the call is on the device, or its files are marked as failed. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const group = [...this.#dirty];
    this.#dirty.clear();
    this.#running = this.#running.then(() => this.#syncAll(group));
    return this.#running;
  }

  async #syncAll(group: readonly SyncableFiles[]): Promise<void> {
    for (const recorder of group) {
      // After a failed fsync the kernel may have dropped the pages: a second one would lie, so the files fail for good.
      try {
        for (const file of recorder.files) await synced(file);
        for (const directory of recorder.takeDirectories()) await syncDirectory(directory);
      } catch (error) {
        for (const file of recorder.files) file.fail(error);
        this.#onError(error);
      }
      recorder.synced();
    }
  }
}

function synced(file: AppendFile): Promise<void> {
  return new Promise((resolve, reject) => {
    file.sync((error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
