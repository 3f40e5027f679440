import { Command, InvalidArgumentError } from 'commander';
import { replayAsJson } from './replay-json.ts';
import { replayAsText } from './replay-text.ts';
import { defaultRecordingsFolder, sessionOrError } from './recordings-folder.ts';

interface ReplayOptions {
  readonly dir: string;
  readonly json?: true;
  readonly rows: number;
}

/** `chaperone replay`: a session as it went. */
export function replayCommand(): Command {
  return new Command('replay')
    .description('print a recorded session: statements, decisions, timings and rows as the agent saw them')
    .argument('<id>', 'a session id or its beginning')
    .option('--dir <directory>', 'the recordings folder', defaultRecordingsFolder)
    .option('--rows <count>', 'rows to print of each result', parseCount, 100)
    .option('--json', 'one JSON document a line')
    .action((id: string, options: ReplayOptions, command: Command) => {
      const folder = sessionOrError(options.dir, id, command);
      const lines = options.json === true ? replayAsJson(folder.directory, options.rows) : replayAsText(folder.directory, options.rows);
      for (const line of lines) process.stdout.write(`${line}\n`);
    });
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count)) throw new InvalidArgumentError('write a whole number');
  return count;
}
