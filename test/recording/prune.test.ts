import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createFolderSink } from '../../src/recording/folder-sink.ts';
import { pruneFolder } from '../../src/recording/prune.ts';
import { findSession, sessionFolders } from '../../src/recording/session-folder.ts';
import { end, start, temporaryFolder, testClock } from './sample.ts';

const day = 86_400_000;
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const left = (): string[] => [...sessionFolders(folder.path)].map((session) => session.session);

test('removes sessions that ended before the retention, and no others', () => {
  const clock = testClock();
  const sink = createFolderSink({ path: folder.path, clock });
  for (const session of ['old', 'new']) {
    const recorder = sink.open(start(session));
    recorder.write(end());
    recorder.close();
    clock.advance(10 * day);
  }
  expect(sink.prune(15 * day)).toEqual({ removed: ['old'], failed: [] });
  expect(left()).toEqual(['new']);
});

test('never removes a session that is open, however old', () => {
  const clock = testClock();
  const sink = createFolderSink({ path: folder.path, clock });
  const open = sink.open(start('open'));
  const found = findSession(folder.path, 'open');
  if (!found.ok) throw new Error(found.error);
  utimesSync(join(found.value.directory, 'records.jsonl'), clock.now() / 1_000, clock.now() / 1_000);
  clock.advance(1_000 * day);
  expect(sink.prune(day).removed).toEqual([]);
  open.close();
  expect(pruneFolder(folder.path, 980 * day, clock.now()).removed).toEqual([]);
  expect(sink.prune(day).removed).toEqual(['open']);
});
