import { FrameCursor } from './frame-cursor.ts';
import { FrameError } from './frame-error.ts';

/** What may come first on a connection. */
export type StartupPacket =
  | { readonly kind: 'SslRequest' }
  | { readonly kind: 'GssEncRequest' }
  /** `key`: 4 bytes in protocol 3.0, up to 256 in 3.2. */
  | { readonly kind: 'CancelRequest'; readonly processId: number; readonly key: Buffer }
  | {
      readonly kind: 'Startup';
      readonly major: number;
      readonly minor: number;
      /** Protocol options, whose names begin with `_pq_.`, are in `options` and not here. */
      readonly parameters: ReadonlyMap<string, string>;
      readonly options: readonly string[];
    };

/** PostgreSQL's own MAX_STARTUP_PACKET_LENGTH. */
export const maxStartupBytes = 10_000;
const minPacketBytes = 8;
const requestMajor = 1234;
const maxCancelKeyBytes = 256;

/** The length of a start-up packet that begins at `at`; undefined until its four bytes are there. */
export function startupLength(bytes: Buffer): number | undefined {
  if (bytes.length < 4) return undefined;
  const length = bytes.readUInt32BE(0);
  if (length < minPacketBytes || length > maxStartupBytes) throw new FrameError('the length of the start-up packet is out of bounds');
  return length;
}

/** Decodes a whole start-up packet, its length included. */
export function decodeStartup(packet: Buffer): StartupPacket {
  const cursor = new FrameCursor(packet, 4);
  const major = cursor.int16();
  const minor = cursor.int16();
  if (major !== requestMajor) return decodeParameters(cursor, major, minor);
  switch (minor) {
    case 5679:
      cursor.end();
      return { kind: 'SslRequest' };
    case 5680:
      cursor.end();
      return { kind: 'GssEncRequest' };
    case 5678:
      return decodeCancel(cursor, packet.length);
    default:
      throw new FrameError(`unknown request ${minor} in place of a start-up packet`);
  }
}

function decodeCancel(cursor: FrameCursor, packetBytes: number): StartupPacket {
  const processId = cursor.uint32();
  const key = cursor.bytes(packetBytes - cursor.at);
  if (key.length < 4 || key.length > maxCancelKeyBytes) throw new FrameError('a cancel key has a wrong length');
  return { kind: 'CancelRequest', processId, key };
}

function decodeParameters(cursor: FrameCursor, major: number, minor: number): StartupPacket {
  const parameters = new Map<string, string>();
  const options: string[] = [];
  if (major !== 3) return { kind: 'Startup', major, minor, parameters, options };
  for (;;) {
    const name = cursor.text();
    if (name === '') break;
    const value = cursor.text();
    if (name.startsWith('_pq_.')) options.push(name);
    else if (parameters.has(name)) throw new FrameError('a start-up parameter is given twice');
    else parameters.set(name, value);
  }
  cursor.end();
  return { kind: 'Startup', major, minor, parameters, options };
}
