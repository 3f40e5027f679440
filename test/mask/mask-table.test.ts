import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from '@jest/globals';

test('docs/masks.md shows the table that the code uses', () => {
  const script = path.resolve(import.meta.dirname, '../../hack/mask-table.ts');
  expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe', env: {} })).not.toThrow();
});
