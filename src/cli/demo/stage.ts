/**
 * What the demo plays on: a real PostgreSQL with the shop in it, and a gateway before it that serves a copy of
 * examples/quickstart. Nothing of it is left once `clear` is done.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayMetrics } from '../../gateway/prometheus-metrics.ts';
import { openLocalIssuer } from '../../identity/local-issuer.ts';
import { systemClock } from '../../lib/clock.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../embedded-server.ts';
import { startFilesGateway } from '../files-gateway.ts';
import { jsonLog } from '../json-log.ts';
import { Agent, type Login } from './agent.ts';
import { copyQuickstart, type QuickstartCopy } from './quickstart-copy.ts';

const database = 'shop';
const tokenTtlMs = 8 * 60 * 60_000;

export const subject = { kind: 'ServiceAccount', namespace: 'agents', name: 'support-agent' } as const;
export const connection = 'shop/orders-db';

export interface Stage {
  readonly directory: string;
  readonly recordings: string;
  /** How the agent logs in: its password is its token. */
  readonly agent: Login & { readonly password: string };
  /** Where the database itself listens. */
  readonly target: { readonly host: string; readonly port: number; readonly database: string };
  /** The database's administrator, by a way that no agent has. */
  readonly administrator: Login;
}

/** What has to be undone, newest first. */
export class Undo {
  readonly #steps: (() => void | Promise<void>)[] = [];

  add(step: () => void | Promise<void>): void {
    this.#steps.unshift(step);
  }

  /** For what is still starting: an end that comes meanwhile waits for it, then undoes it. */
  async once<T>(starting: Promise<T>, step: (started: T) => Promise<void>): Promise<T> {
    this.add(() => starting.then(step, () => undefined));
    return starting;
  }

  async all(): Promise<void> {
    for (const step of this.#steps.splice(0)) await step();
  }
}

export async function setStage(undo: Undo): Promise<Stage> {
  const copy = await copyQuickstart();
  undo.add(() => { rmSync(copy.directory, { recursive: true, force: true }); });
  const server = await undo.once(startEmbeddedServer({ port: copy.ports.target }), (started) => started.stop());
  await loadShop(server, copy);
  const issuer = await openLocalIssuer(join(copy.directory, 'state'));
  const token = await issuer.mint({ subject, audience: 'chaperone', ttlMs: tokenTtlMs, now: systemClock.now() });
  const options = { directory: copy.directory, host: '127.0.0.1', log: jsonLog('warn'), metrics: new GatewayMetrics() };
  const gateway = await undo.once(startFilesGateway(options), (started) => started.close());
  const [served] = gateway.connections;
  if (served === undefined) throw new Error(`the gateway does not serve: ${gateway.notReady().join('; ')}`);
  return {
    directory: copy.directory,
    recordings: join(copy.directory, 'recordings'),
    agent: { host: served.host, port: served.port, user: 'agent', password: token, database },
    target: { host: server.host, port: server.port, database },
    administrator: administratorOf(server, database),
  };
}

async function loadShop(server: EmbeddedServer, { shop }: QuickstartCopy): Promise<void> {
  await administrate(administratorOf(server, 'postgres'), `CREATE DATABASE ${database}`);
  await administrate(administratorOf(server, database), shop);
}

async function administrate(login: Login, statements: string): Promise<void> {
  const administrator = await Agent.connect(login);
  const { error } = await administrator.ask(statements);
  await administrator.end();
  if (error !== undefined) throw new Error(`the shop could not be loaded: ${error.message}`);
}

/** Over the Unix socket, which only its owner and root reach. */
function administratorOf(server: EmbeddedServer, of: string): Login {
  return { host: server.socketDirectory, port: server.port, user: server.superuser.user, database: of };
}
