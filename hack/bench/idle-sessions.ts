import { Client } from 'pg';
import type { Route } from './route.ts';

const atOnce = 20;

/** Opens sessions until `count` of `open` are there; each has run one statement, so each holds a server process. */
export async function openIdleSessions(route: Route, open: Client[], count: number): Promise<void> {
  while (open.length < count) {
    const batch = Array.from({ length: Math.min(atOnce, count - open.length) }, () => new Client({ ...route, host: '127.0.0.1' }));
    await Promise.all(batch.map(async (client) => {
      client.on('error', () => undefined);
      await client.connect();
      await client.query('select abalance from pgbench_accounts where aid = 1');
    }));
    open.push(...batch);
  }
}

export async function closeSessions(open: Client[]): Promise<void> {
  await Promise.all(open.splice(0).map((client) => client.end()));
}
