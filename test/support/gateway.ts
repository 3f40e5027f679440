/**
 * The whole product before a real PostgreSQL: a directory of YAML, the gateway that serves it, and tokens of the
 * local issuer. Everything goes through the files that a person would write.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { dump } from 'js-yaml';
import pg from 'pg';
import type { AccessPolicySpec } from '../../src/api/access-policy.ts';
import type { AgentConnectionSpec } from '../../src/api/agent-connection.ts';
import type { MaskRuleSpec } from '../../src/api/mask-rule.ts';
import { type FilesGateway, startFilesGateway } from '../../src/cli/files-gateway.ts';
import { GatewayMetrics } from '../../src/gateway/prometheus-metrics.ts';
import { localIssuerName, openLocalIssuer } from '../../src/identity/local-issuer.ts';
import type { Log } from '../../src/lib/log.ts';
import { readRecords } from '../../src/recording/read.ts';
import { sessionFolders } from '../../src/recording/session-folder.ts';
import type { StoredRecord } from '../../src/recording/stored-record.ts';
import { datasetLogins, loadDataset, type Postgres, startPostgres } from './postgres.ts';

/** What has a default may be left out, as in YAML. */
export type PolicySpec = Omit<AccessPolicySpec, 'targetRefs' | 'mode'> & Partial<Pick<AccessPolicySpec, 'mode'>>;
export type MaskSpec = Omit<MaskRuleSpec, 'targetRefs' | 'predicates' | 'assign'> & Partial<Pick<MaskRuleSpec, 'predicates' | 'assign'>>;

/** What stands in the directory, by name where there may be several. Tests edit it in place. */
export interface ShopWorld {
  connection: AgentConnectionSpec;
  policies: Record<string, PolicySpec>;
  masks: Record<string, MaskSpec>;
  secrets: Record<string, Record<string, string>>;
}

export interface ShopOptions {
  /** A server that tests share; without it a new one is started, and stopped with the gateway. */
  readonly postgres?: Postgres;
  readonly version?: 18 | 15;
  readonly policies?: Record<string, PolicySpec>;
  readonly masks?: Record<string, MaskSpec>;
  /** Replaces blocks of the connection. */
  readonly connection?: Partial<AgentConnectionSpec>;
  readonly secrets?: Record<string, Record<string, string>>;
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: string;
}

export interface ShopDirectory {
  readonly directory: string;
  readonly recordings: string;
  readonly port: number;
  readonly world: ShopWorld;
  /** A token of `agents/NAME`, or of an OIDC subject when the name starts with `oidc:`. */
  token(name?: string, ttlMs?: number): Promise<string>;
  write(): void;
  records(): StoredRecord[];
  remove(): void;
}

export interface ShopGateway extends ShopDirectory {
  readonly postgres: Postgres;
  readonly gateway: FilesGateway;
  readonly log: LogLine[];
  /** Edits the world, writes it, and has the gateway read it. */
  edit(change: (world: ShopWorld) => void): Promise<void>;
  rescan(): Promise<void>;
  connect(config?: pg.ClientConfig & { readonly subject?: string }): Promise<pg.Client>;
  close(): Promise<void>;
}

export const shopDatabase = 'shop';
const allOperations = ['Select', 'Insert', 'Update', 'Delete', 'Merge', 'Truncate', 'Copy', 'Lock', 'Listen', 'Ddl', 'Maintenance'] as const;

/** May do nearly everything, so that what holds it back is the mask. */
export function openPolicy(subject = 'tester', limits?: AccessPolicySpec['limits']): PolicySpec {
  return {
    subjects: [{ serviceAccount: { namespace: 'agents', name: subject } }],
    rules: [
      {
        name: 'all', effect: 'Allow',
        postgresql: { operations: [...allOperations], relations: ['*.*'], where: 'Optional', maxRows: 'Unlimited', functions: ['public.add_tax'], channels: ['*'] },
      },
    ],
    ...(limits !== undefined && { limits }),
  };
}

/** Every cell of the data set that holds a canary. */
export const allMasks: MaskSpec = {
  columns: [
    { relation: 'public.customers', column: 'email', mask: { type: 'Email' } },
    { relation: 'public.customers', column: 'ssn', mask: { type: 'KeepLast', count: 4 } },
    { relation: 'public.customers', column: 'phone', mask: { type: 'Redact' } },
    { relation: 'public.customers', column: 'birth', mask: { type: 'Truncate', unit: 'Year' } },
    { relation: 'public.customers', column: 'salary', mask: { type: 'Range', width: 10000 } },
    { relation: 'public.customers', column: 'notes', mask: { type: 'Redact' } },
    { relation: 'public.customers', column: 'address', mask: { type: 'Null' } },
    { relation: 'public.profiles', column: 'email', mask: { type: 'Redact' } },
    { relation: 'public.profiles', column: 'reach', mask: { type: 'Null' } },
    { relation: 'public.people', column: 'email', mask: { type: 'Redact' } },
    { relation: 'public.events', column: 'payload', mask: { type: 'Redact' } },
    { relation: 'support.tickets', column: 'body', mask: { type: 'Redact' } },
    { relation: '*.*', column: '*password*', mask: { type: 'Redact' } },
    { relation: '*.*', column: '*Token*', mask: { type: 'Hash' } },
  ],
};

export async function startShopGateway(options: ShopOptions = {}): Promise<ShopGateway> {
  const own = options.postgres === undefined ? await startShop(options.version) : undefined;
  const postgres = options.postgres ?? own;
  if (postgres === undefined) throw new Error('unreachable');
  const shop = await shopDirectory(postgres, options);
  const log: LogLine[] = [];
  const gateway = await startFilesGateway({ directory: shop.directory, host: '127.0.0.1', log: keptLog(log), metrics: new GatewayMetrics() });
  const clients: pg.Client[] = [];
  const rescan = (): Promise<void> => gateway.rescan();
  return {
    ...shop, postgres, gateway, log, rescan,
    edit: async (change) => {
      change(shop.world);
      shop.write();
      await rescan();
    },
    connect: async ({ subject, ...config } = {}) => {
      const client = new pg.Client({
        host: '127.0.0.1', port: shop.port, user: 'agent', database: shopDatabase, password: await shop.token(subject), ...config,
      });
      client.on('error', () => undefined);
      clients.push(client);
      await client.connect();
      return client;
    },
    close: async () => {
      for (const client of clients) void client.end().catch(() => undefined);
      await gateway.close();
      await own?.stop();
      shop.remove();
    },
  };
}

export async function startShop(version: 18 | 15 = 18): Promise<Postgres> {
  const postgres = await startPostgres({ version });
  await loadDataset(postgres, shopDatabase);
  return postgres;
}

/** The directory alone, for a gateway that runs as a process of its own. */
export async function shopDirectory(postgres: Pick<Postgres, 'host' | 'port'>, options: ShopOptions = {}): Promise<ShopDirectory> {
  const directory = mkdtempSync(path.join(tmpdir(), 'chaperone-shop-'));
  const issuer = await openLocalIssuer(path.join(directory, 'state'));
  const port = await freePort();
  const world: ShopWorld = {
    connection: { ...connectionSpec(postgres, port), ...options.connection },
    policies: options.policies ?? { open: openPolicy() },
    masks: options.masks ?? { pii: allMasks },
    secrets: {
      credentials: { username: datasetLogins.app.user, password: datasetLogins.app.password },
      introspection: { username: datasetLogins.introspection.user, password: datasetLogins.introspection.password },
      ...options.secrets,
    },
  };
  const write = (): void => {
    writeWhole(path.join(directory, 'world.yaml'), manifests(world));
  };
  write();
  const recordings = path.join(directory, 'recordings');
  mkdirSync(recordings, { recursive: true });
  return {
    directory, recordings, port, world, write,
    token: (name = 'tester', ttlMs = 600_000) => {
      const subject = name.startsWith('oidc:')
        ? { kind: 'Oidc' as const, subject: name.slice(5), groups: [] }
        : { kind: 'ServiceAccount' as const, namespace: 'agents', name };
      return issuer.mint({ subject, audience: 'chaperone', ttlMs, now: Date.now() });
    },
    records: () => recordsIn(recordings),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function connectionSpec({ host, port }: Pick<Postgres, 'host' | 'port'>, listen: number): AgentConnectionSpec {
  return {
    type: 'PostgreSQL',
    postgresql: {
      host, port, database: shopDatabase, tls: { mode: 'Disable' }, credentialsSecretRef: { name: 'credentials' }, introspectionSecretRef: { name: 'introspection' },
    },
    identity: { serviceAccounts: { audience: 'chaperone', issuer: localIssuerName, jwksURL: 'file:state/jwks.json' }, maxTokenAge: '8h', onExpiry: 'End' },
    masking: { required: [] },
    gateway: { port: listen, replicas: 1, drainTimeout: '2s' },
    recording: { store: { folder: { path: './recordings' } }, results: 'Full', onFailure: 'Block' },
  };
}

function manifests(world: ShopWorld): string {
  const apiVersion = 'chaperone.dev/v1alpha1';
  const targetRefs = [{ group: 'chaperone.dev', kind: 'AgentConnection', name: 'shop' }];
  const metadata = (name: string): object => ({ name, namespace: 'team-a' });
  const objects = [
    { apiVersion, kind: 'AgentConnection', metadata: metadata('shop'), spec: world.connection },
    ...Object.entries(world.policies).map(([name, spec]) => ({ apiVersion, kind: 'AccessPolicy', metadata: metadata(name), spec: { targetRefs, ...spec } })),
    ...Object.entries(world.masks).map(([name, spec]) => ({ apiVersion, kind: 'MaskRule', metadata: metadata(name), spec: { targetRefs, ...spec } })),
    ...Object.entries(world.secrets).map(([name, stringData]) => ({ apiVersion: 'v1', kind: 'Secret', metadata: metadata(name), stringData })),
  ];
  return objects.map((object) => dump(object)).join('---\n');
}

/** Readers see the old file or the new one. */
function writeWhole(file: string, text: string): void {
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, text);
  renameSync(draft, file);
}

function recordsIn(root: string): StoredRecord[] {
  const found: StoredRecord[] = [];
  for (const { directory } of sessionFolders(root)) {
    for (const line of readRecords(directory)) if ('record' in line) found.push(line.record);
  }
  return found;
}

function keptLog(lines: LogLine[]): Log {
  const at = (level: LogLine['level']) => (message: string, fields?: object): void => {
    lines.push({ level, message, fields: JSON.stringify(fields ?? {}) });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port'));
        else resolve(address.port);
      });
    });
  });
}

/** Polls, for what nothing announces. Fails with the last reason it was given. */
export async function eventually<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>, withinMs = 15_000): Promise<T> {
  const until = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > until) throw new Error(`it never came to pass: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
