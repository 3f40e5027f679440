/**
 * Files mode: one process that serves every AgentConnection of a directory on loopback. Wiring only: the
 * provider reads, compile compiles, each connection's gateway enforces.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import path from 'node:path';
import type { Bundle } from '../bundle/bundle.ts';
import { startPostgresqlGateway, type PostgresqlGateway } from '../gateway/postgresql/postgresql-gateway.ts';
import { CatalogueSource } from '../gateway/postgresql/catalogue-source.ts';
import type { SecretSource } from '../gateway/ports.ts';
import type { GatewayMetrics } from '../gateway/prometheus-metrics.ts';
import { createVerifier } from '../identity/verify.ts';
import { namespacedName, type NamespacedName } from '../lib/brand.ts';
import { systemClock } from '../lib/clock.ts';
import { messageOf } from '../lib/coded-error.ts';
import type { Log } from '../lib/log.ts';
import { Secret } from '../lib/secret.ts';
import { createFolderSink, type FolderSink } from '../recording/folder-sink.ts';
import { createValueDigest } from '../recording/digest.ts';
import { ServedConnections, type ServedConnection } from '../provider/files/served-connections.ts';
import { describeProblem, type Snapshot } from '../provider/files/snapshot.ts';
import { watchDirectory, type DirectoryWatch } from '../provider/files/watch-directory.ts';
import { createParser, type Parser } from '../sql/parser.ts';
import { createPlanner } from '../sql/planner.ts';
import { introspectionLogin } from './target-logins.ts';
import { version } from './version.ts';

export interface FilesGatewayOptions {
  readonly directory: string;
  /** Loopback unless somebody asks for more; TLS is then required. */
  readonly host: string;
  readonly log: Log;
  readonly metrics: GatewayMetrics;
}

export interface FilesGateway {
  /** Why it is not ready; empty when every connection of the directory is served. */
  notReady(): readonly string[];
  readonly connections: readonly { readonly name: NamespacedName; readonly host: string; readonly port: number }[];
  rescan(): Promise<void>;
  drain(): Promise<void>;
  close(): Promise<void>;
}

export async function startFilesGateway(options: FilesGatewayOptions): Promise<FilesGateway> {
  const gateway = new ServedDirectory(options, await createParser());
  await gateway.start();
  return gateway;
}

/** One connection as it runs now. */
interface Running {
  /** What cannot change under a running gateway: where it listens, what it stands before, where it records. */
  readonly fixed: string;
  readonly bundle: () => Bundle | undefined;
  readonly records: FolderSink;
  readonly gateway: PostgresqlGateway;
  /** Lets go of everything but the gateway's own sessions. */
  release(): Promise<void>;
}

const pruneEveryMs = 3_600_000;

class ServedDirectory implements FilesGateway {
  readonly #options: FilesGatewayOptions;
  readonly #parser: Parser;
  readonly #running = new Map<NamespacedName, Running>();
  #failures: ReadonlyMap<NamespacedName, string> = new Map();
  /** Live as long as the process: a connection that comes back hashes as before. */
  readonly #hashKeys = new Map<NamespacedName, Secret<string>>();
  #connections: ServedConnections | undefined;
  #watch: DirectoryWatch | undefined;
  #pruning: NodeJS.Timeout | undefined;
  #applying: Promise<void> = Promise.resolve();

  constructor(options: FilesGatewayOptions, parser: Parser) {
    this.#options = options;
    this.#parser = parser;
  }

  get connections(): FilesGateway['connections'] {
    return [...this.#running.entries()].map(([name, { gateway }]) => ({ name, host: gateway.address.address, port: gateway.address.port }));
  }

  notReady(): readonly string[] {
    const reasons = [...this.#failures.entries()].map(([name, reason]) => `${name}: ${reason}`);
    return reasons.length === 0 && this.#running.size === 0 ? ['no connection is served'] : reasons;
  }

  async start(): Promise<void> {
    const { directory, log } = this.#options;
    this.#watch = await watchDirectory(directory, { log, onSnapshot: (snapshot) => void this.#apply(snapshot) });
    await this.#apply(this.#watch.current);
    this.#pruning = setInterval(() => { this.#prune(); }, pruneEveryMs).unref();
  }

  async rescan(): Promise<void> {
    await this.#watch?.rescan();
    await this.#applying;
  }

  async drain(): Promise<void> {
    await this.#end((gateway) => gateway.drain());
  }

  async close(): Promise<void> {
    await this.#end((gateway) => gateway.close());
  }

  async #end(how: (gateway: PostgresqlGateway) => Promise<void>): Promise<void> {
    this.#watch?.close();
    clearInterval(this.#pruning);
    await this.#applying;
    await Promise.all([...this.#running.keys()].map((name) => this.#stop(name, how)));
  }

  /** One snapshot after the other, so that the newest is also the last. */
  #apply(snapshot: Snapshot): Promise<void> {
    this.#applying = this.#applying.then(() => this.#applyNow(snapshot)).catch((thrown: unknown) => {
      this.#options.log.error('the files could not be applied', { error: messageOf(thrown) });
    });
    return this.#applying;
  }

  async #applyNow(snapshot: Snapshot): Promise<void> {
    this.#connections?.update(snapshot);
    const connections = (this.#connections ??= new ServedConnections(snapshot));
    this.#report(snapshot, connections);
    const failures = new Map(uncompiled(connections));
    // What stops serving is not ready from now on, however long its sessions take to end.
    this.#failures = failures;
    for (const name of this.#running.keys()) if (connections.get(name) === undefined) await this.#stop(name, (gateway) => gateway.close());
    for (const name of connections.names) {
      const failure = await this.#serveOrSay(name, connections.get(name));
      if (failure !== undefined) failures.set(name, failure);
    }
  }

  #report({ problems }: Snapshot, { compilation }: ServedConnections): void {
    for (const problem of problems) this.#options.log.warn('a file has a problem', { problem: describeProblem(problem) });
    for (const { kind, namespace, name, conditions } of compilation.statuses) {
      for (const { type, status, reason, message } of conditions) {
        if (status === 'False') this.#options.log.warn(message, { kind, object: `${namespace}/${name}`, condition: type, reason });
      }
    }
  }

  /** Why the connection is not served; undefined when it is. */
  async #serveOrSay(name: NamespacedName, connection: ServedConnection | undefined): Promise<string | undefined> {
    const current = connection?.bundles.current;
    if (connection === undefined || current === undefined) return undefined;
    try {
      await this.#serve(name, connection, current.bundle);
      this.#options.metrics.of(name).bundleLoaded(current.revision);
      return undefined;
    } catch (thrown) {
      this.#options.metrics.of(name).reloadFailed();
      this.#options.log.error('a connection is not served', { connection: name, error: messageOf(thrown) });
      return messageOf(thrown);
    }
  }

  async #serve(name: NamespacedName, connection: ServedConnection, bundle: Bundle): Promise<void> {
    const running = this.#running.get(name);
    if (running?.fixed === fixedPartsOf(bundle)) return;
    if (running !== undefined) await this.#stop(name, (gateway) => gateway.close());
    this.#running.set(name, await this.#open(name, connection, bundle));
    this.#options.log.info('a connection is served', { connection: name, host: this.#options.host, port: bundle.gateway.port });
  }

  async #open(name: NamespacedName, { bundles, secrets }: ServedConnection, bundle: Bundle): Promise<Running> {
    const { log, directory, host, metrics } = this.#options;
    const verifier = createVerifier(bundle.identity, { clock: systemClock, log, secrets, filesDirectory: directory });
    const catalogue = new CatalogueSource({ login: () => introspectionLogin(bundles.current?.bundle ?? bundle, secrets), log, clock: systemClock });
    const records = createFolderSink({ path: path.resolve(directory, bundle.recording.store.path), clock: systemClock, log });
    const hashKey = await this.#hashKey(name, bundle.masking.hashKeySecret, secrets);
    const forget = [
      secrets.onChange(() => { catalogue.reconnect(); }),
      bundles.onChange(() => { if (bundles.current !== undefined) verifier.configure(bundles.current.bundle.identity); }),
    ];
    const release = async (): Promise<void> => {
      for (const each of forget) each();
      await catalogue.close();
    };
    try {
      await catalogue.start();
      const gateway = await startPostgresqlGateway({
        listen: { host, port: bundle.gateway.port },
        bundles, secrets, verifier, catalogue, records, log, hashKey,
        metrics: metrics.of(name),
        planner: createPlanner({ parser: this.#parser, digest: createValueDigest(hashKey) }),
        clock: systemClock,
        version,
        host: hostname(),
      });
      return { fixed: fixedPartsOf(bundle), bundle: () => bundles.current?.bundle, records, gateway, release };
    } catch (thrown) {
      await release();
      throw thrown;
    }
  }

  async #hashKey(name: NamespacedName, secret: string | undefined, secrets: SecretSource): Promise<Secret<string>> {
    if (secret !== undefined) {
      const key = await secrets.read(secret, 'key');
      if (!key.ok) throw new Error(key.error.message);
      return key.value;
    }
    const key = this.#hashKeys.get(name) ?? new Secret(randomBytes(32).toString('hex'));
    this.#hashKeys.set(name, key);
    return key;
  }

  async #stop(name: NamespacedName, how: (gateway: PostgresqlGateway) => Promise<void>): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) return;
    this.#running.delete(name);
    await how(running.gateway);
    await running.release();
    await running.records.flush();
  }

  #prune(): void {
    for (const { bundle, records } of this.#running.values()) {
      const retentionMs = bundle()?.recording.retentionMs;
      if (retentionMs !== undefined) records.prune(retentionMs);
    }
  }
}

function uncompiled(connections: ServedConnections): readonly (readonly [NamespacedName, string])[] {
  return connections.compilation.statuses.flatMap(({ kind, namespace, name }) => {
    const connection = namespacedName(namespace, name);
    if (kind !== 'AgentConnection' || connections.get(connection) !== undefined) return [];
    return [[connection, 'it does not compile; see the log or `chaperone check`'] as const];
  });
}

function fixedPartsOf({ gateway, target, recording, masking }: Bundle): string {
  return JSON.stringify([gateway.port, target.host, target.port, target.database, target.tls, recording.store, masking.hashKeySecret]);
}
