import { describe, expect, test } from '@jest/globals';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { dump, load } from 'js-yaml';
import { compileWorld } from '../../src/compile/compile-world.ts';
import { readWorld } from './read-world.ts';

// One pair of files a case: `<case>.in.yaml` holds the objects, `<case>.out.yaml` the bundles and statuses.
// UPDATE_GOLDEN=1 rewrites the second.
const inputs = globSync(`${import.meta.dirname}/golden/*.in.yaml`).toSorted();

describe('compileWorld', () => {
  test('there are cases', () => expect(inputs.length).toBeGreaterThan(5));

  test.each(inputs.map((file) => [basename(file, '.in.yaml'), file]))('%s', (_case, file) => {
    const { bundles, statuses } = compileWorld(readWorld(readFileSync(file, 'utf8')));
    const actual = JSON.parse(JSON.stringify({ bundles: Object.fromEntries([...bundles].map(([name, { bundle }]) => [name, bundle])), statuses })) as unknown;
    const golden = file.replace('.in.yaml', '.out.yaml');
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, dump(actual, { lineWidth: 140, noRefs: true }));
    expect(actual).toEqual(load(readFileSync(golden, 'utf8')));
  });
});
