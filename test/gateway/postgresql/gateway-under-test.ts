/** A real gateway before a real PostgreSQL: only the identity provider, the bundle's source and the recording's place are stand-ins. */
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import type { Bundle, MaskRule, Policy, Rule } from '../../../src/bundle/bundle.ts';
import type { Subject } from '../../../src/bundle/subject.ts';
import type { BundleSource, Metrics, RecordSink, SecretSource, SessionRecorder, TokenVerifier } from '../../../src/gateway/ports.ts';
import type { CatalogueInForce } from '../../../src/gateway/postgresql/catalogue-in-force.ts';
import { CatalogueSource } from '../../../src/gateway/postgresql/catalogue-source.ts';
import { type PostgresqlGateway, type PostgresqlGatewayDeps, startPostgresqlGateway } from '../../../src/gateway/postgresql/postgresql-gateway.ts';
import type { Revision, SessionId } from '../../../src/lib/brand.ts';
import { canonicalJson, sha256Hex } from '../../../src/lib/canonical.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { parseNamePattern } from '../../../src/lib/glob.ts';
import type { Log } from '../../../src/lib/log.ts';
import { err, ok } from '../../../src/lib/result.ts';
import { Secret } from '../../../src/lib/secret.ts';
import type { Catalogue } from '../../../src/sql/catalogue.ts';
import type { RecordBody } from '../../../src/recording/record.ts';
import { createParser } from '../../../src/sql/parser.ts';
import { createPlanner } from '../../../src/sql/planner.ts';
import { datasetLogins, type Postgres } from '../../support/postgres.ts';

export const agent: Subject = {
  kind: 'ServiceAccount', name: 'serviceaccount:agents/tester', serviceAccount: { namespace: 'agents', name: 'tester' }, groups: [], issuer: 'test',
  credentialId: 'token-1', expiresAt: Number.MAX_SAFE_INTEGER,
};
export const token = 'token-of-the-agent';

export function pattern(text: string): { schema: string; name: string } {
  const parsed = parseNamePattern(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

export function rule(fields: Partial<Omit<Rule['postgresql'], 'relations'>> & { name?: string; effect?: Rule['effect']; relations?: string[] }): Rule {
  const { name = 'rule', effect = 'Allow', relations = ['*.*'], ...rest } = fields;
  return {
    name, effect,
    postgresql: {
      operations: ['Select'], columns: ['*'], functions: [], settings: [], channels: ['*'], where: 'Optional', relations: relations.map(pattern), ...rest,
    },
  };
}

export const allowAll = rule({ name: 'all', operations: ['Select', 'Insert', 'Update', 'Delete', 'Merge', 'Copy', 'Lock', 'Truncate', 'Ddl', 'Listen', 'Call', 'Maintenance'] });

export function policy(rules: readonly Rule[], limits: Policy['limits'] = {}): Policy {
  return {
    ref: { kind: 'AccessPolicy', namespace: 'team-a', name: 'policy' }, subjects: [{ kind: 'ServiceAccount', namespace: 'agents', name: 'tester' }],
    mode: 'Enforce', rules, limits,
  };
}

export function maskEmails(): MaskRule {
  return {
    name: 'team-a/emails', exemptSubjects: [], predicates: 'Masked', assign: 'Deny', detect: [],
    columns: [{ relation: pattern('public.customers'), column: 'email', mask: { type: 'Redact' } }],
  };
}

export class TestBundles implements BundleSource {
  current: { bundle: Bundle; revision: Revision };
  readonly #listeners = new Set<() => void>();

  constructor(bundle: Bundle) {
    this.current = { bundle, revision: revisionOf(bundle) };
  }

  set(change: Partial<Bundle>): void {
    const bundle = { ...this.current.bundle, ...change };
    this.current = { bundle, revision: revisionOf(bundle) };
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function revisionOf(bundle: Bundle): Revision {
  return sha256Hex(canonicalJson(bundle)) as Revision;
}

/** Keeps records in memory; `failure` makes every call throw. */
export class MemoryRecords implements RecordSink {
  readonly records: RecordBody[] = [];
  readonly frames: Buffer[] = [];
  failure: Error | undefined;
  failFrames: Error | undefined;

  open(start: RecordBody & { kind: 'SessionStart' }): SessionRecorder {
    this.#add(start);
    return {
      session: start.session as SessionId,
      write: (record) => this.#add(record),
      frames: (bytes) => {
        const failure = this.failure ?? this.failFrames;
        if (failure !== undefined) throw failure;
        this.frames.push(Buffer.from(bytes));
      },
      sealFrames: () => undefined,
      close: () => undefined,
    };
  }

  of<K extends RecordBody['kind']>(kind: K): Extract<RecordBody, { kind: K }>[] {
    return this.records.filter((record): record is Extract<RecordBody, { kind: K }> => record.kind === kind);
  }

  #add(record: RecordBody): void {
    if (this.failure !== undefined) throw this.failure;
    this.records.push(record);
  }
}

/** The real source, whose own looks a test can hold back. */
export class HeldCatalogue implements CatalogueInForce {
  readonly #source: CatalogueSource;
  #held: Catalogue | undefined;

  constructor(source: CatalogueSource) {
    this.#source = source;
  }

  get current(): Catalogue | undefined {
    return this.#held ?? this.#source.current;
  }

  get isStale(): boolean {
    return this.#source.isStale;
  }

  async refresh(): Promise<unknown> {
    const fresh = await this.#source.refresh();
    if (this.#held !== undefined) this.#held = fresh;
    return fresh;
  }

  /** Only what the gateway itself asks for is read from here on. */
  holdPoll(): void {
    this.#held = this.#source.current;
  }
}

export interface GatewayUnderTest {
  readonly catalogue: HeldCatalogue;
  readonly gateway: PostgresqlGateway;
  readonly address: AddressInfo;
  readonly bundles: TestBundles;
  readonly records: MemoryRecords;
  readonly secrets: Map<string, string>;
  readonly problems: string[];
  subject: Subject;
  connect(config?: pg.ClientConfig): Promise<pg.Client>;
  close(): Promise<void>;
}

const nothing = (): void => undefined;
export const noMetrics: Metrics = {
  sessionStarted: nothing, sessionEnded: nothing, decided: nothing, decisionSeconds: nothing, rowsSent: nothing, recordedBytes: nothing,
  recordingFailed: nothing, loginFailed: nothing, bundleLoaded: nothing, reloadFailed: nothing,
};

export async function startGateway(postgres: Postgres, change: Partial<Bundle> = {}, deps: Partial<PostgresqlGatewayDeps> = {}, moreSecrets: ReadonlyMap<string, string> = new Map()): Promise<GatewayUnderTest> {
  const bundle: Bundle = {
    schemaVersion: 1, connection: { namespace: 'team-a', name: 'shop' },
    target: { type: 'PostgreSQL', host: postgres.host, port: postgres.port, database: 'shop', tls: { mode: 'Disable' }, credentialsSecret: 'app', introspectionSecret: 'introspection' },
    identity: { oidc: [], onExpiry: 'End' }, gateway: { port: 0, drainTimeoutMs: 1000, replicas: 1 }, masking: { required: [], missing: [] },
    policies: [policy([allowAll])], maskRules: [maskEmails()], recording: { store: { kind: 'Folder', path: '' }, results: 'Full', onFailure: 'Block' }, unresolved: [],
    ...change,
  };
  const bundles = new TestBundles(bundle);
  const records = new MemoryRecords();
  const problems: string[] = [];
  const secrets = new Map<string, string>([['app/username', datasetLogins.app.user], ['app/password', datasetLogins.app.password], ...moreSecrets]);
  const secretSource: SecretSource = {
    read: async (secret, key) => {
      const value = secrets.get(`${secret}/${key}`);
      return value === undefined ? err({ message: `Secret ${secret} has no ${key}` }) : ok(new Secret(value));
    },
    onChange: () => nothing,
  };
  const under: { subject: Subject } = { subject: agent };
  const verifier: TokenVerifier = {
    verify: async (credential) => {
      if (credential.certificate !== undefined || credential.token?.reveal() === token) return ok(under.subject);
      return err({ code: 'BadSignature', message: 'the token is not valid', isTemporary: false });
    },
  };
  const log: Log = { debug: nothing, info: nothing, warn: (message, fields) => problems.push(`${message} ${JSON.stringify(fields)}`), error: (message, fields) => problems.push(`${message} ${JSON.stringify(fields)}`) };
  const source = new CatalogueSource({
    login: async () => ({
      host: postgres.host, port: postgres.port, tls: { mode: 'Disable' }, database: 'shop', user: datasetLogins.introspection.user,
      password: new Secret(datasetLogins.introspection.password), role: datasetLogins.app.user,
    }),
    log, clock: systemClock,
  });
  await source.start();
  const catalogue = new HeldCatalogue(source);
  const gateway = await startPostgresqlGateway({
    listen: { host: '127.0.0.1', port: 0 }, bundles, secrets: secretSource, verifier, records, metrics: noMetrics, log, clock: systemClock, version: 'test',
    host: 'test', planner: createPlanner({ parser: await createParser() }), catalogue, hashKey: new Secret('key'), sweepEveryMs: 20, ...deps,
  });
  const clients: pg.Client[] = [];
  return {
    catalogue, gateway, address: gateway.address, bundles, records, secrets, problems,
    get subject() {
      return under.subject;
    },
    set subject(subject) {
      under.subject = subject;
    },
    connect: async (config = {}) => {
      const client = new pg.Client({ host: '127.0.0.1', port: gateway.address.port, user: 'anyone', password: token, database: 'shop', ...config });
      client.on('error', nothing);
      clients.push(client);
      await client.connect();
      return client;
    },
    close: async () => {
      for (const client of clients) void client.end().catch(nothing);
      await gateway.close();
      await source.close();
    },
  };
}
