import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { silentLog } from '../../src/lib/log.ts';
import { createFolderSink } from '../../src/recording/folder-sink.ts';
import { readRecords } from '../../src/recording/read.ts';
import { findSession } from '../../src/recording/session-folder.ts';
import { verifySession } from '../../src/recording/verify.ts';
import { action, end, recordStatement, result, start, temporaryFolder, testClock } from './sample.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

/** A file system of 64 KiB or another size; undefined where the test may not mount one. */
function mountSmall(path: string, size = '64k'): (() => void) | undefined {
  try {
    mkdirSync(path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], { stdio: 'ignore' });
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

function fillUp(path: string): void {
  expect(() => writeFileSync(path, Buffer.alloc(512 * 1024))).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
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

mounted('a result that found no room is written before the next action, or there is no action', async () => {
  const path = join(folder.path, 'small');
  const unmount = mountSmall(path);
  if (unmount === undefined) return;
  try {
    const errors: string[] = [];
    const log = { ...silentLog, error: (message: string) => void errors.push(message) };
    const sink = createFolderSink({ path, clock: testClock(), log });
    const recorder = sink.open(start('s1'));
    recorder.write(action(1, 'select 1'));
    recorder.frames(Buffer.alloc(100));
    fillUp(join(path, 'ballast'));
    const frames = recorder.sealFrames();
    // More than the file's last page takes.
    recorder.write(result(1, { error: { sqlstate: '22000', message: 'x'.repeat(10_000) }, ...(frames && { frames }) }));
    expect(() => recorder.write(action(2, 'select 2'))).toThrow(expect.objectContaining({ code: 'REC_WRITE' }));
    await sink.flush();
    await sink.flush();
    expect(errors).toEqual(['cannot write results yet']);
    expect(verifySession(directoryOf(path))).toMatchObject({ status: 'Incomplete', records: 2, finding: { reason: 'open or cut: no SessionEnd' } });

    rmSync(join(path, 'ballast'));
    recorder.write(action(3, 'select 3'));
    recorder.write(end());
    recorder.close();
    expect(verifySession(directoryOf(path))).toMatchObject({ status: 'Verified', records: 5, framesBytes: 100 });
    const records = [...readRecords(directoryOf(path))].flatMap((line) => ('record' in line ? [line.record] : []));
    expect(records.slice(1)).toMatchObject([{ kind: 'Action', action: 1 }, { kind: 'Result', action: 1 }, { kind: 'Action', action: 3, missed: 1 }, { kind: 'SessionEnd' }]);
  } finally {
    unmount();
  }
});

mounted('a session that ends on a full disk says that its last results are lost, and leaves a chain that is only cut', () => {
  const path = join(folder.path, 'small');
  const unmount = mountSmall(path);
  if (unmount === undefined) return;
  try {
    const errors: string[] = [];
    const log = { ...silentLog, error: (message: string) => void errors.push(message) };
    const recorder = createFolderSink({ path, clock: testClock(), log }).open(start('s1'));
    recorder.write(action(1, 'select 1'));
    fillUp(join(path, 'ballast'));
    recorder.write(result(1, { error: { sqlstate: '22000', message: 'x'.repeat(10_000) } }));
    expect(() => recorder.write(end())).toThrow(expect.objectContaining({ code: 'REC_WRITE' }));
    recorder.close();
    expect(errors).toEqual(['the last results of a session are not in its recording']);
    expect(verifySession(directoryOf(path))).toMatchObject({ status: 'Incomplete', records: 2, finding: { reason: 'open or cut: no SessionEnd' } });
  } finally {
    unmount();
  }
});

mounted('results that find no room are not kept without end: those beyond are counted, their frames left for the next', () => {
  const path = join(folder.path, 'small');
  const unmount = mountSmall(path, '256k');
  if (unmount === undefined) return;
  try {
    const recorder = createFolderSink({ path, clock: testClock() }).open(start('s1'));
    recorder.write(action(1, 'select 1'));
    recorder.frames(Buffer.alloc(100));
    fillUp(join(path, 'ballast'));
    const failedAt = fill((number) => recorder.write(result(number, { error: { sqlstate: '22000', message: 'x'.repeat(10_000) } })));
    expect(failedAt).toBe(7);
    const frames = recorder.sealFrames();
    expect(() => recorder.write(result(1, { error: { sqlstate: '22000', message: 'x'.repeat(10_000) }, ...(frames && { frames }) }))).toThrow(expect.objectContaining({ code: 'REC_WRITE' }));

    rmSync(join(path, 'ballast'));
    recorder.write(end({ reason: 'RecordingFailed' }));
    recorder.close();
    expect(verifySession(directoryOf(path))).toMatchObject({ status: 'Verified', records: 9, framesBytes: 100 });
    expect([...readRecords(directoryOf(path))].at(-1)).toMatchObject({ record: { kind: 'SessionEnd', missed: 2, frames: { offset: 0, length: 100 } } });
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
  // The result before the first failure may have been late, and stays too long for what room there is.
  const lost = 1 + said.length - failed.length - verification.records;
  expect([0, 1]).toContain(lost);
  const recorded = [...readRecords(directoryOf(folder.path))].flatMap((line) => ('record' in line && line.record.kind === 'Action' ? [`action ${line.record.action}`] : []));
  expect(recorded).toEqual(said.filter((line) => line.startsWith('action')));
});
