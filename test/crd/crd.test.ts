import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { dump, loadAll } from 'js-yaml';
import { crds } from '../../src/api/crds.generated.ts';
import { buildSnapshot } from '../../src/provider/files/build-snapshot.ts';
import { describeProblem } from '../../src/provider/files/snapshot.ts';

/** In the `_invalid` files each document names, as `_err`, a fragment of what must be said about it. */
interface Case {
  readonly _err?: string;
  readonly [field: string]: unknown;
}

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.yaml'));

function casesOf(file: string): Case[] {
  return loadAll(readFileSync(path.join(import.meta.dirname, file), 'utf8')) as Case[];
}

function problemsOf({ _err, ...object }: Case): string[] {
  return buildSnapshot([{ name: 'case.yaml', text: dump(object) }]).problems.map(describeProblem);
}

test('each kind has its cases', () => {
  const wanted = crds.flatMap(({ kind }) => [`${kind.toLowerCase()}_invalid.yaml`, `${kind.toLowerCase()}_valid.yaml`]);
  expect([...files].sort()).toEqual(wanted.sort());
});

describe.each(files.filter((file) => file.endsWith('_valid.yaml')))('%s', (file) => {
  test.each(casesOf(file).map((object, index) => [index + 1, object] as const))('document %d is accepted', (_index, object) => {
    expect(problemsOf(object)).toEqual([]);
  });
});

describe.each(files.filter((file) => file.endsWith('_invalid.yaml')))('%s', (file) => {
  test.each(casesOf(file).map((object, index) => [index + 1, object._err, object] as const))('document %d: %s', (_index, fragment, object) => {
    expect(fragment).toEqual(expect.stringMatching(/./));
    expect(problemsOf(object)).toContainEqual(expect.stringContaining(fragment ?? ''));
  });
});
