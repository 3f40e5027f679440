/**
 * Files mode: one process that serves every AgentConnection of a directory on loopback. Wiring only: the
 * provider reads, compile compiles, each connection's gateway enforces.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import path from 'node:path';
import type { SealedBundle } from '../bundle/seal.ts';
import { compileWorld, type Compilation } from '../compile/compile-world.ts';
import { startPostgresqlGateway, type PostgresqlGateway } from '../gateway/postgresql/postgresql-gateway.ts';
import { CatalogueSource } from '../gateway/postgresql/catalogue-source.ts';
import type { GatewayMetrics } from '../gateway/prometheus-metrics.ts';
import { createVerifier, type ConfigurableVerifier } from '../identity/verify.ts';
import type { NamespacedName } from '../lib/brand.ts';
import { systemClock } from '../lib/clock.ts';
import { messageOf } from '../lib/coded-error.ts';
import type { Log } from '../lib/log.ts';
import { Secret } from '../lib/secret.ts';
import { createFolderSink, type FolderSink } from '../recording/folder-sink.ts';
import { createValueDigest } from '../recording/digest.ts';
import { filesSecretSource, type FilesSecretSource } from '../provider/files/secret-source.ts';
import { describeProblem, type Snapshot } from '../provider/files/snapshot.ts';
import { watchDirectory, type DirectoryWatch } from '../provider/files/watch-directory.ts';
import { createParser, type Parser } from '../sql/parser.ts';
import { createPlanner } from '../sql/planner.ts';
import { BundleSlot } from './bundle-slot.ts';
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

/** One connection as it is served now. */
interface Served {
  readonly bundles: BundleSlot;
  readonly secrets: FilesSecretSource;
  readonly verifier: ConfigurableVerifier;
  readonly catalogue: CatalogueSource;
  readonly records: FolderSink;
  readonly gateway: PostgresqlGateway;
}

const pruneEveryMs = 3_600_000;

class ServedDirectory implements FilesGateway {
  readonly #options: FilesGatewayOptions;
  readonly #parser: Parser;
  readonly #served = new Map<NamespacedName, Served>();
  readonly #failures = new Map<NamespacedName, string>();
  /** Lives as long as the process: a connection that comes back hashes as before. */
  readonly #hashKeys = new Map<NamespacedName, Secret<string>>();
  #watch: DirectoryWatch | undefined;
  #pruning: NodeJS.Timeout | undefined;
  #applying: Promise<void> = Promise.resolve();

  constructor(options: FilesGatewayOptions, parser: Parser) {
    this.#options = options;
    this.#parser = parser;
  }

  get connections(): FilesGateway['connections'] {
    return [...this.#served.entries()].map(([name, { gateway }]) => ({ name, host: gateway.address.address, port: gateway.address.port }));
  }

  notReady(): readonly string[] {
    return [...this.#failures.entries()].map(([name, reason]) => `${name}: ${reason}`);
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
    this.#stopWatching();
    await this.#applying;
    await Promise.all([...this.#served.values()].map(async (served) => {
      await served.gateway.drain();
      served.catalogue.close();
    }));
  }

  async close(): Promise<void> {
    this.#stopWatching();
    await this.#applying;
    await Promise.all([...this.#served.keys()].map((name) => this.#stop(name)));
  }

  #stopWatching(): void {
    this.#watch?.close();
    clearInterval(this.#pruning);
  }

  /** One snapshot after the other, so that the newest is also the last. */
  #apply(snapshot: Snapshot): Promise<void> {
    this.#applying = this.#applying.then(() => this.#applyNow(snapshot)).catch((thrown: unknown) => {
      this.#options.log.error('the files could not be applied', { error: messageOf(thrown) });
    });
    return this.#applying;
  }

  async #applyNow(snapshot: Snapshot): Promise<void> {
    const compilation = compileWorld(snapshot.world);
    this.#report(snapshot, compilation);
    for (const name of this.#served.keys()) if (!compilation.bundles.has(name)) await this.#stop(name);
    this.#failures.clear();
    for (const [name, sealed] of compilation.bundles) {
      try {
        await this.#serve(name, sealed, snapshot);
      } catch (thrown) {
        this.#failures.set(name, messageOf(thrown));
        this.#options.metrics.of(name).reloadFailed();
        this.#options.log.error('a connection is not served', { connection: name, error: messageOf(thrown) });
      }
    }
    for (const { kind, namespace, name } of compilation.statuses) {
      const key = `${namespace}/${name}` as NamespacedName;
      if (kind === 'AgentConnection' && !compilation.bundles.has(key)) this.#failures.set(key, 'it does not compile; see the log or `chaperone check`');
    }
  }

  #report({ problems }: Snapshot, { statuses }: Compilation): void {
    for (const problem of problems) this.#options.log.warn('a file has a problem', { problem: describeProblem(problem) });
    for (const { kind, namespace, name, conditions } of statuses) {
      for (const { type, status, reason, message } of conditions) {
        if (status === 'False') this.#options.log.warn(message, { kind, object: `${namespace}/${name}`, condition: type, reason });
      }
    }
  }

  async #serve(name: NamespacedName, sealed: SealedBundle, snapshot: Snapshot): Promise<void> {
    const served = this.#served.get(name);
    if (served !== undefined && !isServedAnew(served.bundles, sealed)) {
      served.secrets.update(snapshot);
      served.verifier.configure(sealed.bundle.identity);
      served.bundles.swap(sealed);
      this.#options.metrics.of(name).bundleLoaded(sealed.revision);
      return;
    }
    if (served !== undefined) await this.#stop(name);
    this.#served.set(name, await this.#open(name, sealed, snapshot));
    this.#options.log.info('a connection is served', { connection: name, host: this.#options.host, port: sealed.bundle.gateway.port, revision: sealed.revision });
  }

  async #open(name: NamespacedName, sealed: SealedBundle, snapshot: Snapshot): Promise<Served> {
    const { log, directory, host } = this.#options;
    const { bundle } = sealed;
    const metrics = this.#options.metrics.of(name);
    const bundles = new BundleSlot(sealed);
    const secrets = filesSecretSource(bundle.connection.namespace, snapshot);
    const verifier = createVerifier(bundle.identity, { clock: systemClock, log, secrets, filesDirectory: directory });
    const catalogue = new CatalogueSource({ login: () => introspectionLogin(bundles.current.bundle, secrets), log, clock: systemClock });
    secrets.onChange(() => { catalogue.reconnect(); });
    const records = createFolderSink({ path: path.resolve(directory, bundle.recording.store.path), clock: systemClock, log });
    const hashKey = await this.#hashKey(name, bundle.masking.hashKeySecret, secrets);
    const digest = createValueDigest(hashKey);
    try {
      await catalogue.start();
      const gateway = await startPostgresqlGateway({
        listen: { host, port: bundle.gateway.port },
        bundles, secrets, verifier, catalogue, records, metrics, log, hashKey,
        planner: createPlanner({ parser: this.#parser, digest }),
        clock: systemClock,
        version,
        host: hostname(),
      });
      metrics.bundleLoaded(sealed.revision);
      return { bundles, secrets, verifier, catalogue, records, gateway };
    } catch (thrown) {
      catalogue.close();
      throw thrown;
    }
  }

  async #hashKey(name: NamespacedName, secret: string | undefined, secrets: FilesSecretSource): Promise<Secret<string>> {
    if (secret !== undefined) {
      const key = await secrets.read(secret, 'key');
      if (!key.ok) throw new Error(key.error.message);
      return key.value;
    }
    const key = this.#hashKeys.get(name) ?? new Secret(randomBytes(32).toString('hex'));
    this.#hashKeys.set(name, key);
    return key;
  }

  async #stop(name: NamespacedName): Promise<void> {
    const served = this.#served.get(name);
    if (served === undefined) return;
    this.#served.delete(name);
    served.catalogue.close();
    await served.gateway.close();
  }

  #prune(): void {
    for (const { bundles, records } of this.#served.values()) {
      const { retentionMs } = bundles.current.bundle.recording;
      if (retentionMs !== undefined) records.prune(retentionMs);
    }
  }
}

/** What a running gateway cannot take over: where it listens, what it stands before, where it records. */
function isServedAnew({ current }: BundleSlot, next: SealedBundle): boolean {
  const fixed = ({ gateway, target, recording, masking }: SealedBundle['bundle']): string =>
    JSON.stringify([gateway.port, target.host, target.port, target.database, target.tls, recording.store, masking.hashKeySecret]);
  return fixed(current.bundle) !== fixed(next.bundle);
}
