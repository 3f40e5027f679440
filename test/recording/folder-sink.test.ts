import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createFolderSink } from '../../src/recording/folder-sink.ts';
import { readRecords } from '../../src/recording/read.ts';
import { findSession } from '../../src/recording/session-folder.ts';
import { verifySession } from '../../src/recording/verify.ts';
import { action, dataRow, end, recordStatement, result, rowDescription, start, temporaryFolder, testClock } from './sample.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const day = (root: string): string => join(root, 'team-a', 'orders-db', '2026', '01', '31');
const rows = Buffer.concat([rowDescription([{ name: 'email' }]), dataRow(['a***@example.com'])]);

function kinds(directory: string): string[] {
  return [...readRecords(directory)].map((line) => ('record' in line ? line.record.kind : line.problem));
}

describe('what is in the folder', () => {
  test('a session is one private directory by connection and day', () => {
    const sink = createFolderSink({ path: join(folder.path, 'recordings'), clock: testClock() });
    const recorder = sink.open(start('s1'));
    recordStatement(recorder, 1, 'select email from customers', rows);
    recorder.write(end());
    recorder.close();
    const directory = join(day(join(folder.path, 'recordings')), 's1');
    expect(readdirSync(directory).sort()).toEqual(['frames.bin', 'records.jsonl']);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'records.jsonl')).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'frames.bin')).mode & 0o777).toBe(0o600);
    expect(kinds(directory)).toEqual(['SessionStart', 'Action', 'Result', 'SessionEnd']);
  });

  test('each line chains to the one before, the first to the session', () => {
    const recorder = createFolderSink({ path: folder.path, clock: testClock() }).open(start('s1'));
    recordStatement(recorder, 1, 'select 1', rows);
    recorder.close();
    const lines = readFileSync(join(day(folder.path), 's1', 'records.jsonl'), 'utf8').trimEnd().split('\n');
    let prev = createHash('sha256').update('chaperone.dev/recording/v1\ns1').digest('hex');
    for (const [at, line] of lines.entries()) {
      const record = JSON.parse(line) as { seq: number; at: string; prev: string; hash: string };
      expect(record).toMatchObject({ seq: at, at: '2026-01-31T23:59:59.500Z', prev });
      prev = createHash('sha256').update(line.slice(0, line.lastIndexOf(',"hash":'))).digest('hex');
      expect(record.hash).toBe(prev);
    }
    expect(lines).toHaveLength(3);
  });

  test('frames stand as they came and each seal names its own bytes', () => {
    const recorder = createFolderSink({ path: folder.path, clock: testClock() }).open(start('s1'));
    expect(recorder.sealFrames()).toBeUndefined();
    recorder.frames(rows.subarray(0, 7));
    recorder.frames(rows.subarray(7));
    const sha256 = createHash('sha256').update(rows).digest('hex');
    const frames = recorder.sealFrames();
    expect(frames).toEqual({ offset: 0, length: rows.length, sha256 });
    recorder.write(result(1, frames && { frames }));
    expect(recorder.sealFrames()).toBeUndefined();
    recorder.frames(rows);
    expect(recorder.sealFrames()).toEqual({ offset: rows.length, length: rows.length, sha256 });
    recorder.close();
    expect(readFileSync(join(day(folder.path), 's1', 'frames.bin'))).toEqual(Buffer.concat([rows, rows]));
  });

  test('frames stay to be vouched for until a record has done so', () => {
    const recorder = createFolderSink({ path: folder.path, clock: testClock() }).open(start('s1'));
    recorder.frames(rows);
    const early = recorder.sealFrames();
    recorder.frames(rows);
    expect(() => recorder.write(result(1, early && { frames: early }))).toThrow(expect.objectContaining({ code: 'REC_SEAL' }));
    const sha256 = createHash('sha256').update(Buffer.concat([rows, rows])).digest('hex');
    const frames = recorder.sealFrames();
    expect(frames).toEqual({ offset: 0, length: 2 * rows.length, sha256 });
    recorder.write(result(1, frames && { frames }));
    recorder.write(end());
    recorder.close();
    expect(verifySession(join(day(folder.path), 's1'))).toMatchObject({ status: 'Verified', framesBytes: 2 * rows.length });
    expect([...readRecords(join(day(folder.path), 's1'))][1]).toMatchObject({ record: { kind: 'Result', missed: 1 } });
  });

  test('the session end vouches for the frames of a statement that it cut off', () => {
    const recorder = createFolderSink({ path: folder.path, clock: testClock() }).open(start('s1'));
    recorder.write(action(1, 'select 1'));
    recorder.frames(rows);
    recorder.write(end({ reason: 'Killed' }));
    recorder.close();
    const last = [...readRecords(join(day(folder.path), 's1'))].at(-1);
    expect(last).toMatchObject({ record: { kind: 'SessionEnd', frames: { offset: 0, length: rows.length } } });
  });

  test('a statement of 1 MiB is recorded whole', () => {
    const recorder = createFolderSink({ path: folder.path, clock: testClock() }).open(start('s1'));
    const statement = `select '${'ü'.repeat(524_288)}'`;
    recorder.write(action(1, statement));
    recorder.close();
    expect([...readRecords(join(day(folder.path), 's1'))].at(-1)).toMatchObject({ record: { statement } });
  });
});

describe('what is refused', () => {
  test.each([
    ['../../escape', 'team-a/orders-db'],
    ['..', 'team-a/orders-db'],
    ['a/b', 'team-a/orders-db'],
    ['', 'team-a/orders-db'],
    ['s1', '../orders-db'],
    ['s1', 'team-a/../..'],
    ['s1', 'team-a'],
    ['s1', '/orders-db'],
    ['s\u0000', 'team-a/orders-db'],
  ])('session %j of connection %j names no folder', (session, connection) => {
    const sink = createFolderSink({ path: folder.path, clock: testClock() });
    expect(() => sink.open(start(session, { connection }))).toThrow(expect.objectContaining({ code: 'REC_NAME' }));
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test('a second session of the same name, which leaves the first as it was', () => {
    const sink = createFolderSink({ path: folder.path, clock: testClock() });
    const first = sink.open(start('s1'));
    expect(() => sink.open(start('s1'))).toThrow(expect.objectContaining({ code: 'REC_OPEN' }));
    first.write(action(1, 'select 1'));
    first.close();
    expect(kinds(join(day(folder.path), 's1'))).toEqual(['SessionStart', 'Action']);
  });

  test('anything after the end or after closing', () => {
    const recorder = createFolderSink({ path: folder.path, clock: testClock() }).open(start('s1'));
    recorder.write(end());
    expect(() => recorder.write(result(1))).toThrow(expect.objectContaining({ code: 'REC_ENDED' }));
    expect(() => recorder.frames(rows)).toThrow(expect.objectContaining({ code: 'REC_ENDED' }));
    recorder.close();
    recorder.close();
    expect(() => recorder.write(result(1))).toThrow(expect.objectContaining({ code: 'REC_CLOSED' }));
    expect(existsSync(join(day(folder.path), 's1', 'frames.bin'))).toBe(false);
  });

  test('a folder that cannot be written, before anybody is let in', () => {
    const sink = createFolderSink({ path: '/proc/recordings', clock: testClock() });
    expect(() => sink.open(start('s1'))).toThrow(expect.objectContaining({ code: 'REC_OPEN' }));
  });
});

describe('a result is written', () => {
  const written = (): string[] => kinds(join(day(folder.path), 's1'));
  const open = (): ReturnType<ReturnType<typeof createFolderSink>['open']> => {
    const recorder = createFolderSink({ path: folder.path, clock: testClock() }).open(start('s1'));
    recordStatement(recorder, 1, 'select 1', rows);
    // Ahead of their effects, unlike the result.
    expect(written()).toEqual(['SessionStart', 'Action']);
    expect(readFileSync(join(day(folder.path), 's1', 'frames.bin'))).toEqual(rows);
    return recorder;
  };

  test('with the next action', () => {
    const recorder = open();
    recorder.write(action(2, 'select 2'));
    expect(written()).toEqual(['SessionStart', 'Action', 'Result', 'Action']);
    recorder.close();
  });

  test('with a warning, while information can wait as results do', () => {
    const recorder = open();
    recorder.write({ kind: 'Note', level: 'Info', reason: 'Sample', message: 'of interest' });
    expect(written()).toHaveLength(2);
    recorder.write({ kind: 'Note', level: 'Warning', reason: 'Sample', message: 'of concern' });
    expect(written()).toEqual(['SessionStart', 'Action', 'Result', 'Note', 'Note']);
    recorder.close();
  });

  test('by itself when nothing follows', async () => {
    const recorder = open();
    for (const until = performance.now() + 10_000; written().length < 3 && performance.now() < until; ) await setImmediate();
    expect(written()).toEqual(['SessionStart', 'Action', 'Result']);
    recorder.close();
  });

  test('by flush', async () => {
    const sink = createFolderSink({ path: folder.path, clock: testClock() });
    const recorder = sink.open(start('s1'));
    recordStatement(recorder, 1, 'select 1', rows);
    await sink.flush();
    expect(written()).toEqual(['SessionStart', 'Action', 'Result']);
    recorder.close();
  });

  test('before the files are closed', () => {
    open().close();
    expect(written()).toEqual(['SessionStart', 'Action', 'Result']);
  });

  test('before the process ends by itself', () => {
    execFileSync(process.execPath, [join(import.meta.dirname, 'recording-child.ts'), folder.path, '3'], { stdio: 'ignore' });
    const found = findSession(folder.path, 's1');
    if (!found.ok) throw new Error(found.error);
    expect(kinds(found.value.directory)).toEqual(['SessionStart', 'Action', 'Result', 'Action', 'Result', 'Action', 'Result']);
  });
});

describe('fsync: Group', () => {
  test('flush covers what was written, and closing closes once it is synced', async () => {
    const path = join(folder.path, 'recordings');
    const sink = createFolderSink({ path, clock: testClock(), fsync: { kind: 'Group', everyMs: 60_000 } });
    const openFiles = (): string[] => readdirSync('/proc/self/fd').flatMap((fd) => linkOf(fd)).filter((file) => file.startsWith(path));
    const recorder = sink.open(start('s1'));
    recordStatement(recorder, 1, 'select 1', rows);
    await sink.flush();
    expect(openFiles()).toHaveLength(2);
    recorder.write(end());
    recorder.close();
    expect(openFiles()).toHaveLength(2);
    await sink.flush();
    expect(openFiles()).toEqual([]);
    expect(kinds(join(day(path), 's1')).at(-1)).toBe('SessionEnd');
  });
});

function linkOf(fd: string): string[] {
  try {
    return [readlinkSync(join('/proc/self/fd', fd))];
  } catch {
    return [];
  }
}
