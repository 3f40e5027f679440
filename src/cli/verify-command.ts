import { Command, Option } from 'commander';
import { type SessionFolder, sessionFolders } from '../recording/session-folder.ts';
import { type Verification, verifySession } from '../recording/verify.ts';
import { defaultRecordingsFolder, recordingsFolder, sessionOrError } from './recordings-folder.ts';
import { harmless, harmlessJson } from './terminal-text.ts';

interface VerifyOptions {
  readonly dir: string;
  readonly output: 'text' | 'json';
  readonly expectHead?: string;
}

/** The worst of all sessions decides. */
const exitCodes = { Verified: 0, Tampered: 1, Incomplete: 2 } as const;

/** `chaperone verify`: whether recordings are as they were written. Exit code 0 verified, 1 tampered, 2 incomplete, 3 not found. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('check that recordings are as they were written (exit code 0 verified, 1 tampered, 2 incomplete, 3 not found)')
    .argument('[id]', 'a session id or its beginning; all sessions without it')
    .option('--dir <directory>', 'the recordings folder', defaultRecordingsFolder)
    .option('--expect-head <hash>', 'a head noted earlier, which must be in the chain')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'))
    .action((id: string | undefined, options: VerifyOptions, command: Command) => {
      if (id === undefined && options.expectHead !== undefined) command.error('error: --expect-head needs a session id');
      const folders = id === undefined ? [...sessionFolders(recordingsFolder(options.dir, command))] : [sessionOrError(options.dir, id, command)];
      if (folders.length === 0) command.error('error: no sessions', { exitCode: 3 });
      const head = options.expectHead === undefined ? {} : { expectHead: options.expectHead.toLowerCase() };
      const checked = folders.map((folder) => ({ folder, verification: verifySession(folder.directory, head) }));
      const statuses = new Set(checked.map(({ verification }) => verification.status));
      process.exitCode = exitCodes[statuses.has('Tampered') ? 'Tampered' : statuses.has('Incomplete') ? 'Incomplete' : 'Verified'];
      if (options.output === 'json') {
        const listed = checked.map(({ folder, verification }) => ({ ...verification, session: folder.session, connection: folder.connection }));
        process.stdout.write(`${harmlessJson(listed, 2)}\n`);
      } else {
        for (const { folder, verification } of checked) process.stdout.write(`${line(folder, verification)}\n`);
      }
    });
}

function line(folder: SessionFolder, { status, records, head, framesBytes, finding }: Verification): string {
  const where = finding?.line === undefined ? '' : `line ${finding.line}: `;
  const why = finding === undefined ? '' : `  ${where}${harmless(finding.reason)}`;
  return `${status.padEnd(10)}  ${folder.session}  ${folder.connection}  ${records} records, ${framesBytes} bytes of frames, head ${head || 'none'}${why}`;
}
