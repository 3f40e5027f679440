/** The programs that the bench runs beside the gateway: found, or installed where that is ours to do. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface Tools {
  readonly pgbench: string;
  readonly pgbouncer: string;
}

/** Debian keeps server programs out of the PATH, and pgbouncer in sbin. */
function places(): readonly string[] {
  const debian = '/usr/lib/postgresql';
  const versions = listed(debian).sort((a, b) => Number(b) - Number(a));
  const path = (process.env['PATH'] ?? '').split(':').filter((entry) => entry !== '');
  return [...versions.map((version) => join(debian, version, 'bin')), ...path, '/usr/sbin', '/usr/local/sbin'];
}

/** Both programs; says what is missing and ends with code 2 when it may not install them. */
export function requireTools(): Tools {
  const missing = (): readonly string[] => ['pgbench', 'pgbouncer'].filter((name) => find(name) === undefined);
  const aptGet = process.getuid?.() === 0 ? find('apt-get') : undefined;
  if (missing().length > 0 && aptGet !== undefined) install(aptGet, missing());
  const [pgbench, pgbouncer] = [find('pgbench'), find('pgbouncer')];
  if (pgbench !== undefined && pgbouncer !== undefined) return { pgbench, pgbouncer };
  console.error(`bench: missing: ${missing().join(', ')}. On Debian or Ubuntu, as root: apt-get install ${missing().map(debianPackage).join(' ')}`);
  process.exit(2);
}

function find(name: string): string | undefined {
  return places().map((place) => join(place, name)).find(isExecutable);
}

function install(aptGet: string, names: readonly string[]): void {
  const packages = names.map(debianPackage);
  console.error(`bench: installing ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
    // Its progress goes to standard error: standard output is for the table.
    spawnSync(aptGet, args, { env, stdio: ['ignore', 2, 2] });
  }
}

/** pgbench comes with the server. */
function debianPackage(name: string): string {
  return name === 'pgbench' ? 'postgresql' : name;
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
