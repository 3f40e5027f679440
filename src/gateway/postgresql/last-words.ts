import type { Socket } from 'node:net';

/** A client that does not close its side in this time has it closed. */
const lingerMs = 2_000;

/**
 * Sends the last bytes and closes. What the client still sends is read and dropped: closing a socket with unread
 * bytes resets it, and the client would never see why it was let go.
 */
export function closeWith(socket: Socket, bytes?: Buffer): void {
  if (bytes === undefined) socket.end();
  else socket.end(bytes);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs).unref();
  socket.once('close', () => clearTimeout(timer));
}
