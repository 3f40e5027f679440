import { once } from 'node:events';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { decodeStartup, type StartupPacket } from '../../wire/postgresql/startup-packet.ts';
import { FrameError } from '../../wire/postgresql/frame-error.ts';
import { LoginChannel } from './login-channel.ts';
import type { ServerTls } from './gateway-tls.ts';

/** A client that has said what it wants, on a connection that is encrypted or not. */
export interface Accepted {
  readonly channel: LoginChannel;
  readonly tls: TLSSocket | undefined;
  readonly packet: Extract<StartupPacket, { kind: 'Startup' | 'CancelRequest' }>;
}

const tlsHandshake = 0x16;
/** The protocol's name in TLS, which direct connections must state. */
const alpn = 'postgresql';

/** Where the client can be answered: on top of TLS as soon as there is any. */
export interface Connection {
  socket: Socket;
}

/** Negotiates encryption and reads the start-up packet. Undefined: the client went away. */
export async function acceptConnection(connection: Connection, tlsNow: () => ServerTls | undefined): Promise<Accepted | undefined> {
  const { socket } = connection;
  const first = await firstBytes(socket);
  if (first === undefined) return undefined;
  socket.unshift(first);
  const tls = tlsNow();
  if (first[0] === tlsHandshake) {
    if (tls === undefined) throw new FrameError('TLS is not configured');
    const encrypted = await encrypt(connection, tls);
    if (encrypted.alpnProtocol !== alpn) throw new FrameError('a direct TLS connection must name the protocol postgresql');
    return readStartup(new LoginChannel(encrypted), encrypted);
  }
  return negotiate(connection, new LoginChannel(socket), tls);
}

async function negotiate(connection: Connection, channel: LoginChannel, tls: ServerTls | undefined): Promise<Accepted | undefined> {
  // A client may try GSSAPI before TLS, each once.
  for (let attempt = 0; attempt < 3; attempt++) {
    const bytes = await channel.startup();
    if (bytes === undefined) return undefined;
    const packet = decodeStartup(bytes);
    switch (packet.kind) {
      case 'Startup':
      case 'CancelRequest':
        return { channel, tls: undefined, packet };
      case 'GssEncRequest':
        channel.socket.write('N');
        break;
      case 'SslRequest': {
        // Bytes behind the request were sent in the clear: taking them for encrypted ones is an old hole.
        if (channel.reader.buffered > 0) throw new FrameError('bytes came behind the request for TLS');
        if (tls === undefined) {
          channel.socket.write('N');
          break;
        }
        channel.detach();
        channel.socket.write('S');
        const encrypted = await encrypt(connection, tls);
        return readStartup(new LoginChannel(encrypted), encrypted);
      }
    }
  }
  throw new FrameError('too many requests before the start-up packet');
}

async function readStartup(channel: LoginChannel, tls: TLSSocket): Promise<Accepted | undefined> {
  const bytes = await channel.startup();
  if (bytes === undefined) return undefined;
  const packet = decodeStartup(bytes);
  if (packet.kind === 'Startup' || packet.kind === 'CancelRequest') return { channel, tls, packet };
  throw new FrameError('a request for encryption on an encrypted connection');
}

async function encrypt(connection: Connection, tls: ServerTls): Promise<TLSSocket> {
  const { socket } = connection;
  const encrypted = new TLSSocket(socket, {
    isServer: true,
    secureContext: tls.context,
    requestCert: tls.requestsCertificate,
    // Whoever shows no certificate shows a token; a certificate that does not hold is refused at login.
    rejectUnauthorized: false,
    ALPNProtocols: [alpn],
  });
  connection.socket = encrypted;
  encrypted.on('error', () => socket.destroy());
  await once(encrypted, 'secure', { signal: closeSignal(socket) });
  return encrypted;
}

async function firstBytes(socket: Socket): Promise<Buffer | undefined> {
  const signal = closeSignal(socket);
  for (;;) {
    const bytes = socket.read() as Buffer | null;
    if (bytes !== null) return bytes;
    if (socket.readableEnded || socket.destroyed) return undefined;
    await Promise.race([once(socket, 'readable', { signal }), once(socket, 'end', { signal })]).catch(() => undefined);
  }
}

function closeSignal(socket: Socket): AbortSignal {
  const closed = new AbortController();
  socket.once('close', () => closed.abort(new FrameError('the client closed the connection')));
  return closed.signal;
}
