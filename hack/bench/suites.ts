/** What the bench measures; each function gives lines of the table. */
import path from 'node:path';
import { type Account } from '../../src/cli/embedded-binaries.ts';
import { type Client } from 'pg';
import { peopleRows, type Database } from './database.ts';
import { type BenchGateway, startGateway, type Variant } from './gateway.ts';
import { closeSessions, openIdleSessions } from './idle-sessions.ts';
import { interleaved, type Measure } from './measure.ts';
import { type Pgbouncer, startPgbouncer } from './pgbouncer.ts';
import { runPgbench, type PgbenchOptions } from './pgbench-run.ts';
import { cpuSeconds, cpuSecondsWithChildren, peakResidentBytes, settledResidentBytes } from './process-usage.ts';
import { readRows } from './read-rows.ts';
import type { Route } from './route.ts';
import type { Tools } from './tools.ts';

export interface Bench {
  readonly tools: Tools;
  readonly database: Database;
  readonly pgbouncer: Pgbouncer;
  readonly gateway: BenchGateway;
  /** The servers' own, to put more servers in. */
  readonly directory: string;
  readonly account: Account | undefined;
  readonly rounds: number;
  readonly seconds: number;
  readonly say: (what: string) => void;
}

/** A gateway's variant, or a way around the gateway. */
type Arm = 'direct' | 'pgbouncer' | Variant;

interface LoadResult {
  readonly perSecond: number;
  /** Of the arm's own process: PostgreSQL's for `direct`. */
  readonly cpuMicroseconds: number;
}

export async function transactions(bench: Bench): Promise<readonly Measure[]> {
  const measures: Measure[] = [];
  for (const mode of ['simple', 'extended', 'prepared'] as const) {
    for (const clients of [1, 8, 32]) {
      // What recording and masking add is asked once.
      const more: readonly Arm[] = clients === 8 && mode === 'prepared' ? ['metadata', 'none', 'masked'] : [];
      const load = { mode, clients, seconds: bench.seconds };
      measures.push(...(await compareLoads(bench, `${mode}, ${clients} ${clients === 1 ? 'client' : 'clients'}`, load, ['direct', 'pgbouncer', 'full', ...more])));
    }
  }
  return measures;
}

export async function connects(bench: Bench): Promise<readonly Measure[]> {
  const load = { mode: 'simple', clients: 8, seconds: bench.seconds, reconnect: true } as const;
  return compareLoads(bench, 'connect and ask once, 8 clients', load, ['direct', 'pgbouncer', 'full']);
}

async function compareLoads(bench: Bench, name: string, load: PgbenchOptions, arms: readonly Arm[]): Promise<readonly Measure[]> {
  bench.say(name);
  const results = await interleaved(bench.rounds, arms, (arm) => loadOnce(bench, arm, load));
  await bench.gateway.forgetRecordings();
  const of = (arm: Arm, key: keyof LoadResult): readonly number[] => (results.get(arm) ?? []).map((result) => result[key]);
  const variants = arms.filter((arm) => arm !== 'direct' && arm !== 'pgbouncer');
  return [
    ...variants.map((arm): Measure => ({
      name: `${name}${suffix(arm)}`, unit: 'tps', direct: of('direct', 'perSecond'), pgbouncer: of('pgbouncer', 'perSecond'), gateway: of(arm, 'perSecond'),
    })),
    { name: '  its CPU', unit: 'us/transaction', pgbouncer: of('pgbouncer', 'cpuMicroseconds'), gateway: of('full', 'cpuMicroseconds') },
  ];
}

function suffix(variant: Variant): string {
  return { full: '', metadata: ', results: Metadata', none: ', results: None', masked: ', masks elsewhere' }[variant];
}

async function loadOnce(bench: Bench, arm: Arm, load: PgbenchOptions): Promise<LoadResult> {
  const before = cpuOf(bench, arm);
  const { transactions: count, perSecond } = await runPgbench(bench.tools.pgbench, routeOf(bench, arm), load);
  return { perSecond, cpuMicroseconds: ((cpuOf(bench, arm) - before) * 1e6) / count };
}

const plain = 'select id, name, email, phone, city, note from people';

/** A large result. What is masked is compared with a direct query that computes the same. */
export async function largeResults(bench: Bench): Promise<readonly Measure[]> {
  bench.say(`${peopleRows} rows`);
  const masked = await bench.gateway.sentText('masked', plain);
  const arms = ['direct', 'pgbouncer', 'none', 'full', 'direct masked', 'pgbouncer masked', 'masked'] as const;
  let bytes = 0;
  const results = await interleaved(bench.rounds, arms, async (name) => {
    const [arm, isMasked] = name === 'direct masked' ? ['direct' as const, true] : name === 'pgbouncer masked' ? ['pgbouncer' as const, true] : [name, false];
    const read = await readRows(routeOf(bench, arm), isMasked ? masked : plain);
    if (name === 'direct') bytes = read.bytes;
    await bench.gateway.forgetRecordings();
    return read.bytes / 1e6 / read.seconds;
  });
  const of = (arm: (typeof arms)[number]): readonly number[] => results.get(arm) ?? [];
  const name = `${peopleRows} rows of ${Math.round(bytes / peopleRows)} bytes`;
  return [
    { name: `${name}, results: None`, unit: 'MB/s', direct: of('direct'), pgbouncer: of('pgbouncer'), gateway: of('none') },
    { name: `${name}, results: Full`, unit: 'MB/s', direct: of('direct'), pgbouncer: of('pgbouncer'), gateway: of('full') },
    { name: '  two columns masked, results: Full', unit: 'MB/s', direct: of('direct masked'), pgbouncer: of('pgbouncer masked'), gateway: of('masked') },
  ];
}

/** Resident memory of processes that have done nothing else; the last line is the most they ever held on the way. */
export async function memory(bench: Bench): Promise<readonly Measure[]> {
  bench.say('memory of idle sessions');
  const gateway = await startGateway(bench.database.route, path.join(bench.directory, 'fresh-gateway'));
  try {
    const pgbouncer = await startPgbouncer(bench.tools.pgbouncer, bench.database, bench.database.server.socketDirectory, bench.account);
    try {
      const counts = [0, 100, 1_000];
      const ofGateway = await residentAt(counts, gateway.process.pid, gateway.route('full'));
      const ofPgbouncer = await residentAt(counts, pgbouncer.process.pid, pgbouncer.route);
      const lines = counts.map((count, at): Measure => ({
        name: `memory, ${count} idle sessions`, unit: 'MB', pgbouncer: ofPgbouncer.slice(at, at + 1), gateway: ofGateway.slice(at, at + 1),
      }));
      const peak = ({ pid }: { readonly pid: number }): readonly number[] => [peakResidentBytes(pid) / 1e6];
      return [...lines, { name: 'memory, peak', unit: 'MB', pgbouncer: peak(pgbouncer.process), gateway: peak(gateway.process) }];
    } finally {
      await pgbouncer.process.stop();
    }
  } finally {
    await gateway.process.stop();
  }
}

async function residentAt(counts: readonly number[], pid: number, route: Route): Promise<readonly number[]> {
  const open: Client[] = [];
  const megabytes: number[] = [];
  try {
    for (const count of counts) {
      await openIdleSessions(route, open, count);
      megabytes.push((await settledResidentBytes(pid)) / 1e6);
    }
    return megabytes;
  } finally {
    await closeSessions(open);
  }
}

function routeOf({ database, pgbouncer, gateway }: Bench, arm: Arm): Route {
  if (arm === 'direct') return database.route;
  return arm === 'pgbouncer' ? pgbouncer.route : gateway.route(arm);
}

function cpuOf({ database, pgbouncer, gateway }: Bench, arm: Arm): number {
  if (arm === 'direct') return cpuSecondsWithChildren(database.pid);
  return cpuSeconds(arm === 'pgbouncer' ? pgbouncer.process.pid : gateway.process.pid);
}
