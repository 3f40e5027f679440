import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const root = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'chaperone-generated-'));
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

test('src/api is what `make generate` makes of crds/', async () => {
  const { NODE_OPTIONS: _forJest, ...env } = process.env;
  await run(process.execPath, [path.join(root, 'hack/generate.ts'), '--out', scratch], { cwd: root, env });
  const files = await readdir(scratch);
  expect(files.length).toBeGreaterThan(4);
  for (const file of files) {
    const committed = await readFile(path.join(root, 'src/api', file), 'utf8');
    expect({ file, text: await readFile(path.join(scratch, file), 'utf8') }).toEqual({ file, text: committed });
  }
});

test('docs/policy-reference.md is what `make reference` makes of crds/', async () => {
  const { NODE_OPTIONS: _forJest, ...env } = process.env;
  const out = path.join(scratch, 'policy-reference.md');
  await run(process.execPath, [path.join(root, 'hack/reference.ts'), '--out', out], { cwd: root, env });
  const committed = await readFile(path.join(root, 'docs/policy-reference.md'), 'utf8');
  expect(await readFile(out, 'utf8')).toEqual(committed);
});
