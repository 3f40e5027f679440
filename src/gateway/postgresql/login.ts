import type { TLSSocket } from 'node:tls';
import type { PostgresqlTarget } from '../../bundle/bundle.ts';
import type { Subject } from '../../bundle/subject.ts';
import { messageOf } from '../../lib/coded-error.ts';
import { err, ok, type Result } from '../../lib/result.ts';
import { Secret } from '../../lib/secret.ts';
import { hashKeySetting } from '../../mask/column-mask.ts';
import {
  authenticationCleartextPassword, authenticationOk, encodeBackendKeyData, encodeNegotiateProtocolVersion, encodeParameterStatus, encodeReadyForQuery, type Report,
} from '../../wire/postgresql/backend-messages.ts';
import { FrameError } from '../../wire/postgresql/frame-error.ts';
import { decodePassword } from '../../wire/postgresql/frontend-messages.ts';
import { frontendType } from '../../wire/postgresql/message-type.ts';
import type { Credential, SecretSource } from '../ports.ts';
import { identify, type Session } from '../session.ts';
import type { Accepted } from './accept-connection.ts';
import type { CancelKey } from './cancel-keys.ts';
import type { ConversationDeps } from './conversation.ts';
import type { LoginChannel } from './login-channel.ts';
import { fatalReport, refusalReport } from './reports.ts';
import { readStartupSettings, type StartupSettings } from './startup-settings.ts';
import { dialTarget, type TargetConnection, type TargetOptions } from './target.ts';

export interface LoginDeps extends ConversationDeps {
  readonly secrets: SecretSource;
}

/** The newest minor version of protocol 3 that the gateway speaks. */
const newestMinor = 2;

/** What the start-up packet asks for, if it may be asked for here. */
export function readRequest(deps: LoginDeps, { packet, tls, channel }: Accepted): Result<StartupSettings, Report> {
  if (packet.kind !== 'Startup') throw new Error('not a start-up packet');
  if (packet.major !== 3) return err(fatalReport('0A000', `protocol ${packet.major}.${packet.minor} is not supported, 3.0 to 3.${newestMinor} are`));
  if (tls === undefined && !isLoopback(channel.socket.remoteAddress ?? '')) {
    return err(fatalReport('28000', 'this gateway takes tokens over TLS only', 'connect with sslmode=verify-full and the CA of the gateway'));
  }
  const settings = readStartupSettings(packet.parameters);
  if (!settings.ok) return settings;
  const inForce = deps.bundles.current;
  if (inForce === undefined) return err(fatalReport('57P03', 'nothing is served: the gateway has no bundle yet'));
  const { database } = inForce.bundle.target;
  if (settings.value.database !== database) {
    return err(fatalReport('3D000', `database ${JSON.stringify(settings.value.database)} is not served here, this connection is for ${JSON.stringify(database)}`));
  }
  return settings;
}

/** Tells a client of a newer protocol what is spoken here. */
export function negotiateVersion({ packet, channel }: Accepted): number {
  if (packet.kind !== 'Startup') throw new Error('not a start-up packet');
  const minor = Math.min(packet.minor, newestMinor);
  if (packet.minor > newestMinor || packet.options.length > 0) channel.socket.write(encodeNegotiateProtocolVersion(minor, packet.options));
  return minor;
}

/** Asks for the credential and turns it into a subject. Undefined: the client went away, as psql does to ask for a password. */
export async function authenticateClient(deps: LoginDeps, { channel, tls }: Accepted): Promise<Result<Subject, Report> | undefined> {
  const shown = tls === undefined ? undefined : clientCertificate(tls);
  const credential = shown ?? (await askForToken(channel));
  if (credential === undefined) return undefined;
  const subject = await identify(deps, credential);
  return subject.ok ? subject : err(refusalReport(subject.error, 'FATAL'));
}

async function askForToken(channel: LoginChannel): Promise<Credential | undefined> {
  channel.socket.write(authenticationCleartextPassword);
  const message = await channel.message();
  if (message === undefined) return undefined;
  if (message.type !== frontendType.Password) throw new FrameError('a password was expected');
  return { token: new Secret(decodePassword(message.frame)) };
}

/**
 * What the client showed in its handshake, which proved that it holds the key. Whether the chain holds is said by
 * the verifier: a TLSSocket that is not made by a tls.Server does not tell.
 */
function clientCertificate(tls: TLSSocket): Credential | undefined {
  const peer = tls.getPeerX509Certificate();
  return peer === undefined ? undefined : { certificate: peer.raw };
}

/** Opens the session's own connection to the target, as the login that the Secret holds now. */
export async function connectTarget(deps: LoginDeps, session: Session, settings: StartupSettings, signal: AbortSignal): Promise<Result<{ readonly connection: TargetConnection; readonly options: TargetOptions }, Report>> {
  const { catalogue } = deps;
  if (catalogue.current === undefined) return err(fatalReport('57P03', 'nothing is served: the catalogue of the target has not been read yet'));
  if (catalogue.isStale) return err(fatalReport('57P03', 'nothing is served: the target has not confirmed its catalogue for too long'));
  try {
    const options = await targetOptions(deps, session, settings);
    return ok({ options, connection: await dialTarget(options, { signal }) });
  } catch (error) {
    // What the target says may name its login: that is for our log alone.
    deps.log.error('a session got no connection to the target', { session: session.id, error: messageOf(error) });
    return err(fatalReport('08001', 'the target of this connection cannot be reached or does not let the gateway in', `session ${session.id}; the log of the gateway says more`));
  }
}

async function targetOptions(deps: LoginDeps, session: Session, settings: StartupSettings): Promise<TargetOptions> {
  const { target } = session.inForce.bundle;
  const read = async (secret: string, key: string): Promise<Secret<string>> => {
    const found = await deps.secrets.read(secret, key);
    if (!found.ok) throw new Error(found.error.message);
    return found.value;
  };
  const application = [`chaperone/${session.id}`, settings.applicationName].filter((part) => part !== undefined && part !== '').join(' ');
  return {
    ...(await targetAddress(target, read)),
    user: (await read(target.credentialsSecret, 'username')).reveal(),
    password: await read(target.credentialsSecret, 'password'),
    database: target.database,
    parameters: {
      ...settings.settings,
      application_name: application,
      client_encoding: 'UTF8',
      standard_conforming_strings: 'on',
      [hashKeySetting]: deps.hashKey.reveal(),
    },
  };
}

async function targetAddress(target: PostgresqlTarget, read: (secret: string, key: string) => Promise<Secret<string>>): Promise<Pick<TargetOptions, 'host' | 'port' | 'tls'>> {
  const { host, port, tls } = target;
  if (tls.caSecret === undefined) return { host, port, tls: { mode: tls.mode } };
  return { host, port, tls: { mode: tls.mode, ca: (await read(tls.caSecret, 'ca.crt')).reveal() } };
}

/** Tells the client that it is in. */
export function greet(channel: LoginChannel, connection: TargetConnection, cancelKey: CancelKey): void {
  const statuses = [...connection.parameters].map(([name, value]) => encodeParameterStatus(name, value));
  channel.socket.write(Buffer.concat([authenticationOk, ...statuses, encodeBackendKeyData(cancelKey.processId, cancelKey.key), encodeReadyForQuery('Idle')]));
}

function isLoopback(address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  return plain === '::1' || /^127\.\d+\.\d+\.\d+$/.test(plain);
}
