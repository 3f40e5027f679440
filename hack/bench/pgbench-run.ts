import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Route } from './route.ts';

export interface PgbenchOptions {
  readonly mode: 'simple' | 'extended' | 'prepared';
  readonly clients: number;
  readonly seconds: number;
  /** A new connection for each transaction. */
  readonly reconnect?: boolean;
}

export interface PgbenchResult {
  readonly transactions: number;
  readonly perSecond: number;
}

/** `pgbench -S`: one indexed row a transaction. A failed transaction fails the bench: refusals are fast. */
export async function runPgbench(pgbench: string, route: Route, options: PgbenchOptions): Promise<PgbenchResult> {
  const load = ['-S', '-n', '-M', options.mode, '-c', String(options.clients), '-T', String(options.seconds)];
  const args = [...load, ...(options.reconnect === true ? ['-C'] : []), '-h', '127.0.0.1', '-p', String(route.port), '-U', route.user, route.database];
  const env = { PATH: process.env['PATH'], PGPASSWORD: route.password, PGSSLMODE: 'disable', PGGSSENCMODE: 'disable' };
  const { stdout, stderr } = await promisify(execFile)(pgbench, args, { env });
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? NaN);
  const transactions = number(/transactions actually processed: (\d+)/);
  const perSecond = number(/^tps = ([\d.]+)/m);
  if (!(transactions > 0) || stderr.includes('ERROR')) throw new Error(`pgbench failed on port ${route.port}:\n${stderr}${stdout}`);
  return { transactions, perSecond };
}
