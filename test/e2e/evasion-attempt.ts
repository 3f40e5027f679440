import { type Format, messages, type RawClient, type RawFrame } from '../support/raw-client.ts';
import { leaksIn } from './canary-detector.ts';
import type { EvasionCase } from './evasion-cases.ts';

export interface Heard {
  readonly leaks: readonly string[];
  /** What was answered, to be compared with the twin's answer. */
  readonly transcript: string;
}

/** Runs a case in one session, three ways. */
export async function attempt(client: RawClient, { sql }: EvasionCase): Promise<Heard> {
  const before = client.frames.length;
  for (const text of sql) await simple(client, text);
  for (const format of ['text', 'binary'] as const) {
    await client.query('ROLLBACK');
    for (const text of sql) await extended(client, text, format);
  }
  client.end();
  return { leaks: leaksIn(client.bytes, client.frames), transcript: transcriptOf(client.frames.slice(before)) };
}

async function simple(client: RawClient, text: string): Promise<void> {
  if (text.includes('FROM STDIN')) await copyIn(client, [messages.query(text)], []);
  else await client.query(text);
}

async function extended(client: RawClient, text: string, format: Format): Promise<void> {
  if (text.includes('FROM STDIN')) await copyIn(client, [messages.parse(text), messages.bind(), messages.execute(), messages.flush], [messages.sync]);
  else await client.extended(text, format);
}

/** Sends one row, if the COPY is let begin. */
async function copyIn(client: RawClient, begin: readonly Buffer[], end: readonly Buffer[]): Promise<void> {
  const before = client.frames.length;
  client.send(...begin);
  const { type } = await client.until('GE', before);
  const row = type === 'G' ? [messages.copyData('1\n'), messages.copyDone] : [];
  client.send(...row, ...end);
  await client.until('Z', before);
}

/** Tables that cases make have whatever OID was next: in a description of rows each table has its own number. */
function transcriptOf(frames: readonly RawFrame[]): string {
  const tables = new Map<number, number>();
  return frames
    .filter(({ type }) => type !== 'S')
    .map(({ type, body }) => `${type} ${(type === 'T' ? withTablesNumbered(body, tables) : body).toString('latin1')}`)
    .join('\n');
}

function withTablesNumbered(description: Buffer, tables: Map<number, number>): Buffer {
  const numbered = Buffer.from(description);
  let at = 2;
  for (let left = numbered.readInt16BE(); left > 0; left--) {
    at = numbered.indexOf(0, at) + 1;
    const oid = numbered.readUInt32BE(at);
    if (oid !== 0 && !tables.has(oid)) tables.set(oid, tables.size + 1);
    numbered.writeUInt32BE(tables.get(oid) ?? 0, at);
    at += 18;
  }
  return numbered;
}
