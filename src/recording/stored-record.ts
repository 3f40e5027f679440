import { messageOf } from '../lib/coded-error.ts';
import { err, ok, type Result } from '../lib/result.ts';
import type { ChainFields } from './chain.ts';
import type { RecordBody } from './record.ts';

/** A record as it stands in a recording. */
export type StoredRecord = RecordBody & ChainFields & { readonly hash: string };

type Shape = 'string' | 'number' | 'boolean' | { readonly [member: string]: Shape } | readonly [Shape] | Optional;
interface Optional {
  readonly optional: Shape;
}

const seal = { optional: { offset: 'number', length: 'number', sha256: 'string' } } as const;

/** What reading relies on; members beyond these are kept as they are. */
const shapes: Readonly<Record<RecordBody['kind'], Shape>> = {
  SessionStart: {
    session: 'string',
    connection: 'string',
    protocol: 'string',
    revision: 'string',
    subject: { kind: 'string', name: 'string' },
    claimed: { user: { optional: 'string' }, applicationName: { optional: 'string' } },
    peer: 'string',
    isEncrypted: 'boolean',
    gateway: { version: 'string', host: 'string' },
  },
  Action: {
    action: 'number',
    via: 'string',
    statement: 'string',
    forwarded: { optional: 'string' },
    parameters: { optional: [{}] },
    runs: { optional: [{ name: 'string', statement: 'string', parameters: { optional: [{}] } }] },
    decision: {
      verdict: 'string',
      code: 'string',
      rule: { optional: { policy: 'string', rule: 'string' } },
      message: { optional: 'string' },
      wouldBe: { optional: 'string' },
    },
    revision: 'string',
    statements: [{ statement: 'string', touches: ['string'], masked: ['string'] }],
    reason: { optional: 'string' },
  },
  Result: {
    action: 'number',
    tag: { optional: 'string' },
    rows: 'number',
    durationMs: 'number',
    error: { optional: { sqlstate: 'string', message: 'string' } },
    frames: seal,
  },
  Note: { level: 'string', reason: 'string', message: 'string' },
  SessionEnd: {
    reason: 'string',
    message: { optional: 'string' },
    actions: 'number',
    denied: 'number',
    rows: 'number',
    frames: seal,
  },
};

const chainShape: Shape = { seq: 'number', at: 'string', prev: 'string', missed: { optional: 'number' }, hash: 'string' };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads one line. Nothing in a recording is trusted: whoever reads it may be looking at a forgery. */
export function parseRecord(line: Uint8Array): Result<StoredRecord, string> {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(line));
  } catch (error) {
    return err(`not a JSON document: ${messageOf(error)}`);
  }
  if (!isObject(value)) return err('not a JSON object');
  const kind = value['kind'];
  if (typeof kind !== 'string' || !isKind(kind)) return err('not a kind of record');
  const problem = mismatch(value, chainShape, kind) ?? mismatch(value, shapes[kind], kind);
  if (problem !== undefined) return err(problem);
  if (Number.isNaN(Date.parse(String(value['at'])))) return err(`${kind}.at is not a time`);
  return ok(value as unknown as StoredRecord);
}

function isKind(kind: string): kind is RecordBody['kind'] {
  return Object.hasOwn(shapes, kind);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mismatch(value: unknown, shape: Shape, path: string): string | undefined {
  if (typeof shape === 'string') return typeof value === shape ? undefined : `${path} is not a ${shape}`;
  if (isList(shape)) {
    if (!Array.isArray(value)) return `${path} is not a list`;
    return firstOf(value, (item, at) => mismatch(item, shape[0], `${path}[${at}]`));
  }
  if (isOptional(shape)) return value === undefined ? undefined : mismatch(value, shape.optional, path);
  if (!isObject(value)) return `${path} is not an object`;
  return firstOf(Object.entries(shape), ([member, inner]) => mismatch(value[member], inner, `${path}.${member}`));
}

function isList(shape: Exclude<Shape, string>): shape is readonly [Shape] {
  return Array.isArray(shape);
}

function isOptional(shape: Exclude<Shape, string | readonly [Shape]>): shape is Optional {
  return Object.hasOwn(shape, 'optional');
}

function firstOf<T>(items: readonly T[], find: (item: T, at: number) => string | undefined): string | undefined {
  for (const [at, item] of items.entries()) {
    const found = find(item, at);
    if (found !== undefined) return found;
  }
  return undefined;
}
