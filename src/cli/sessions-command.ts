import { Command, Option } from 'commander';
import { sessionFolders } from '../recording/session-folder.ts';
import { type SessionSummary, summarise } from '../recording/summary.ts';
import { defaultRecordingsFolder, recordingsFolder } from './recordings-folder.ts';
import { harmlessJson } from './terminal-text.ts';
import { textTable } from './text-table.ts';

interface SessionsOptions {
  readonly dir: string;
  readonly output: 'table' | 'json';
}

/** `chaperone sessions`: what has been recorded. */
export function sessionsCommand(): Command {
  return new Command('sessions')
    .description('list recorded sessions')
    .option('--dir <directory>', 'the recordings folder', defaultRecordingsFolder)
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table'))
    .action((options: SessionsOptions, command: Command) => {
      const sessions = [...sessionFolders(recordingsFolder(options.dir, command))].map(summarise);
      sessions.sort((a, b) => (a.started < b.started ? -1 : a.started > b.started ? 1 : 0));
      process.stdout.write(options.output === 'json' ? `${harmlessJson(sessions, 2)}\n` : `${table(sessions)}\n`);
    });
}

function table(sessions: readonly SessionSummary[]): string {
  if (sessions.length === 0) return 'no sessions';
  const heading = ['SESSION', 'CONNECTION', 'SUBJECT', 'STARTED', 'DURATION', 'STATEMENTS', 'DENIED', 'ROWS', 'END', 'STATE'];
  return textTable(heading, sessions.map(row));
}

function row(session: SessionSummary): string[] {
  return [
    session.session,
    session.connection,
    session.subject,
    session.started,
    `${(session.durationMs / 1_000).toFixed(1)}s`,
    String(session.statements),
    String(session.denied),
    String(session.rows),
    session.reason ?? '',
    session.state,
  ];
}
