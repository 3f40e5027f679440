import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { compileWorld } from '../src/compile/compile-world.ts';
import { loadDirectory } from '../src/provider/files/load-directory.ts';
import { describeProblem } from '../src/provider/files/snapshot.ts';

const examples = path.resolve(import.meta.dirname, '../examples');

describe.each(readdirSync(examples))('examples/%s', (name) => {
  test('holds only valid objects', async () => {
    const { problems, world } = await loadDirectory(path.join(examples, name));
    expect(problems.map(describeProblem)).toEqual([]);
    expect(world.invalid).toEqual([]);
    expect(world.connections.length).toBeGreaterThan(0);
    expect(world.policies.length).toBeGreaterThan(0);
  });

  test('compiles, with nothing unresolved', async () => {
    const { world } = await loadDirectory(path.join(examples, name));
    const { bundles, statuses } = compileWorld(world);
    expect(bundles.size).toBe(world.connections.length);
    expect([...bundles.values()].flatMap(({ bundle }) => [...bundle.unresolved, ...bundle.masking.missing])).toEqual([]);
    const denied = statuses.flatMap(({ conditions, ...object }) => conditions.filter(({ status }) => status !== 'True').map((condition) => ({ ...object, condition })));
    expect(denied).toEqual([]);
  });
});
