/** pgbouncer in session mode, the yardstick: a relay in C that decides, masks and records nothing. */
import { chownSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Account } from '../../src/cli/embedded-binaries.ts';
import { accepts, type BackgroundProcess, freePorts, startBackground } from './background-process.ts';
import type { Database } from './database.ts';
import type { Route } from './route.ts';

export interface Pgbouncer {
  readonly process: BackgroundProcess;
  readonly route: Route;
}

/** `directory` must be the account's. */
export async function startPgbouncer(program: string, { route: target, scramSecret }: Database, directory: string, account: Account | undefined): Promise<Pgbouncer> {
  const [port = 0] = await freePorts(1);
  const write = (name: string, text: string): string => {
    const file = path.join(directory, `${port}-${name}`);
    writeFileSync(file, text, { mode: 0o600 });
    if (account !== undefined) chownSync(file, account.uid, account.gid);
    return file;
  };
  // With the server's own secret it need not derive keys at each login, which takes 4,096 rounds of SHA-256.
  const users = write('users.txt', `"${target.user}" "${scramSecret}"\n`);
  const config = write('pgbouncer.ini', configuration(target, port, users));
  // Each session holds two sockets; the usual soft limit of 1,024 would end at 500.
  const command = ['sh', '-c', 'ulimit -n 4096; exec "$0" "$1"', program, config] as const;
  const running = await startBackground([...command], { ...account, isUp: () => accepts(port) });
  return { process: running, route: { ...target, port } };
}

function configuration(target: Route, port: number, users: string): string {
  return `[databases]
${target.database} = host=127.0.0.1 port=${target.port} dbname=${target.database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = session
max_client_conn = 1200
default_pool_size = 1100
log_connections = 0
log_disconnections = 0
`;
}
