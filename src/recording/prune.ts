import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../lib/coded-error.ts';
import { readLastRecord } from './read.ts';
import { recordsFile, sessionFolders, type SessionFolder } from './session-folder.ts';

export interface PruneResult {
  readonly removed: readonly string[];
  readonly failed: readonly { readonly session: string; readonly message: string }[];
}

export interface PruneOptions {
  /** Sessions known to be still recorded, by directory. */
  readonly isOpen?: (directory: string) => boolean;
  /**
   * A session without a last record is either open, perhaps in another process, or was cut off by a crash. One
   * that nobody has written to for this long beyond its retention is taken for the second.
   */
  readonly abandonedAfterMs?: number;
}

const defaultAbandonedAfterMs = 30 * 86_400_000;

/** Removes whole sessions that ended longer ago than the retention. */
export function pruneFolder(root: string, retentionMs: number, nowMs: number, options: PruneOptions = {}): PruneResult {
  const removed: string[] = [];
  const failed: { session: string; message: string }[] = [];
  for (const folder of sessionFolders(root)) {
    try {
      if (options.isOpen?.(folder.directory) === true || !isPast(folder, retentionMs, nowMs, options)) continue;
      rmSync(folder.directory, { recursive: true });
      removed.push(folder.session);
    } catch (error) {
      failed.push({ session: folder.session, message: messageOf(error) });
    }
  }
  return { removed, failed };
}

function isPast(folder: SessionFolder, retentionMs: number, nowMs: number, options: PruneOptions): boolean {
  const last = readLastRecord(folder.directory);
  if (last?.kind === 'SessionEnd') return Date.parse(last.at) + retentionMs < nowMs;
  const { mtimeMs } = statSync(join(folder.directory, recordsFile));
  return mtimeMs + retentionMs + (options.abandonedAfterMs ?? defaultAbandonedAfterMs) < nowMs;
}
