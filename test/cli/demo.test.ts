import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';

const program = join(import.meta.dirname, '../../src/cli/chaperone.ts');
/** Two runs of a whole PostgreSQL beside whatever else the machine does. */
const patienceMs = 90_000;

interface Run {
  readonly child: ChildProcess;
  text(): string;
  readonly exit: Promise<number | null>;
}

function demo(...options: string[]): Run {
  const child = spawn(process.execPath, [program, 'demo', ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more: string) => (text += more));
  return { child, text: () => text, exit: new Promise((resolve) => child.once('close', resolve)) };
}

/** Holds the port, unless somebody else does already. */
async function taken(port: number): Promise<() => Promise<void>> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(() => Promise.resolve()));
    server.listen(port, '127.0.0.1', () => resolve(() => new Promise((closed) => server.close(() => closed()))));
  });
}

let release: (() => Promise<void>)[] = [];
beforeAll(async () => {
  // The ports that the quickstart writes are taken: the demo finds others.
  release = await Promise.all([54_320, 54_330].map(taken));
});
afterAll(async () => {
  await Promise.all(release.map((each) => each()));
});

describe('demo', () => {
  test('--once exits 0 when every step was as promised', async () => {
    const run = demo('--once');
    expect([await run.exit, run.text()]).toEqual([0, expect.stringMatching(/\d+ checks, all as promised, in [\d.]+ s\n$/)]);
    const text = run.text();
    for (const line of [
      'm****@mail.example',
      'paid by phone with ****1111',
      '22P02 the message is withheld',
      "42501 denied by AccessPolicy shop/support-agent rule 'never': DELETE on public.orders",
      "rule 'fix-orders', and approvals are not enabled",
      '28P01 password authentication failed for user "chaperone_gateway"',
      'recording Verified',
      '<- Tampered',
      '<- Incomplete',
    ]) expect(text).toContain(line);
    expect(text).not.toContain('port=54320');
    expect(text).not.toContain('\u001b');
    const directory = /\S+\/chaperone-demo-\w+/.exec(text)?.[0] ?? '';
    expect(directory).not.toBe('');
    expect(existsSync(directory)).toBe(false);
  }, patienceMs);

  test('stays up for the reader until it is told to end, and leaves nothing', async () => {
    const run = demo();
    try {
      await new Promise<void>((resolve, reject) => {
        run.child.stdout?.on('data', () => { if (run.text().includes('Ctrl-C ends')) resolve(); });
        void run.exit.then(() => { reject(new Error(run.text())); });
      });
      const [, password = '', host = '', port = '', directory = ''] = /PGPASSWORD=(\S+) psql "host=(\S+) port=(\d+) dbname=shop user=agent sslmode=disable"[^]*Policies: (\S+)/.exec(run.text()) ?? [];
      const client = new pg.Client({ host, port: Number(port), user: 'agent', database: 'shop', password });
      await client.connect();
      const { rows } = await client.query<{ email: string }>('select email from customers where id = 1');
      expect(rows).toEqual([{ email: 'm****@mail.example' }]);
      await client.end();
      expect(existsSync(directory)).toBe(true);
      run.child.kill('SIGINT');
      expect(await run.exit).toBe(0);
      expect(existsSync(directory)).toBe(false);
    } finally {
      run.child.kill('SIGKILL');
    }
  }, patienceMs);
});
