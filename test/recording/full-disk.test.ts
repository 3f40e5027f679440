import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createFolderSink } from '../../src/recording/folder-sink.ts';
import { readRecords } from '../../src/recording/read.ts';
import { findSession } from '../../src/recording/session-folder.ts';
import { verifySession } from '../../src/recording/verify.ts';
import { action, end, recordStatement, start, temporaryFolder, testClock } from './sample.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

/** A file system of 64 KiB; undefined where the test may not mount one. */
function mountSmall(path: string): (() => void) | undefined {
  try {
    mkdirSync(path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path], { stdio: 'ignore' });
    return () => execFileSync('umount', ['-l', path]);
  } catch {
    return undefined;
  }
}

function directoryOf(path: string): string {
  const found = findSession(path, 's1');
  if (!found.ok) throw new Error(found.error);
  return found.value.directory;
}

function fill(write: (number: number) => void): number {
  for (let number = 1; ; number++) {
    try {
      write(number);
    } catch (error) {
      expect(error).toMatchObject({ code: 'REC_WRITE', cause: { code: expect.stringMatching(/ENOSPC|EFBIG/) } });
      return number;
    }
  }
}

const isRoot = process.getuid?.() === 0;
const mounted = isRoot ? test : test.skip;
if (!isRoot) process.stderr.write('full-disk: only root may mount a small file system; the file size limit stands in\n');

mounted('a full disk stops the session, keeps the chain whole, and lets it go on once there is room', () => {
  const path = join(folder.path, 'small');
  const unmount = mountSmall(path);
  if (unmount === undefined) {
    process.stderr.write('full-disk: mount is not permitted here; the file size limit below stands in\n');
    return;
  }
  try {
    const ballast = join(path, 'ballast');
    writeFileSync(ballast, Buffer.alloc(16 * 1024));
    const recorder = createFolderSink({ path, clock: testClock() }).open(start('s1'));
    const failedAt = fill((number) => recorder.write(action(number, 'x'.repeat(1_000))));
    expect(failedAt).toBeGreaterThan(10);
    expect(statfsSync(path).bavail).toBe(0);
    expect(() => recorder.write(action(failedAt, 'x'.repeat(10_000)))).toThrow(expect.objectContaining({ code: 'REC_WRITE' }));
    expect(() => recorder.frames(Buffer.alloc(10_000))).toThrow(expect.objectContaining({ code: 'REC_WRITE' }));
    expect(verifySession(directoryOf(path))).toMatchObject({ status: 'Incomplete', records: failedAt, finding: { reason: 'open or cut: no SessionEnd' } });

    rmSync(ballast);
    recordStatement(recorder, failedAt, 'select 1', Buffer.alloc(100));
    recorder.write(end());
    recorder.close();
    expect(verifySession(directoryOf(path))).toMatchObject({ status: 'Verified', framesBytes: 100 });
    const missed = [...readRecords(directoryOf(path))].flatMap((line) => ('record' in line && line.record.missed !== undefined ? [line.record] : []));
    expect(missed).toMatchObject([{ kind: 'Action', action: failedAt, missed: 3 }]);
  } finally {
    unmount();
  }
});

mounted('half a line that cannot be taken back ends the recording for good', () => {
  const path = join(folder.path, 'small');
  const unmount = mountSmall(path);
  if (unmount === undefined) return;
  const isLocked = (flag: string): boolean => spawnSync('chattr', [flag, join(directoryOf(path), 'records.jsonl')]).status === 0;
  try {
    const recorder = createFolderSink({ path, clock: testClock() }).open(start('s1'));
    // An append-only inode refuses ftruncate(2).
    if (!isLocked('+a')) {
      process.stderr.write('full-disk: chattr +a is not possible here; a failing ftruncate was not tested\n');
      return;
    }
    expect(() => recorder.write(action(1, 'x'.repeat(100_000)))).toThrow(expect.objectContaining({ code: 'REC_WRITE' }));
    expect(isLocked('-a')).toBe(true);
    truncateSync(join(directoryOf(path), 'records.jsonl'), 2_000);
    expect(() => recorder.write(action(2, 'select 1'))).toThrow(expect.objectContaining({ code: 'REC_FAILED' }));
    expect(() => recorder.frames(Buffer.alloc(1))).toThrow(expect.objectContaining({ code: 'REC_FAILED' }));
    recorder.close();
    expect(verifySession(directoryOf(path))).toMatchObject({ status: 'Incomplete', records: 1, finding: { line: 2, reason: 'open or cut: the last line is torn' } });
  } finally {
    unmount();
  }
});

mounted('nobody is let in when the disk is full from the start', () => {
  const path = join(folder.path, 'small');
  const unmount = mountSmall(path);
  if (unmount === undefined) return;
  try {
    const sink = createFolderSink({ path, clock: testClock() });
    sink.open(start('s0')).close();
    expect(() => writeFileSync(join(path, 'ballast'), Buffer.alloc(80 * 1024))).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
    expect(() => sink.open(start('s1'))).toThrow(expect.objectContaining({ code: expect.stringMatching(/REC_(OPEN|WRITE)/) }));
    expect(findSession(path, 's1').ok).toBe(false);
  } finally {
    unmount();
  }
});

test('a file size limit in the middle of a line is taken back too', () => {
  const child = join(import.meta.dirname, 'recording-child.ts');
  // ulimit -f counts KiB in bash.
  const output = execFileSync('bash', ['-c', 'ulimit -f 16; exec "$@"', 'bash', process.execPath, child, folder.path, '60', '64'], { encoding: 'utf8' });
  const said = output.trimEnd().split('\n');
  const failed = said.filter((line) => line.startsWith('failed'));
  expect(failed.length).toBeGreaterThan(5);
  expect(new Set(failed.map((line) => line.split(' ')[2]))).toEqual(new Set(['REC_WRITE']));
  const verification = verifySession(directoryOf(folder.path));
  expect(verification).toMatchObject({ status: 'Incomplete', finding: { reason: 'open or cut: no SessionEnd' } });
  expect(verification.records).toBe(1 + said.length - failed.length);
});
