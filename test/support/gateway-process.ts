/** The gateway as the program that people start, so that it can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { eventually, freePort, type ShopDirectory } from './gateway.ts';

export interface GatewayProcess {
  readonly child: ChildProcess;
  readonly healthPort: number;
  /** What it has written to its log. */
  output(): string;
  kill(signal: NodeJS.Signals): Promise<void>;
}

const program = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'chaperone.ts');

export async function startGatewayProcess({ directory }: Pick<ShopDirectory, 'directory'>): Promise<GatewayProcess> {
  const healthPort = await freePort();
  // Without jest's own Node options.
  const child = spawn(process.execPath, [program, 'gateway', '--files', directory, '--health-port', String(healthPort)], {
    env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, 'exit');
  await eventually('the gateway is ready', async () => {
    if (child.exitCode !== null) throw new Error(output);
    return fetch(`http://127.0.0.1:${String(healthPort)}/readyz`).then(({ ok }) => ok, () => false);
  });
  return {
    child, healthPort,
    output: () => output,
    kill: async (signal) => {
      child.kill(signal);
      await exited;
    },
  };
}
