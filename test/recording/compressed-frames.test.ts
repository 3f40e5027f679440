import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createFolderSink } from '../../src/recording/folder-sink.ts';
import { openFrames } from '../../src/recording/open-frames.ts';
import { findSession } from '../../src/recording/session-folder.ts';
import { verifySession } from '../../src/recording/verify.ts';
import { end, recordStatement, start, temporaryFolder, testClock } from './sample.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

async function compressed(parts: readonly Buffer[], everyMs?: number): Promise<string> {
  const sink = createFolderSink({ path: folder.path, clock: testClock(), compress: true, ...(everyMs !== undefined && { fsync: { kind: 'Group', everyMs } }) });
  const recorder = sink.open(start('s1'));
  for (const [at, part] of parts.entries()) recordStatement(recorder, at + 1, 'select 1', part);
  recorder.write(end());
  recorder.close();
  await sink.flush();
  const found = findSession(folder.path, 's1');
  if (!found.ok) throw new Error(found.error);
  return found.value.directory;
}

test.each([undefined, 60_000])('frames of an ended session are compressed and read back the same (fsync every %s)', async (everyMs) => {
  const parts = [Buffer.alloc(3_000_000, 'row '), randomBytes(1_500_000), Buffer.from('last')];
  const whole = Buffer.concat(parts);
  const directory = await compressed(parts, everyMs);
  expect(readdirSync(directory).sort()).toEqual(['frames.bin.zst', 'records.jsonl']);
  expect(verifySession(directory)).toMatchObject({ status: 'Verified', framesBytes: whole.length });
  const source = openFrames(directory);
  for (const [offset, length] of [[0, 5], [1_048_570, 12], [2_999_990, 1_500_000], [whole.length - 4, 100], [whole.length, 1], [0, whole.length]] as const) {
    expect(source.read(offset, length).equals(whole.subarray(offset, offset + length))).toBe(true);
  }
  source.close();
  const zstd = spawnSync('zstd', ['-dc', join(directory, 'frames.bin.zst')], { maxBuffer: 2 * whole.length });
  if (zstd.error === undefined) expect(createHash('sha256').update(zstd.stdout).digest('hex')).toBe(createHash('sha256').update(whole).digest('hex'));
  else process.stderr.write('compressed-frames: no zstd here, the format was read back by our own reader only\n');
});

test('every byte of a compressed file that matters is covered', async () => {
  const directory = await compressed([Buffer.from('some rows, some rows, some rows'), Buffer.from('more')]);
  const path = join(directory, 'frames.bin.zst');
  const original = readFileSync(path);
  const unnoticed: number[] = [];
  for (let at = 0; at < original.length; at++) {
    const changed = Buffer.from(original);
    changed[at]! ^= 1;
    writeFileSync(path, changed);
    if (verifySession(directory).status === 'Verified') unnoticed.push(at);
    const source = verifySession(directory).status === 'Verified' ? openFrames(directory) : undefined;
    // What goes unnoticed must decompress to the very same bytes.
    if (source !== undefined) expect(source.read(0, 100).toString()).toBe('some rows, some rows, some rowsmore');
    source?.close();
    for (const length of [at]) {
      writeFileSync(path, original.subarray(0, length));
      expect([length, verifySession(directory).status]).toEqual([length, 'Tampered']);
    }
  }
  expect(unnoticed.length).toBeLessThan(4);
});
