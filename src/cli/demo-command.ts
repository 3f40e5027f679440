import { Command } from 'commander';
import { messageOf } from '../lib/coded-error.ts';
import { programText } from './demo/explain-statement.ts';
import { Narrator } from './demo/narrator.ts';
import { type Stage, Undo, setStage } from './demo/stage.ts';
import { tellStory } from './demo/story.ts';

/** 128 + SIGINT, as shells count. */
const interruptedCode = 130;

/** `chaperone demo`: the product on a real PostgreSQL, in the terminal. Exit code 1 when any step is not as promised. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('show what a gateway does, on a real PostgreSQL with a small data set; stays up until Ctrl-C')
    .option('--once', 'exit after the last step: 0 when every step was as promised, 1 when not')
    .action(async ({ once }: { readonly once?: true }) => {
      const undo = new Undo();
      const interrupted = signalled();
      const code = await Promise.race([demo(undo, once === true), interrupted]).catch(brokenOff);
      if (code === 0 && once !== true) await interrupted;
      await undo.all();
      // What was half started when the signal came does not hold us.
      process.exit(code);
    });
}

async function demo(undo: Undo, once: boolean): Promise<number> {
  const narrator = new Narrator(process.stdout);
  const started = performance.now();
  narrator.say('Starting a PostgreSQL, and a gateway before it ...');
  const stage = await setStage(undo);
  await tellStory(stage, narrator);
  summarise(narrator, performance.now() - started);
  if (narrator.broken.length > 0) return 1;
  if (!once) invite(stage, narrator);
  return 0;
}

function brokenOff(thrown: unknown): number {
  process.stderr.write(`error: the demo broke off: ${messageOf(thrown)}\n`);
  return 1;
}

function summarise({ broken, checks }: Narrator, durationMs: number): void {
  const seconds = (durationMs / 1_000).toFixed(1);
  const lines = broken.length === 0 ? [`${checks} checks, all as promised, in ${seconds} s`] : [`${checks} checks, ${broken.length} not as promised:`, ...broken.map((promise) => `  ${promise}`)];
  process.stdout.write(`\n${lines.join('\n')}\n`);
}

function invite({ agent, directory, recordings }: Stage, narrator: Narrator): void {
  narrator.say('');
  narrator.say('Now you are the agent. The token is its password, for 8 hours:');
  process.stdout.write(`\nPGPASSWORD=${agent.password} psql "host=${agent.host} port=${agent.port} dbname=${agent.database} user=${agent.user} sslmode=disable"\n\n`);
  narrator.say(`Policies: ${directory} (change a file: the next statement is decided anew)`);
  narrator.say(`Recordings: ${programText()} sessions --dir ${recordings}`);
  narrator.say('Ctrl-C ends everything and removes it.');
}

/** Resolves with the exit code of a run that a signal broke off. */
function signalled(): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(interruptedCode));
  });
}
