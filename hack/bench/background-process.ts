/** A program that runs beside the bench until it is told to end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';

export interface BackgroundProcess {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface BackgroundOptions {
  readonly uid?: number;
  readonly gid?: number;
  readonly env?: NodeJS.ProcessEnv;
  /** Answers whether it serves by now. */
  readonly isUp: () => Promise<boolean>;
}

const startLimitMs = 30_000;
const stopLimitMs = 5_000;

/** Starts it and waits until it serves. */
export async function startBackground(command: readonly [string, ...string[]], options: BackgroundOptions): Promise<BackgroundProcess> {
  const { isUp, ...spawnOptions } = options;
  const [program, ...args] = command;
  const child = spawn(program, args, { ...spawnOptions, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const listen = (text: Buffer): void => { said = `${said}${text.toString()}`.slice(-4_000); };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const failed = new Promise<never>((_resolve, reject) => { child.once('error', reject); });
  failed.catch(() => undefined);
  const until = Date.now() + startLimitMs;
  while (!(await Promise.race([isUp(), failed]))) {
    await after(50);
    if (hasEnded(child) || Date.now() > until) {
      await end(child);
      throw new Error(`${program} did not start:\n${said}`);
    }
  }
  if (child.pid === undefined) throw new Error(`${program} has no process id`);
  return { pid: child.pid, stop: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child) || child.pid === undefined) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
  await ended;
  clearTimeout(kill);
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Whether something listens there. */
export async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => { resolve(true); socket.destroy(); });
    socket.once('error', () => { resolve(false); });
  });
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(servers.map((server) => new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('no port'));
      else resolve(address.port);
    });
  })));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
