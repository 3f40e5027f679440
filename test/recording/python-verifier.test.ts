import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createFolderSink } from '../../src/recording/folder-sink.ts';
import { findSession } from '../../src/recording/session-folder.ts';
import { verifySession } from '../../src/recording/verify.ts';
import { dataRow, end, recordStatement, rowDescription, start, temporaryFolder, testClock } from './sample.ts';

const documentation = readFileSync(join(import.meta.dirname, '../../docs/recordings.md'), 'utf8');
const snippet = /```python\n(.*?)```/s.exec(documentation)?.[1] ?? '';
const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) process.stderr.write('python-verifier: no python3 here, the verifier of docs/recordings.md was not run\n');

let folder: ReturnType<typeof temporaryFolder>;
let directory: string;
beforeEach(() => {
  folder = temporaryFolder();
  const recorder = createFolderSink({ path: folder.path, clock: testClock() }).open(start('s1'));
  recordStatement(recorder, 1, 'select 1', Buffer.concat([rowDescription([{ name: 'a' }]), dataRow(['ü'])]));
  recorder.write(end());
  recorder.close();
  const found = findSession(folder.path, 's1');
  if (!found.ok) throw new Error(found.error);
  directory = found.value.directory;
});
afterEach(() => folder.remove());

const edit = (file: string, change: (bytes: Buffer) => void): void => {
  const bytes = readFileSync(file);
  change(bytes);
  writeFileSync(file, bytes);
};

(hasPython ? describe : describe.skip)('the verifier printed in the documentation agrees', () => {
  test.each<[string, string, (records: string, frames: string) => void]>([
    ['untouched', 'Verified', () => undefined],
    ['no session end', 'Incomplete', (records) => {
      const lines = readFileSync(records, 'utf8').split('\n');
      writeFileSync(records, lines.slice(0, 3).join('\n') + '\n');
    }],
    ['torn', 'Incomplete', (records) => truncateSync(records, readFileSync(records).length - 5)],
    ['changed', 'Tampered', (records) => edit(records, (bytes) => void (bytes[bytes.indexOf('select')] = 0x53))],
    ['changed in the last line', 'Tampered', (records) => edit(records, (bytes) => void (bytes[bytes.lastIndexOf('ClientClosed')] = 0x63))],
    ['more after the end', 'Tampered', (records) => appendFileSync(records, 'x')],
    ['frames changed', 'Tampered', (_, frames) => edit(frames, (bytes) => void (bytes[9]! ^= 1))],
    ['frames cut', 'Tampered', (_, frames) => truncateSync(frames, 3)],
    ['frames added', 'Tampered', (_, frames) => appendFileSync(frames, 'x')],
  ])('%s: %s', (_name, status, change) => {
    change(join(directory, 'records.jsonl'), join(directory, 'frames.bin'));
    expect(verifySession(directory).status).toBe(status);
    expect(execFileSync('python3', ['-c', snippet, directory], { encoding: 'utf8' }).trim()).toBe(status);
  });
});
