import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadDirectory } from '../src/provider/files/load-directory.ts';
import { describeProblem } from '../src/provider/files/snapshot.ts';

const examples = path.resolve(import.meta.dirname, '../examples');

describe('every directory of examples/', () => {
  test.each(readdirSync(examples))('%s holds only valid objects', async (name) => {
    const { problems, world } = await loadDirectory(path.join(examples, name));
    expect(problems.map(describeProblem)).toEqual([]);
    expect(world.invalid).toEqual([]);
    expect(world.connections.length).toBeGreaterThan(0);
    expect(world.policies.length).toBeGreaterThan(0);
  });
});
