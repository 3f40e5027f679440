import { hash as digestOf } from 'node:crypto';

/** The chain's own fields, first in every line. */
export interface ChainFields {
  readonly seq: number;
  /** ISO 8601, milliseconds, UTC. */
  readonly at: string;
  /** `hash` of the line before; of the first line, `genesis` of the session. */
  readonly prev: string;
  /** Calls of the recorder that failed since the line before: a gap that was seen. */
  readonly missed?: number;
}

const domain = 'chaperone.dev/recording/v1\n';
/** `,"hash":"<64 hex>"}` closes every line. */
const tailBytes = ',"hash":"'.length + 64 + '"}'.length;

/** What the first line of a session's recording points back to. */
export function genesis(session: string): string {
  return digestOf('sha256', domain + session);
}

/**
 * One line without its line feed, and its hash. The hash stands last and covers every byte before it, so a
 * line vouches for itself and, through `prev`, for all lines before it. The body must have members of its own.
 */
export function encodeLine(fields: ChainFields, body: object): { readonly line: string; readonly hash: string } {
  const { seq, at, prev, missed } = fields;
  const gap = missed === undefined ? '' : `"missed":${missed},`;
  // By hand, since JSON.stringify of a merged object takes six times as long. None of the four needs escaping.
  const open = `{"seq":${seq},"at":"${at}","prev":"${prev}",${gap}${JSON.stringify(body).slice(1, -1)}`;
  const hash = digestOf('sha256', open);
  return { line: `${open},"hash":"${hash}"}`, hash };
}

/** The hash that a line carries, if it is the right one for the line's bytes. */
export function lineHash(line: Uint8Array): string | undefined {
  const end = line.length - tailBytes;
  if (end < 1) return undefined;
  const hash = digestOf('sha256', line.subarray(0, end));
  const tail = Buffer.from(line.buffer, line.byteOffset + end, tailBytes).toString('latin1');
  return tail === `,"hash":"${hash}"}` ? hash : undefined;
}
