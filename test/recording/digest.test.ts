import { expect, test } from '@jest/globals';
import { Secret } from '../../src/lib/secret.ts';
import { createValueDigest } from '../../src/recording/digest.ts';

test('equal values have equal digests under one key, and no others', () => {
  const digest = createValueDigest(new Secret('key'));
  expect(digest('hunter2')).toMatch(/^hmac:[0-9a-f]{32}$/);
  expect(digest(Buffer.from('hunter2'))).toBe(digest('hunter2'));
  expect(digest('hunter3')).not.toBe(digest('hunter2'));
  expect(createValueDigest(new Secret('other'))('hunter2')).not.toBe(digest('hunter2'));
});

test('an empty key is refused: anybody could compute the digests', () => {
  expect(() => createValueDigest(new Secret(''))).toThrow('empty');
});
