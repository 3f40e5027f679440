import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { findSession, type SessionFolder } from '../recording/session-folder.ts';
import { harmless } from './terminal-text.ts';

export const defaultRecordingsFolder = 'state/recordings';

/** The folder, or the command ends saying that it is not there: an empty answer would look like good news. */
export function recordingsFolder(directory: string, command: Command): string {
  if (existsSync(directory)) return directory;
  return command.error(`error: no recordings folder ${harmless(directory)}; name it with --dir`, { exitCode: 3 });
}

export function sessionOrError(directory: string, id: string, command: Command): SessionFolder {
  const found = findSession(recordingsFolder(directory, command), id);
  return found.ok ? found.value : command.error(`error: ${harmless(found.error)}`, { exitCode: 3 });
}
