import { appendFileSync, mkdirSync, readFileSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFolderSink } from '../../src/recording/folder-sink.ts';
import { findSession } from '../../src/recording/session-folder.ts';
import { verifySession } from '../../src/recording/verify.ts';
import { action, dataRow, end, recordStatement, rowDescription, start, temporaryFolder, testClock } from './sample.ts';

let folder: ReturnType<typeof temporaryFolder>;
let directory: string;

const rows = Buffer.concat([rowDescription([{ name: 'email' }]), dataRow(['a***@example.com'])]);

beforeEach(() => {
  folder = temporaryFolder();
  directory = record('s1', true);
});
afterEach(() => folder.remove());

function record(session: string, isEnded: boolean): string {
  const recorder = createFolderSink({ path: folder.path, clock: testClock() }).open(start(session));
  recordStatement(recorder, 1, 'select email from customers', rows);
  recordStatement(recorder, 2, 'select email from customers limit 1', rows);
  if (isEnded) recorder.write(end());
  recorder.close();
  const found = findSession(folder.path, session);
  if (!found.ok) throw new Error(found.error);
  return found.value.directory;
}

const records = (): string => join(directory, 'records.jsonl');
const frames = (): string => join(directory, 'frames.bin');
const lines = (): string[] => readFileSync(records(), 'utf8').split('\n').slice(0, -1);
const rewrite = (changed: readonly string[]): void => writeFileSync(records(), changed.map((line) => `${line}\n`).join(''));

function swap<T>(items: readonly T[], a: number, b: number): T[] {
  return items.map((item, at) => (at === a ? items[b]! : at === b ? items[a]! : item));
}

describe('a recording that nobody touched', () => {
  test('is verified, with its head', () => {
    const last = JSON.parse(lines().at(-1)!) as { hash: string };
    expect(verifySession(directory)).toEqual({ status: 'Verified', session: 's1', records: 6, head: last.hash, framesBytes: 2 * rows.length });
  });

  test('without a session end is open or cut, never verified', () => {
    expect(verifySession(record('s2', false))).toMatchObject({ status: 'Incomplete', records: 5, finding: { reason: 'open or cut: no SessionEnd' } });
  });

  test('with frames that the killed gateway had not sealed yet is incomplete', () => {
    directory = record('s2', false);
    appendFileSync(frames(), rows);
    expect(verifySession(directory).status).toBe('Incomplete');
  });

  test('is as it was at a head noted before', () => {
    const { hash } = JSON.parse(lines()[2]!) as { hash: string };
    expect(verifySession(directory, { expectHead: hash }).status).toBe('Verified');
  });
});

describe('tampering is found', () => {
  test('in every bit-flipped byte of the records', () => {
    const original = readFileSync(records());
    for (let at = 0; at < original.length; at++) {
      for (const bit of [1, 0x20, 0x80]) {
        const changed = Buffer.from(original);
        changed[at]! ^= bit;
        writeFileSync(records(), changed);
        expect([at, bit, verifySession(directory).status]).not.toEqual([at, bit, 'Verified']);
      }
    }
    writeFileSync(records(), original);
    expect(verifySession(directory).status).toBe('Verified');
  });

  test('in every changed byte of the frames', () => {
    const original = readFileSync(frames());
    for (let at = 0; at < original.length; at++) {
      const changed = Buffer.from(original);
      changed[at]! ^= 1;
      writeFileSync(frames(), changed);
      expect([at, verifySession(directory)]).toMatchObject([at, { status: 'Tampered', finding: { line: at < rows.length ? 3 : 5 } }]);
    }
  });

  test.each<[string, number, (all: string[]) => string[]]>([
    ['a changed line', 2, (all) => all.map((line, at) => (at === 1 ? line.replace('customers', 'customerz') : line))],
    ['two lines in the other order', 3, (all) => swap(all, 2, 3)],
    ['a missing line', 3, (all) => all.filter((_, at) => at !== 2)],
    ['a repeated line', 3, (all) => all.flatMap((line, at) => (at === 1 ? [line, line] : [line]))],
    ['a missing first line', 1, (all) => all.slice(1)],
    ['a line after the end', 7, (all) => [...all, all[1]!]],
    ['an empty line', 4, (all) => [...all.slice(0, 3), '', ...all.slice(3)]],
    ['white space in a line', 2, (all) => all.map((line, at) => (at === 1 ? line.replace('{', '{ ') : line))],
  ])('%s', (_name, line, change) => {
    rewrite(change(lines()));
    expect(verifySession(directory)).toMatchObject({ status: 'Tampered', finding: { line } });
  });

  test('a line of another session in the same place', () => {
    const other = readFileSync(join(record('s2', true), 'records.jsonl'), 'utf8').split('\n');
    rewrite(lines().map((line, at) => (at === 3 ? other[3]! : line)));
    expect(verifySession(directory)).toMatchObject({ status: 'Tampered', finding: { line: 4 } });
  });

  test('a whole recording under another session\'s name', () => {
    const elsewhere = join(folder.path, 's9');
    renameSync(directory, elsewhere);
    expect(verifySession(elsewhere)).toMatchObject({ status: 'Tampered', finding: { line: 1 } });
  });

  test('frames cut, removed, or added to', () => {
    truncateSync(frames(), rows.length);
    expect(verifySession(directory)).toMatchObject({ status: 'Tampered', finding: { line: 5 } });
    unlinkSync(frames());
    expect(verifySession(directory)).toMatchObject({ status: 'Tampered', finding: { line: 3 } });
    writeFileSync(frames(), Buffer.concat([rows, rows, rows]));
    expect(verifySession(directory)).toMatchObject({ status: 'Tampered', finding: { reason: `${rows.length} bytes of frames that no record vouches for` } });
  });

  test('a cut tail: incomplete by itself, tampered against the head noted before', () => {
    const { head } = verifySession(directory);
    rewrite(lines().slice(0, -1));
    expect(verifySession(directory).status).toBe('Incomplete');
    expect(verifySession(directory, { expectHead: head }).status).toBe('Tampered');
  });

  test('records that are no file, or gone', () => {
    unlinkSync(records());
    expect(verifySession(directory).status).toBe('Tampered');
    mkdirSync(records());
    expect(verifySession(directory).status).toBe('Tampered');
  });
});

test('every cut of the records is incomplete, and never verified nor tampered', () => {
  const original = readFileSync(records());
  for (let length = 0; length < original.length; length++) {
    writeFileSync(records(), original.subarray(0, length));
    expect([length, verifySession(directory).status]).toEqual([length, 'Incomplete']);
  }
});

test('whatever is recorded reads back verified', () => {
  let count = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 4 })), { maxLength: 8 }),
      fc.boolean(),
      (statements, isEnded) => {
        const session = `p${++count}`;
        const recorder = createFolderSink({ path: folder.path, clock: testClock() }).open(start(session));
        for (const [at, [statement, chunks]] of statements.entries()) {
          recorder.write(action(at + 1, statement));
          for (const chunk of chunks) recorder.frames(chunk);
          const seal = recorder.sealFrames();
          recorder.write({ kind: 'Result', action: at + 1, rows: 0, durationMs: 0, ...(seal && { frames: seal }) });
        }
        if (isEnded) recorder.write(end());
        recorder.close();
        const found = findSession(folder.path, session);
        if (!found.ok) throw new Error(found.error);
        expect(verifySession(found.value.directory)).toMatchObject({
          status: isEnded ? 'Verified' : 'Incomplete',
          records: 1 + 2 * statements.length + Number(isEnded),
        });
      },
    ),
    { numRuns: 50 },
  );
});
