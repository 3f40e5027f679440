import { messageOf } from '../lib/coded-error.ts';
import { readLastRecord, readRecords } from './read.ts';
import type { SessionFolder } from './session-folder.ts';
import type { StoredRecord } from './stored-record.ts';

/** One line about a session. Read from its records without checking the chain. */
export interface SessionSummary {
  readonly session: string;
  readonly connection: string;
  readonly subject: string;
  readonly started: string;
  /** To the last record, for a session that has no end. */
  readonly durationMs: number;
  readonly statements: number;
  readonly denied: number;
  readonly rows: number;
  readonly reason?: string;
  /** `OpenOrCut`: no last record. `Unreadable`: the first line is no SessionStart. */
  readonly state: 'Ended' | 'OpenOrCut' | 'Unreadable';
}

export function summarise(folder: SessionFolder): SessionSummary {
  try {
    const start = firstRecord(folder.directory);
    if (start?.kind !== 'SessionStart') return unreadable(folder, 'no SessionStart');
    const last = readLastRecord(folder.directory);
    const common = { session: folder.session, connection: folder.connection, subject: start.subject.name, started: start.at };
    if (last?.kind !== 'SessionEnd') return { ...common, ...count(folder.directory, start.at), state: 'OpenOrCut' };
    return {
      ...common,
      durationMs: Date.parse(last.at) - Date.parse(start.at),
      statements: last.actions,
      denied: last.denied,
      rows: last.rows,
      reason: last.reason,
      state: 'Ended',
    };
  } catch (error) {
    return unreadable(folder, messageOf(error));
  }
}

function firstRecord(directory: string): StoredRecord | undefined {
  for (const line of readRecords(directory)) return 'record' in line ? line.record : undefined;
  return undefined;
}

function count(directory: string, startedAt: string): Pick<SessionSummary, 'durationMs' | 'statements' | 'denied' | 'rows'> {
  let lastAt = startedAt;
  let statements = 0;
  let denied = 0;
  let rows = 0;
  for (const line of readRecords(directory)) {
    if (!('record' in line)) continue;
    lastAt = line.record.at;
    if (line.record.kind === 'Action') statements += 1;
    if (line.record.kind === 'Action' && line.record.decision.verdict === 'Deny') denied += 1;
    if (line.record.kind === 'Result') rows += line.record.rows;
  }
  return { durationMs: Date.parse(lastAt) - Date.parse(startedAt), statements, denied, rows };
}

function unreadable(folder: SessionFolder, reason: string): SessionSummary {
  const { session, connection } = folder;
  return { session, connection, subject: '', started: '', durationMs: 0, statements: 0, denied: 0, rows: 0, reason, state: 'Unreadable' };
}
