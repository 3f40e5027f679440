import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { CodedError, messageOf } from '../lib/coded-error.ts';
import { type Log, silentLog } from '../lib/log.ts';
import type { AppendFile } from './append-file.ts';
import { compressFrames } from './compressed-frames.ts';
import { FolderRecorder } from './folder-recorder.ts';
import { GroupSync, type SyncableFiles } from './group-sync.ts';
import { pruneFolder, type PruneResult } from './prune.ts';
import type { SessionStart } from './record.ts';
import type { RecordSink } from './recorder.ts';
import { sessionFolder, type SessionFolder } from './session-folder.ts';
import { systemErrorCode } from './system-error.ts';
import { WriteBehind } from './write-behind.ts';

/** A result that no other line takes along is written this much later. */
const lateMs = 50;

export interface FolderSinkOptions {
  readonly path: string;
  readonly clock: Clock;
  /** `Group`: fsync(2) beside the data path at most `everyMs` after a write. Absent: what is written survives the process, not the power. */
  readonly fsync?: { readonly kind: 'Group'; readonly everyMs: number };
  /** Compress the frames of sessions that have ended, behind the data path. */
  readonly compress?: boolean;
  readonly log?: Log;
  /** Counts bytes as they are written, for metrics. */
  readonly onBytes?: (bytes: number) => void;
}

export interface FolderSink extends RecordSink {
  /** Removes sessions that ended longer ago than the retention; never one that this sink has open. */
  prune(retentionMs: number): PruneResult;
  /** Resolves when everything recorded so far is written, on the device (with `fsync: Group`), and compressed where it is to be. */
  flush(): Promise<void>;
}

/** Records sessions into a folder; see docs/recordings.md for the layout. */
export function createFolderSink(options: FolderSinkOptions): FolderSink {
  return new RecordingFolder({ ...options, path: resolve(options.path) });
}

class RecordingFolder implements FolderSink {
  readonly #options: FolderSinkOptions;
  readonly #log: Log;
  readonly #open = new Set<string>();
  readonly #sync: GroupSync | undefined;
  readonly #behind: WriteBehind;
  #compressing: Promise<void> = Promise.resolve();

  constructor(options: FolderSinkOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#behind = new WriteBehind(lateMs, (error) => this.#log.error('cannot write results yet', { error: messageOf(error) }));
    this.#sync =
      options.fsync === undefined
        ? undefined
        : new GroupSync(options.fsync.everyMs, (error) => this.#log.error('cannot sync a recording', { error: messageOf(error) }));
  }

  open(start: SessionStart): FolderRecorder {
    const folder = sessionFolder(this.#options.path, start.session, start.connection, this.#options.clock.now());
    makeDirectory(folder.directory);
    let recorder: FolderRecorder | undefined;
    try {
      recorder = this.#recorder(folder);
      recorder.start(start);
      this.#open.add(folder.directory);
      return recorder;
    } catch (cause) {
      recorder?.close();
      // Nobody was let in, so nothing must look like a session.
      rmSync(folder.directory, { recursive: true, force: true });
      throw cause instanceof CodedError ? cause : cannotOpen(cause);
    }
  }

  prune(retentionMs: number): PruneResult {
    return pruneFolder(this.#options.path, retentionMs, this.#options.clock.now(), { isOpen: (directory) => this.#open.has(directory) });
  }

  async flush(): Promise<void> {
    this.#behind.flush();
    await this.#sync?.flush();
    await this.#compressing;
  }

  /** One session after the other: the data path keeps the cores. */
  #compress(directory: string): void {
    this.#compressing = this.#compressing
      .then(() => compressFrames(directory))
      .catch((error: unknown) => this.#log.warn('cannot compress a recording; it stays as it is', { error: messageOf(error) }));
  }

  #recorder(folder: SessionFolder): FolderRecorder {
    let isClosed = false;
    let syncedFiles = 0;
    const closeFiles = (): void => {
      const hasFrames = recorder.files.length > 1;
      for (const file of recorder.files) this.#closeFile(file);
      this.#open.delete(folder.directory);
      if (hasFrames && this.#options.compress === true) this.#compress(folder.directory);
    };
    const group: SyncableFiles = {
      get files() {
        return recorder.files;
      },
      takeDirectories: () => {
        const isFirst = syncedFiles === 0;
        if (syncedFiles === recorder.files.length || !this.#open.has(folder.directory)) return [];
        syncedFiles = recorder.files.length;
        return isFirst ? upTo(this.#options.path, folder.directory) : [folder.directory];
      },
      synced: () => {
        if (isClosed) closeFiles();
      },
    };
    const recorder = new FolderRecorder(folder, {
      clock: this.#options.clock,
      onBytes: (bytes) => this.#options.onBytes?.(bytes),
      onDirty: () => this.#sync?.mark(group),
      onLate: () => this.#behind.mark(recorder),
      onLost: (error) => this.#log.error('the last results of a session are not in its recording', { session: folder.session, error: messageOf(error) }),
      onClose: () => {
        isClosed = true;
        this.#behind.forget(recorder);
        if (this.#sync === undefined) closeFiles();
        else this.#sync.mark(group);
      },
    });
    return recorder;
  }

  #closeFile(file: AppendFile): void {
    try {
      file.close();
    } catch (error) {
      this.#log.error('cannot close a recording', { error: messageOf(error) });
    }
  }
}

/**
 * Makes the session's directory, which must be new, and those above it, which need not be. Not by
 * `recursive: true`: where the system answers ENOENT for a parent that exists, as in /proc, Node never returns.
 */
function makeDirectory(directory: string): void {
  try {
    if (isMade(directory)) return;
    // The first session of its day.
    makeMissing(dirname(directory));
    mkdirSync(directory, { mode: 0o700 });
  } catch (cause) {
    throw cannotOpen(cause);
  }
}

/** False when there is nothing to make it in. */
function isMade(directory: string): boolean {
  try {
    mkdirSync(directory, { mode: 0o700 });
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

function makeMissing(directory: string): void {
  const missing: string[] = [];
  for (let at = directory; !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const parent of missing) makeUnlessThere(parent);
}

function makeUnlessThere(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    // Another session of the day was first.
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
}

/** The directory and every one above it, the root included. */
function upTo(root: string, directory: string): string[] {
  const chain = [directory];
  for (let at = directory; at !== root && at !== dirname(at); ) {
    at = dirname(at);
    chain.push(at);
  }
  return chain;
}

function cannotOpen(cause: unknown): CodedError {
  return new CodedError('REC_OPEN', `cannot begin a recording: ${messageOf(cause)}`, { cause });
}
