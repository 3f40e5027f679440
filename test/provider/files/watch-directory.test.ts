import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { silentLog } from '../../../src/lib/log.ts';
import { loadDirectory } from '../../../src/provider/files/load-directory.ts';
import { filesSecretSource } from '../../../src/provider/files/secret-source.ts';
import type { Snapshot } from '../../../src/provider/files/snapshot.ts';
import { type DirectoryWatch, watchDirectory } from '../../../src/provider/files/watch-directory.ts';
import { connection, policy, scratchDirectory, secret } from './files.ts';

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function scratch(files: Readonly<Record<string, string>> = {}): string {
  const directory = scratchDirectory(files);
  cleanups.push(directory.remove);
  return directory.path;
}

/** A watch whose next snapshot that meets a condition can be awaited. */
async function watching(directory: string): Promise<{ watch: DirectoryWatch; next(when: (snapshot: Snapshot) => boolean): Promise<Snapshot> }> {
  const waiting: { when: (snapshot: Snapshot) => boolean; resolve: (snapshot: Snapshot) => void }[] = [];
  const watch = await watchDirectory(directory, {
    log: silentLog,
    settleMs: 5,
    rescanMs: 60_000,
    onSnapshot: (snapshot) => waiting.filter(({ when }) => when(snapshot)).forEach(({ resolve }) => resolve(snapshot)),
  });
  cleanups.push(() => watch.close());
  return {
    watch,
    next: (when) =>
      new Promise((resolve) => {
        if (when(watch.current)) resolve(watch.current);
        else waiting.push({ when, resolve });
      }),
  };
}

function names({ world }: Snapshot): string[] {
  return world.policies.map(({ metadata }) => metadata.name);
}

describe('loadDirectory', () => {
  test('reads .yaml and .yml files and nothing else', async () => {
    const directory = scratch({ 'a.yaml': policy('a'), 'b.yml': policy('b'), 'README.md': '# no YAML: [', '.c.yaml': 'kind: [' });
    mkdirSync(path.join(directory, 'deeper'));
    writeFileSync(path.join(directory, 'deeper', 'd.yaml'), policy('d'));
    const snapshot = await loadDirectory(directory);
    expect(names(snapshot)).toEqual(['a', 'b']);
    expect(snapshot.problems).toEqual([]);
  });

  test('says that a directory is missing, and counts it as a denial', async () => {
    const { problems, world } = await loadDirectory(path.join(scratch(), 'gone'));
    expect(problems).toEqual([{ file: '', message: 'the directory cannot be read: no such file or directory' }]);
    expect(world.invalid).toHaveLength(1);
  });

  test.each([
    ['a broken link', (file: string) => symlinkSync('nowhere', file), 'cannot be read: no such file or directory'],
    ['a folder', (file: string) => mkdirSync(file), 'cannot be read: it is a directory'],
    ['not UTF-8', (file: string) => writeFileSync(file, Buffer.from([0xff, 0xfe, 0x00])), 'cannot be read: it is not UTF-8 text'],
  ])('says what is wrong with a file that is %s', async (_what, make, message) => {
    const directory = scratch();
    make(path.join(directory, 'x.yaml'));
    const { problems, world } = await loadDirectory(directory);
    expect(problems).toEqual([{ file: 'x.yaml', message }]);
    expect(world.invalid).toHaveLength(1);
  });
});

describe('watchDirectory', () => {
  test('hears of a new, a changed and a removed file', async () => {
    const directory = scratch({ 'a.yaml': policy('a') });
    const { watch, next } = await watching(directory);
    expect(names(watch.current)).toEqual(['a']);
    writeFileSync(path.join(directory, 'b.yaml'), policy('b'));
    await next((snapshot) => names(snapshot).join() === 'a,b');
    writeFileSync(path.join(directory, 'b.yaml'), policy('c'));
    await next((snapshot) => names(snapshot).join() === 'a,c');
    rmSync(path.join(directory, 'a.yaml'));
    await next((snapshot) => names(snapshot).join() === 'c');
  });

  test('a file that breaks takes its objects with it, and says so', async () => {
    const directory = scratch({ 'a.yaml': policy('a') });
    const { next } = await watching(directory);
    writeFileSync(path.join(directory, 'a.yaml'), policy('a', 'mode: Lenient'));
    const broken = await next(({ problems }) => problems.length > 0);
    expect(names(broken)).toEqual([]);
    expect(broken.world.invalid).toHaveLength(1);
    writeFileSync(path.join(directory, 'a.yaml'), policy('a'));
    const mended = await next(({ problems }) => problems.length === 0);
    expect(names(mended)).toEqual(['a']);
  });

  test('follows the link that a Kubernetes volume swaps', async () => {
    const directory = scratch();
    for (const [version, name] of [['..v1', 'old'], ['..v2', 'new']] as const) {
      mkdirSync(path.join(directory, version));
      writeFileSync(path.join(directory, version, 'policy.yaml'), policy(name));
    }
    symlinkSync('..v1', path.join(directory, '..data'));
    symlinkSync('..data/policy.yaml', path.join(directory, 'policy.yaml'));
    const { watch, next } = await watching(directory);
    expect(names(watch.current)).toEqual(['old']);
    symlinkSync('..v2', path.join(directory, '..data_tmp'));
    renameSync(path.join(directory, '..data_tmp'), path.join(directory, '..data'));
    await next((snapshot) => names(snapshot).join() === 'new');
  });

  test('finds the new directory when its own path is pointed elsewhere, at the latest with a rescan', async () => {
    const directory = scratch();
    for (const name of ['one', 'two']) {
      mkdirSync(path.join(directory, name));
      writeFileSync(path.join(directory, name, 'policy.yaml'), policy(name));
    }
    const link = path.join(directory, 'current');
    symlinkSync('one', link);
    const { watch, next } = await watching(link);
    symlinkSync('two', `${link}.new`);
    renameSync(`${link}.new`, link);
    await watch.rescan();
    expect(names(watch.current)).toEqual(['two']);
    writeFileSync(path.join(directory, 'two', 'more.yaml'), policy('more'));
    await next((snapshot) => names(snapshot).join() === 'more,two');
  });

  test('says nothing when nothing changed', async () => {
    const directory = scratch({ 'a.yaml': policy('a') });
    const heard: Snapshot[] = [];
    const watch = await watchDirectory(directory, { log: silentLog, rescanMs: 60_000, onSnapshot: (snapshot) => heard.push(snapshot) });
    cleanups.push(() => watch.close());
    writeFileSync(path.join(directory, 'README.md'), 'more');
    await watch.rescan();
    await watch.rescan();
    expect(heard).toEqual([]);
  });

  test('goes on after a listener that throws', async () => {
    const directory = scratch({ 'a.yaml': policy('a') });
    const watch = await watchDirectory(directory, {
      log: silentLog,
      rescanMs: 60_000,
      onSnapshot: () => {
        throw new Error('no');
      },
    });
    cleanups.push(() => watch.close());
    writeFileSync(path.join(directory, 'a.yaml'), policy('b'));
    await watch.rescan();
    writeFileSync(path.join(directory, 'a.yaml'), policy('c'));
    await watch.rescan();
    expect(names(watch.current)).toEqual(['c']);
  });
});

describe('filesSecretSource', () => {
  test('reads a key, and names what is missing without a value', async () => {
    const snapshot = await loadDirectory(scratch({ 'a.yaml': connection('orders', 5432), 's.yaml': secret('login', 'first') }));
    const source = filesSecretSource('team-a', snapshot);
    const read = await source.read('login', 'password');
    expect(read.ok && read.value.reveal()).toBe('first');
    expect(await source.read('login', 'token')).toEqual({ ok: false, error: { message: "Secret team-a/login has no key 'token'" } });
    expect(await source.read('other', 'password')).toEqual({ ok: false, error: { message: 'there is no Secret team-a/other' } });
  });

  test('never reads the Secret of another namespace', async () => {
    const snapshot = await loadDirectory(scratch({ 's.yaml': secret('login', 'first') }));
    expect(await filesSecretSource('team', snapshot).read('login', 'password')).toMatchObject({ ok: false });
    expect(await filesSecretSource('', snapshot).read('team-a/login', 'password')).toMatchObject({ ok: false });
  });

  test('tells which Secrets rotated, came and went', async () => {
    const directory = scratch({ 's.yaml': secret('login', 'first'), 't.yaml': secret('steady', 'x') });
    const source = filesSecretSource('team-a', await loadDirectory(directory));
    const heard: string[] = [];
    const stop = source.onChange((name) => heard.push(name));
    writeFileSync(path.join(directory, 's.yaml'), secret('login', 'second'));
    source.swap(await loadDirectory(directory))();
    expect(heard).toEqual(['login']);
    const read = await source.read('login', 'password');
    expect(read.ok && read.value.reveal()).toBe('second');
    writeFileSync(path.join(directory, 's.yaml'), secret('renamed', 'second'));
    source.swap(await loadDirectory(directory))();
    expect(heard).toEqual(['login', 'login', 'renamed']);
    stop();
    source.swap(await loadDirectory(scratch()))();
    expect(heard).toHaveLength(3);
  });
});
