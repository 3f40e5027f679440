import { afterEach, describe, expect, test } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startPostgres } from '../support/postgres.ts';

/** Polls: neither a file's end nor a stranger's process tells us when it happens. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await pause(10);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('an embedded server', () => {
  let starter: ChildProcess | undefined;
  afterEach(() => {
    starter?.kill('SIGKILL');
  });

  test('is gone, data and all, when its starter was killed', async () => {
    const source = join(import.meta.dirname, '..', '..', 'src', 'cli', 'embedded-server.ts');
    const script = `import { startEmbeddedServer } from ${JSON.stringify(source)};
      const server = await startEmbeddedServer();
      console.log(server.socketDirectory);`;
    // The environment is without jest's own Node options.
    starter = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(starter.stdout!, 'data')) as [Buffer];
    const directory = line.toString().trim();
    const pid = Number(readFileSync(join(directory, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
    expect(isRunning(pid)).toBe(true);
    starter.kill('SIGKILL');
    await until(() => !isRunning(pid) && !existsSync(directory));
  });

  test('keeps its port and data over a restart, and nothing after it was stopped', async () => {
    const server = await startPostgres();
    await server.sql('CREATE TABLE kept AS SELECT 1 AS a');
    const { port } = server;
    await server.restart();
    expect(server.port).toBe(port);
    expect(await server.sql('SELECT a FROM kept')).toEqual([{ a: 1 }]);
    expect(existsSync(server.socketDirectory)).toBe(true);
    await server.stop();
    expect(existsSync(server.socketDirectory)).toBe(false);
  });

  test('says why it did not start', async () => {
    await expect(startPostgres({ settings: { max_connections: 'many' } })).rejects.toThrow(/max_connections/);
  });
});
