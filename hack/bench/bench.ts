// Measures the gateway against a direct connection and against pgbouncer, and prints one table. See docs/benchmarks.md.
//
//   node hack/bench/bench.ts [--quick] [--json FILE] [--cpu-prof DIRECTORY]

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { unprivilegedAccount } from '../../src/cli/embedded-binaries.ts';
import { startDatabase } from './database.ts';
import { startGateway } from './gateway.ts';
import type { Measure } from './measure.ts';
import { startPgbouncer } from './pgbouncer.ts';
import { json, table } from './report.ts';
import { type Bench, connects, largeResults, memory, transactions } from './suites.ts';
import { requireTools } from './tools.ts';

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, json: { type: 'string' }, 'cpu-prof': { type: 'string' } } });
const isQuick = values.quick;
const conditions = { isQuick, rounds: isQuick ? 3 : 5, secondsEach: isQuick ? 1 : 3 };
const limitMinutes = isQuick ? 5 : 15;

/** What to end and remove, the newest first. */
const undo: (() => Promise<unknown>)[] = [];
const ending = new AbortController();

async function cleanUp(): Promise<void> {
  ending.abort();
  for (const step of undo.splice(0).reverse()) await step().catch((thrown: unknown) => { console.error(thrown); });
}

function endEarly(why: string, code: number): void {
  if (ending.signal.aborted) return;
  console.error(`bench: ${why}`);
  void cleanUp().then(() => process.exit(code));
}

async function prepare(): Promise<Bench> {
  const tools = requireTools();
  say('starting PostgreSQL, pgbouncer and the gateway');
  const directory = await mkdtemp(path.join(os.tmpdir(), 'chaperone-bench-'));
  undo.push(() => rm(directory, { recursive: true, force: true }));
  const account = unprivilegedAccount();
  const database = await startDatabase(tools.pgbench);
  undo.push(() => database.server.stop());
  const pgbouncer = await startPgbouncer(tools.pgbouncer, database, database.server.socketDirectory, account);
  undo.push(() => pgbouncer.process.stop());
  const profile = values['cpu-prof'];
  const nodeOptions = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${path.resolve(profile)}`];
  const gateway = await startGateway(database.route, path.join(directory, 'gateway'), nodeOptions);
  undo.push(() => gateway.process.stop());
  return { tools, database, pgbouncer, gateway, directory, account, rounds: conditions.rounds, seconds: conditions.secondsEach, say };
}

const started = performance.now();
function say(what: string): void {
  console.error(`[${((performance.now() - started) / 1_000).toFixed(0).padStart(3)} s] ${what}`);
}

process.on('SIGINT', () => { endEarly('interrupted', 130); });
process.on('uncaughtException', (error) => { endEarly(error.stack ?? String(error), 1); });
process.on('SIGTERM', () => { endEarly('interrupted', 143); });
setTimeout(() => { endEarly(`not done within ${limitMinutes} minutes`, 1); }, limitMinutes * 60_000).unref();

try {
  const bench = await prepare();
  const measures: Measure[] = [];
  for (const suite of [transactions, largeResults, connects, memory]) measures.push(...(await suite(bench)));
  console.log(table(measures));
  if (values.json !== undefined) await writeFile(values.json, json(measures, conditions));
  say('done');
} catch (thrown) {
  if (!ending.signal.aborted) console.error(thrown);
  process.exitCode = 1;
} finally {
  if (!ending.signal.aborted) await cleanUp();
}
