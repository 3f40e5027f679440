import { once } from 'node:events';
import { isIP, connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { serialize } from 'pg-protocol';
import { messageOf } from '../../lib/coded-error.ts';
import { TargetError } from './target-error.ts';

export interface TargetAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: TargetTls;
}

/** `Disable` speaks plaintext; `Require` encrypts, and checks the chain (not the name) when a CA is given; `VerifyFull` checks both. */
export interface TargetTls {
  readonly mode: 'Disable' | 'Require' | 'VerifyFull';
  /** PEM. Without it `VerifyFull` trusts the CAs that Node brings along. */
  readonly ca?: string;
}

const keepAliveDelayMs = 30_000;

/**
 * Opens a connection in the mode asked for, or fails: there is no falling back to a weaker one. The signal ends
 * the attempt and, later, the socket; its reason is what callers see.
 */
export async function openTargetSocket(address: TargetAddress, signal: AbortSignal): Promise<Socket> {
  const socket = await openTcp(address, signal);
  if (address.tls.mode === 'Disable') return socket;
  try {
    await askForTls(socket, signal);
    return await upgrade(socket, address, signal);
  } catch (thrown) {
    socket.destroy();
    signal.throwIfAborted();
    if (thrown instanceof TargetError) throw thrown;
    throw new TargetError('TargetTlsFailed', `no TLS with the target: ${messageOf(thrown)}`, { cause: thrown });
  }
}

async function openTcp(address: TargetAddress, signal: AbortSignal): Promise<Socket> {
  const socket = connectTcp({ host: address.host, port: address.port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs });
  // Errors after an await has given up on this socket are nobody's; one without a listener would end the process.
  socket.on('error', () => undefined);
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (thrown) {
    socket.destroy();
    signal.throwIfAborted();
    throw new TargetError('TargetUnreachable', `cannot connect to the target at ${address.host}:${address.port}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

async function askForTls(socket: Socket, signal: AbortSignal): Promise<void> {
  const closed = new AbortController();
  const onClose = (): void => closed.abort(new Error('the target closed the connection'));
  socket.once('close', onClose);
  socket.write(serialize.requestSsl());
  let answer: Buffer;
  try {
    [answer] = (await once(socket, 'data', { signal: AbortSignal.any([signal, closed.signal]) })) as [Buffer];
  } catch (thrown) {
    closed.signal.throwIfAborted();
    throw thrown;
  } finally {
    socket.off('close', onClose);
  }
  socket.pause();
  if (answer[0] !== 0x53 /* S */) throw new TargetError('TargetTlsFailed', 'the target does not offer TLS');
  // Plaintext behind the S was put there by somebody in between, to be taken for the target's (CVE-2021-23222).
  if (answer.length !== 1) throw new TargetError('TargetTlsFailed', 'the target sent plaintext after it had agreed to TLS');
}

async function upgrade(socket: Socket, address: TargetAddress, signal: AbortSignal): Promise<TLSSocket> {
  const secure = connectTls({ socket, ...tlsOptions(address) });
  secure.on('error', () => undefined);
  try {
    await once(secure, 'secureConnect', { signal });
    return secure;
  } catch (thrown) {
    secure.destroy();
    throw thrown;
  }
}

function tlsOptions({ host, tls }: TargetAddress): ConnectionOptions {
  const options: ConnectionOptions = { host, minVersion: 'TLSv1.2' };
  if (isIP(host) === 0) options.servername = host;
  if (tls.ca !== undefined) options.ca = tls.ca;
  if (tls.mode === 'VerifyFull') return options;
  return { ...options, rejectUnauthorized: tls.ca !== undefined, checkServerIdentity: () => undefined };
}
