/**
 * The gateway as a client of the target: everything up to the first ReadyForQuery, and CancelRequest. After
 * that the socket belongs to the session. What is asked for is what is made: no weaker TLS, no other method of
 * authentication than is safe on that connection, and every failure says which of these it was.
 */
import type { Socket } from 'node:net';
import { serialize } from 'pg-protocol';
import { BackendKeyDataMessage, ParameterStatusMessage, ReadyForQueryMessage } from 'pg-protocol/dist/messages.js';
import { Secret } from '../../lib/secret.ts';
import { ControlChannel } from './control-channel.ts';
import { authenticate, rejection, type TargetLogin } from './target-authentication.ts';
import { TargetError } from './target-error.ts';
import { openTargetSocket, type TargetAddress } from './target-socket.ts';

export interface TargetOptions extends TargetAddress, TargetLogin {
  readonly database: string;
  /** Start-up parameters beside user and database; client_encoding is always UTF8. */
  readonly parameters: Readonly<Record<string, string>>;
}

export interface DialOptions {
  /** For the whole way to ReadyForQuery; default 10 s. */
  readonly timeoutMs?: number;
  /** Gives up early, such as when the agent is gone. */
  readonly signal?: AbortSignal;
}

/** What cancels a statement of that session. The agent gets one of our own making in its place. */
export interface BackendKey {
  readonly pid: number;
  readonly secret: Secret<number>;
}

export interface TargetConnection {
  /** Paused, with no listeners but one that keeps a late error from ending the process. */
  readonly socket: Socket;
  /** ParameterStatus as of now. */
  readonly parameters: Map<string, string>;
  /** Undefined for servers (poolers) that give none. */
  readonly backendKey: BackendKey | undefined;
  readonly transactionStatus: string;
  /** What the target had already sent after ReadyForQuery. */
  readonly leftover: Buffer;
}

const defaultTimeoutMs = 10_000;

/** Connects, authenticates and waits until the target is ready. Rejects with a TargetError and leaves nothing open. */
export async function dialTarget(target: TargetOptions, options: DialOptions = {}): Promise<TargetConnection> {
  const startup = startupMessage(target);
  return withDeadline(target, options, async (socket) => {
    const channel = new ControlChannel(socket);
    channel.send(startup);
    await logIn(channel, socket, target);
    const ready = await awaitReady(channel);
    return { socket, ...ready, leftover: channel.detach() };
  });
}

/** Asks the target to cancel what that session is running. Resolves when the target has taken note; it never says more. */
export async function cancelTarget(address: TargetAddress, key: BackendKey, options: DialOptions = {}): Promise<void> {
  await withDeadline(address, options, async (socket) => {
    // The server closes the connection once it has passed the signal on.
    const closed = new Promise<void>((resolve) => socket.once('close', resolve));
    socket.resume();
    socket.write(serialize.cancel(key.pid, key.secret.reveal()));
    await closed;
  });
}

/** Opens a socket and works on it; whatever fails, or runs out of time, destroys it. */
async function withDeadline<T>(address: TargetAddress, options: DialOptions, work: (socket: Socket) => Promise<T>): Promise<T> {
  const { timeoutMs = defaultTimeoutMs, signal } = options;
  const ending = new AbortController();
  const give = (reason: string) => (): void => ending.abort(new TargetError('TargetUnreachable', reason));
  const timer = setTimeout(give(`the target did not answer within ${timeoutMs} ms`), timeoutMs);
  const onAbort = give('connecting to the target was given up');
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  let socket: Socket | undefined;
  try {
    const opened = (socket = await openTargetSocket(address, ending.signal));
    // Destroying the socket wakes whoever waits for its bytes; the reason is the signal's.
    ending.signal.addEventListener('abort', () => opened.destroy());
    const value = await work(opened);
    ending.signal.throwIfAborted();
    return value;
  } catch (thrown) {
    socket?.destroy();
    ending.signal.throwIfAborted();
    throw thrown;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

function startupMessage({ user, database, parameters, password }: TargetOptions): Buffer {
  const all: Record<string, string> = { ...parameters, user, database };
  // Strings end at a zero byte on the wire: one inside would start a parameter of its own.
  for (const text of [...Object.keys(all), ...Object.values(all), password.reveal()]) {
    if (text.includes('\0')) throw new TargetError('TargetParametersInvalid', 'a start-up parameter or the password contains a zero byte');
  }
  if (Object.keys(all).includes('')) throw new TargetError('TargetParametersInvalid', 'a start-up parameter has no name');
  return serialize.startup(all);
}

async function logIn(channel: ControlChannel, socket: Socket, login: TargetLogin): Promise<void> {
  for (let hasAnswered = false; ; hasAnswered = true) {
    const message = await channel.next();
    if (message.name === 'error') throw rejection(message);
    if (message.name === 'authenticationOk') return;
    // A second request would fish for a weaker answer to the same password.
    if (hasAnswered) throw new TargetError('TargetAuthenticationFailed', 'the target asks to authenticate twice');
    await authenticate(message, channel, socket, login);
  }
}

async function awaitReady(channel: ControlChannel): Promise<Pick<TargetConnection, 'parameters' | 'backendKey' | 'transactionStatus'>> {
  const parameters = new Map<string, string>();
  let backendKey: BackendKey | undefined;
  for (;;) {
    const message = await channel.next();
    if (message.name === 'error') throw rejection(message);
    if (message instanceof ReadyForQueryMessage) return { parameters, backendKey, transactionStatus: message.status };
    if (message instanceof ParameterStatusMessage) parameters.set(message.parameterName, message.parameterValue);
    else if (message instanceof BackendKeyDataMessage) backendKey = { pid: message.processID, secret: new Secret(message.secretKey) };
    // A notice, such as of a collation's version, is for the target's operators, who have it in their log.
    else if (message.name !== 'notice') throw new TargetError('TargetRejected', `the target sent ${message.name} before it was ready`);
  }
}
