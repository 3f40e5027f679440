import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { serialize } from 'pg-protocol';
import { AuthenticationMD5Password, type BackendMessage } from 'pg-protocol/dist/messages.js';
import { messageOf } from '../../lib/coded-error.ts';
import type { Secret } from '../../lib/secret.ts';
import type { ControlChannel } from './control-channel.ts';
import { type ChannelBinding, endPointDigest, startScram } from './scram.ts';
import { TargetError } from './target-error.ts';

export interface TargetLogin {
  readonly user: string;
  readonly password: Secret<string>;
}

/** Where a message may be anything, pg-protocol's types stop at its name. */
interface SaslMessage extends BackendMessage {
  readonly mechanisms?: readonly string[];
  readonly data?: string;
}

/**
 * Answers the target's request for a proof of who we are. A password goes out readable, or hashed as weakly as
 * md5 does it, only inside TLS or within this machine: a target that speaks SCRAM can otherwise be impersonated
 * by one that asks for less.
 */
export async function authenticate(request: BackendMessage, channel: ControlChannel, socket: Socket, login: TargetLogin): Promise<void> {
  if (request.name === 'authenticationSASL') return authenticateScram(request, channel, socket, login);
  if (request instanceof AuthenticationMD5Password) {
    requirePrivacy(socket, 'md5');
    channel.send(serialize.password(md5Answer(login, request.salt)));
    return;
  }
  if (request.name === 'authenticationCleartextPassword') {
    requirePrivacy(socket, 'cleartext');
    channel.send(serialize.password(login.password.reveal()));
    return;
  }
  throw new TargetError('TargetAuthenticationFailed', `the target asks for an authentication that is not supported (${request.name})`);
}

async function authenticateScram(request: SaslMessage, channel: ControlChannel, socket: Socket, login: TargetLogin): Promise<void> {
  const offered = request.mechanisms ?? [];
  const exchange = startScram(channelBinding(socket, offered));
  if (!offered.includes(exchange.mechanism)) {
    throw new TargetError('TargetAuthenticationFailed', 'the target offers no SASL mechanism that is supported (SCRAM-SHA-256)');
  }
  channel.send(serialize.sendSASLInitialResponseMessage(exchange.mechanism, exchange.clientFirst));
  const challenge = await expectSasl(channel, 'authenticationSASLContinue');
  const proof = await scram(() => exchange.prove(challenge, login.password));
  channel.send(serialize.sendSCRAMClientFinalMessage(proof));
  const final = await expectSasl(channel, 'authenticationSASLFinal');
  await scram(() => exchange.verify(final));
}

async function scram<T>(step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (thrown) {
    throw new TargetError('TargetAuthenticationFailed', messageOf(thrown), { cause: thrown });
  }
}

/** Anything else here, AuthenticationOk above all, is a server that skips its proof. */
async function expectSasl(channel: ControlChannel, name: BackendMessage['name']): Promise<string> {
  const message: SaslMessage = await channel.next();
  if (message.name === 'error') throw rejection(message);
  if (message.name !== name || message.data === undefined) {
    throw new TargetError('TargetAuthenticationFailed', 'the target left the SCRAM exchange before it had proved itself');
  }
  return message.data;
}

function channelBinding(socket: Socket, offered: readonly string[]): ChannelBinding {
  if (!(socket instanceof TLSSocket)) return { kind: 'Unsupported' };
  const digest = endPointDigest(socket.getPeerCertificate().raw);
  if (digest === undefined) return { kind: 'Unsupported' };
  return offered.includes('SCRAM-SHA-256-PLUS') ? { kind: 'EndPoint', digest } : { kind: 'NotOffered' };
}

function requirePrivacy(socket: Socket, method: string): void {
  if (socket instanceof TLSSocket || isLoopback(socket.remoteAddress)) return;
  throw new TargetError('TargetAuthenticationFailed', `the target asks for a ${method} password without TLS; set tls.mode, or SCRAM on the target`);
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && (address === '::1' || /^(::ffff:)?127\./.test(address));
}

function md5Answer(login: TargetLogin, salt: Buffer): string {
  const md5 = (...parts: (string | Buffer)[]): string => {
    const hash = createHash('md5');
    for (const part of parts) hash.update(part);
    return hash.digest('hex');
  };
  return `md5${md5(md5(login.password.reveal(), login.user), salt)}`;
}

/** What the target's ErrorResponse means to us: class 28 is our login, everything else its own business. */
export function rejection(message: BackendMessage): TargetError {
  const { severity, code, message: text = '', detail, hint } = message as BackendMessage & Partial<Record<'severity' | 'code' | 'message' | 'detail' | 'hint', string>>;
  const fields = { severity, code, message: text, detail, hint };
  if (code?.startsWith('28') === true) return new TargetError('TargetAuthenticationFailed', `the target refuses our login: ${text}`, { fields });
  return new TargetError('TargetRejected', `the target refuses the session: ${text}`, { fields });
}
