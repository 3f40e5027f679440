import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/lib/clock.ts';
import type { ActionRecord, ResultRecord, SessionEnd, SessionStart } from '../../src/recording/record.ts';
import type { SessionRecorder } from '../../src/recording/recorder.ts';

/** A clock that a test moves. */
export function testClock(start = Date.UTC(2026, 0, 31, 23, 59, 59, 500)): Clock & { advance(ms: number): void } {
  let now = start;
  return { now: () => now, monotonic: () => now, advance: (ms) => void (now += ms) };
}

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'recording-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function start(session: string, overrides: Partial<SessionStart> = {}): SessionStart {
  return {
    kind: 'SessionStart',
    session,
    connection: 'team-a/orders-db',
    protocol: 'PostgreSQL',
    revision: 'r1',
    subject: {
      kind: 'ServiceAccount',
      name: 'serviceaccount:agents/support-agent',
      serviceAccount: { namespace: 'agents', name: 'support-agent' },
      groups: [],
      issuer: 'https://issuer.example',
    },
    claimed: { user: 'agent', applicationName: 'psql' },
    peer: '127.0.0.1:50000',
    isEncrypted: false,
    gateway: { version: '0.1.0', host: 'gateway-0' },
    ...overrides,
  };
}

export function action(number: number, statement: string, overrides: Partial<ActionRecord> = {}): ActionRecord {
  return {
    kind: 'Action',
    action: number,
    via: 'Query',
    statement,
    decision: { verdict: 'Allow', code: 'Allowed', rule: { policy: 'team-a/support', rule: 'read-support' } },
    revision: 'r1',
    statements: [{ statement: 'SELECT', touches: ['Select public.customers'], masked: ['public.customers.email'] }],
    ...overrides,
  };
}

export function result(number: number, overrides: Partial<ResultRecord> = {}): ResultRecord {
  return { kind: 'Result', action: number, tag: 'SELECT 1', rows: 1, durationMs: 1.5, ...overrides };
}

export function end(overrides: Partial<SessionEnd> = {}): SessionEnd {
  return { kind: 'SessionEnd', reason: 'ClientClosed', actions: 1, denied: 0, rows: 1, ...overrides };
}

/** A statement with its rows, as the gateway records one. */
export function recordStatement(recorder: SessionRecorder, number: number, statement: string, rows: Uint8Array): void {
  recorder.write(action(number, statement));
  recorder.frames(rows);
  const frames = recorder.sealFrames();
  recorder.write(result(number, frames === undefined ? {} : { frames }));
}

export interface SampleColumn {
  readonly name: string;
  readonly typeOid?: number;
  readonly isBinary?: boolean;
}

export function rowDescription(columns: readonly SampleColumn[]): Buffer {
  const fields = columns.map(({ name, typeOid = 25, isBinary = false }) => {
    const rest = Buffer.alloc(18);
    rest.writeUInt32BE(typeOid, 6);
    rest.writeInt16BE(isBinary ? 1 : 0, 16);
    return Buffer.concat([Buffer.from(`${name}\0`), rest]);
  });
  return message('T', Buffer.concat([int16(columns.length), ...fields]));
}

export function dataRow(values: readonly (string | Buffer | null)[]): Buffer {
  const cells = values.map((value) => {
    if (value === null) return int32(-1);
    const bytes = Buffer.from(value as string);
    return Buffer.concat([int32(bytes.length), bytes]);
  });
  return message('D', Buffer.concat([int16(values.length), ...cells]));
}

export function copyData(data: string | Buffer): Buffer {
  return message('d', Buffer.from(data as string));
}

function message(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
