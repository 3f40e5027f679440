import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readRecords } from '../../src/recording/read.ts';
import { findSession } from '../../src/recording/session-folder.ts';
import { verifySession } from '../../src/recording/verify.ts';
import { temporaryFolder } from './sample.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const child = join(import.meta.dirname, 'recording-child.ts');

/** Kills the recorder after it has acknowledged so many lines, and hands back everything it acknowledged. */
async function recordAndKill(path: string, lines: number, extraBytes: number): Promise<string[]> {
  const recording = spawn(process.execPath, [child, path, '0', String(extraBytes)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(recording, 'close');
  const acknowledged: string[] = [];
  for await (const line of createInterface({ input: recording.stdout })) {
    acknowledged.push(line);
    if (acknowledged.length === lines) recording.kill('SIGKILL');
  }
  await exited;
  return acknowledged;
}

test.each([1, 2, 3, 17, 50, 333, 1_000, 2_000].map((lines) => [lines, Math.floor(Math.random() * 20_000)]))(
  'kill -9 after %d acknowledgements (rows of %d bytes) loses no statement, and no result but the last',
  async (lines, rowBytes) => {
    const acknowledged = await recordAndKill(folder.path, lines, rowBytes);
    expect(acknowledged.length).toBeGreaterThanOrEqual(lines);
    const found = findSession(folder.path, 's1');
    if (!found.ok) throw new Error(found.error);
    const recorded = new Set<string>();
    for (const line of readRecords(found.value.directory)) {
      if ('problem' in line) expect(line.isTorn).toBe(true);
      else if (line.record.kind === 'Action' || line.record.kind === 'Result') recorded.add(`${line.record.kind.toLowerCase()} ${line.record.action}`);
    }
    // The last acknowledgement may itself be torn by the kill.
    const whole = acknowledged.filter((line) => /^(action|result) \d+$/.test(line));
    const lastResult = whole.findLast((line) => line.startsWith('result'));
    expect(whole.filter((line) => !recorded.has(line) && line !== lastResult)).toEqual([]);
    expect(verifySession(found.value.directory)).toMatchObject({ status: 'Incomplete', records: recorded.size + 1 });
  },
);
