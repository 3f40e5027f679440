/** The bench's PostgreSQL: pgbench's tables, and `people`, one million rows of 139 bytes on the wire. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { startEmbeddedServer, type EmbeddedServer } from '../../src/cli/embedded-server.ts';
import type { Route } from './route.ts';

export interface Database {
  readonly server: EmbeddedServer;
  /** Of the first server process: the parent of all others. */
  readonly pid: number;
  readonly route: Route;
  /** What the server keeps of the route's password. */
  readonly scramSecret: string;
}

const scale = 10;
export const peopleRows = 1_000_000;

const people = `
create table people as select
  n as id,
  'Person ' || lpad(n::text, 7, '0') as name,
  'person.' || lpad(n::text, 7, '0') || '@example.com' as email,
  '+1 555 ' || lpad((n::bigint * 7919 % 10000000)::text, 7, '0') as phone,
  (array['Lisbon', 'Nairobi', 'Osaka', 'Quito'])[1 + n % 4] as city,
  md5(n::text) as note
from generate_series(1, ${peopleRows}) n`;

export async function startDatabase(pgbench: string): Promise<Database> {
  const settings = { max_connections: '1300', shared_buffers: '512MB', max_wal_size: '4GB', autovacuum: 'off' };
  const server = await startEmbeddedServer({ settings });
  try {
    const pid = Number(readFileSync(path.join(server.socketDirectory, 'data', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
    const route = { port: server.port, user: 'bench', password: 'bench-only', database: 'postgres' };
    return { server, pid, route, scramSecret: await fill(server, pgbench, route) };
  } catch (thrown) {
    await server.stop();
    throw thrown;
  }
}

async function fill({ host, port, superuser }: EmbeddedServer, pgbench: string, route: Route): Promise<string> {
  const env = { PATH: process.env['PATH'], PGPASSWORD: superuser.password };
  const address = ['-h', host, '-p', String(port), '-U', superuser.user];
  await promisify(execFile)(pgbench, ['-i', '-q', '-s', String(scale), ...address, route.database], { env });
  const client = new Client({ host, port, ...superuser, database: route.database });
  await client.connect();
  try {
    await client.query(people);
    await client.query(`create role ${route.user} login password '${route.password}'`);
    await client.query(`grant select on all tables in schema public to ${route.user}`);
    await client.query('vacuum analyze');
    const { rows } = await client.query<{ rolpassword: string }>('select rolpassword from pg_authid where rolname = $1', [route.user]);
    return rows[0]?.rolpassword ?? '';
  } finally {
    await client.end();
  }
}
