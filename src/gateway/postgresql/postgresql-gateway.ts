/**
 * The PostgreSQL data plane: a listener, the logins on it and the sessions that come of them. Bytes go client ->
 * FrontendReader -> ClientMessages -> TargetLane -> target -> BackendScanner -> TargetReplies -> ClientLane ->
 * client.
 *
 * The one invariant: what can run something reaches the target only with proofs from `session.ts`, and each reply
 * is matched with the request that it answers; when that is lost the session ends.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { messageOf } from '../../lib/coded-error.ts';
import type { Secret } from '../../lib/secret.ts';
import type { Planner } from '../../sql/plan.ts';
import { encodeError, type Report } from '../../wire/postgresql/backend-messages.ts';
import { FrameError } from '../../wire/postgresql/frame-error.ts';
import type { SecretSource } from '../ports.ts';
import { beginSession, type Session, type SessionDeps } from '../session.ts';
import { acceptConnection, type Connection } from './accept-connection.ts';
import { CancelKeys } from './cancel-keys.ts';
import type { CatalogueInForce } from './catalogue-in-force.ts';
import { CatalogueLooks } from './catalogue-looks.ts';
import { GatewayTls } from './gateway-tls.ts';
import { closeWith } from './last-words.ts';
import { authenticateClient, connectTarget, greet, type LoginDeps, negotiateVersion, readRequest } from './login.ts';
import type { LoginChannel } from './login-channel.ts';
import { PendingLogins } from './pending-logins.ts';
import { PlanCache } from './plan-cache.ts';
import { PostgresqlSession } from './postgresql-session.ts';
import { fatalReport, refusalReport } from './reports.ts';
import type { StartupSettings } from './startup-settings.ts';
import { cancelTarget } from './target.ts';

export interface PostgresqlGatewayDeps extends SessionDeps {
  readonly listen: { readonly host: string; readonly port: number; readonly reusePort?: boolean };
  readonly secrets: SecretSource;
  readonly planner: Planner;
  readonly catalogue: CatalogueInForce;
  /** Keys the mask Hash at the target and the digests in recordings. */
  readonly hashKey: Secret<string>;
  readonly loginTimeoutMs?: number;
  readonly maxLogins?: number;
  readonly sweepEveryMs?: number;
  readonly planCacheBytes?: number;
}

export interface PostgresqlGateway {
  readonly address: AddressInfo;
  sessions(): readonly { readonly id: string; readonly subject: string }[];
  /** Ends one session; false when there is none of that id. */
  kill(sessionId: string): boolean;
  /** Lets nobody in any more, and sessions go when their transaction is over; those that are left when the drain timeout is over end then. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

const shutdown = fatalReport('57P01', 'the gateway is shutting down', 'connect again');

export async function startPostgresqlGateway(deps: PostgresqlGatewayDeps): Promise<PostgresqlGateway> {
  const gateway = new Gateway(deps);
  await gateway.listen();
  return gateway;
}

class Gateway implements PostgresqlGateway {
  readonly #deps: PostgresqlGatewayDeps;
  readonly #login: LoginDeps;
  readonly #server: Server;
  readonly #tls: GatewayTls;
  readonly #cancelKeys = new CancelKeys();
  readonly #sessions = new Map<string, PostgresqlSession>();
  /** Sessions of each subject, those that still wait for the target included. */
  readonly #bySubject = new Map<string, number>();
  readonly #logins: PendingLogins;
  #sweeper: NodeJS.Timeout | undefined;
  #isDraining = false;
  #onEmpty: (() => void) | undefined;

  constructor(deps: PostgresqlGatewayDeps) {
    this.#deps = deps;
    this.#login = { ...deps, plans: new PlanCache(deps.planCacheBytes), looks: new CatalogueLooks(deps.catalogue, deps.clock) };
    this.#logins = new PendingLogins(deps.maxLogins ?? 1000);
    this.#tls = new GatewayTls(deps.bundles, deps.secrets, deps.log);
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => void this.#accept(socket));
  }

  get address(): AddressInfo {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the gateway does not listen');
    return address;
  }

  async listen(): Promise<void> {
    await this.#tls.load();
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ ...this.#deps.listen, backlog: 1024 }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#sweeper = setInterval(() => this.#sweep(), this.#deps.sweepEveryMs ?? 250).unref();
  }

  sessions(): readonly { readonly id: string; readonly subject: string }[] {
    return [...this.#sessions.values()].map(({ session }) => ({ id: session.id, subject: session.subject.name }));
  }

  kill(sessionId: string): boolean {
    const found = this.#sessions.get(sessionId);
    found?.end('Killed', fatalReport('57P01', 'the session was ended by an administrator'));
    return found !== undefined;
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    this.#server.close();
    const withinMs = this.#deps.bundles.current?.bundle.gateway.drainTimeoutMs ?? 0;
    for (const session of this.#sessions.values()) session.endSoon('Shutdown', shutdown, withinMs);
    if (this.#sessions.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
    await this.close();
  }

  async close(): Promise<void> {
    this.#isDraining = true;
    clearInterval(this.#sweeper);
    this.#tls.close();
    this.#logins.destroy();
    for (const session of this.#sessions.values()) session.end('Shutdown', shutdown);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #sweep(): void {
    for (const session of this.#sessions.values()) session.sweep();
  }

  async #accept(socket: Socket): Promise<void> {
    socket.on('error', () => undefined);
    if (this.#isDraining || !this.#logins.add(socket)) {
      closeWith(socket, encodeError(this.#isDraining ? shutdown : fatalReport('53300', 'too many connections are logging in')));
      return;
    }
    const deadline = setTimeout(() => socket.destroy(), this.#deps.loginTimeoutMs ?? 30_000);
    const connection = { socket };
    try {
      await this.#logIn(connection, socket);
    } catch (error) {
      this.#loginFailed(connection.socket, error);
    } finally {
      clearTimeout(deadline);
      this.#logins.delete(socket);
    }
  }

  #loginFailed(socket: Socket, error: unknown): void {
    if (error instanceof FrameError) {
      this.#deps.metrics.loginFailed('Protocol');
      closeWith(socket, encodeError(fatalReport('08P01', `protocol violation: ${error.message}`)));
    } else {
      this.#deps.log.error('a login failed', { error: messageOf(error) });
      socket.destroy();
    }
  }

  async #logIn(connection: Connection, socket: Socket): Promise<void> {
    const accepted = await acceptConnection(connection, () => this.#tls.current);
    if (accepted === undefined) return void socket.destroy();
    const { packet, channel } = accepted;
    if (packet.kind === 'CancelRequest') {
      // Clients wait for the end of this connection: what they send next must not meet a cancel request still on its way.
      await this.#cancelKeys.cancel(packet.processId, packet.key);
      closeWith(channel.socket);
      return;
    }
    const request = readRequest(this.#login, accepted);
    if (!request.ok) {
      refuse(channel, request.error);
      return;
    }
    const minor = negotiateVersion(accepted);
    const subject = await authenticateClient(this.#login, accepted);
    if (subject === undefined || channel.isClosed) return void channel.socket.destroy();
    if (!subject.ok) {
      refuse(channel, subject.error);
      return;
    }
    const { user, applicationName } = request.value;
    const facts = {
      claimed: { user, ...(applicationName !== undefined && { applicationName }) },
      peer: `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`,
      isEncrypted: accepted.tls !== undefined,
    };
    const session = beginSession(this.#login, subject.value, facts, this.#bySubject.get(subject.value.name) ?? 0);
    if (!session.ok) {
      refuse(channel, refusalReport(session.error, 'FATAL'));
      return;
    }
    await this.#open(session.value, channel, request.value, minor);
  }

  async #open(session: Session, channel: LoginChannel, settings: StartupSettings, minor: number): Promise<void> {
    this.#count(session.subject.name, 1);
    const gone = new AbortController();
    const onClose = (): void => gone.abort();
    channel.socket.once('close', onClose);
    const dialled = await connectTarget(this.#login, session, settings, gone.signal);
    channel.socket.off('close', onClose);
    if (!dialled.ok) {
      session.end(channel.isClosed ? 'ClientClosed' : 'TargetClosed', dialled.error.message);
      this.#count(session.subject.name, -1);
      refuse(channel, dialled.error);
      return;
    }
    const { connection, options } = dialled.value;
    const { backendKey } = connection;
    const cancel = async (): Promise<void> => {
      if (backendKey !== undefined) await cancelTarget(options, backendKey);
    };
    let cancelling: Promise<void> | undefined;
    const cancelKey = this.#cancelKeys.issue(minor, () => {
      // Each request is a connection to the target: a flood of them is one.
      cancelling ??= cancel()
        .catch((error: unknown) => this.#deps.log.warn('the target took no cancel request', { session: session.id, error: messageOf(error) }))
        .finally(() => (cancelling = undefined));
      return cancelling;
    });
    const onEnd = (): void => {
      this.#cancelKeys.revoke(cancelKey);
      this.#sessions.delete(session.id);
      this.#count(session.subject.name, -1);
      if (this.#sessions.size === 0) this.#onEmpty?.();
    };
    const { socket, reader } = channel;
    const live = new PostgresqlSession(this.#login, session, {
      client: socket, reader, target: connection.socket, leftover: connection.leftover, startupPath: settings.searchPath, cancel, onEnd,
    });
    this.#sessions.set(session.id, live);
    greet(channel, connection, cancelKey);
    channel.detach();
    live.start();
    if (this.#isDraining) live.end('Shutdown', shutdown);
  }

  #count(subject: string, by: number): void {
    const count = (this.#bySubject.get(subject) ?? 0) + by;
    if (count > 0) this.#bySubject.set(subject, count);
    else this.#bySubject.delete(subject);
  }
}

function refuse(channel: LoginChannel, report: Report): void {
  closeWith(channel.socket, encodeError(report));
}
