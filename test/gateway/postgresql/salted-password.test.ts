import { describe, expect, test } from '@jest/globals';
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { saltedPassword } from '../../../src/gateway/postgresql/salted-password.ts';

describe('the salted password', () => {
  test('is what PBKDF2 gives, for each password, salt and count of its own', async () => {
    const salts = [randomBytes(16), randomBytes(16)];
    for (const password of ['one', 'two']) {
      for (const salt of salts) {
        for (const iterations of [1, 4096]) {
          expect(await saltedPassword(password, salt, iterations)).toEqual(pbkdf2Sync(password, salt, iterations, 32, 'sha256'));
        }
      }
    }
  });

  test('is derived once, by logins at the same time too', () => {
    const salt = randomBytes(16);
    expect(saltedPassword('one', salt, 4096)).toBe(saltedPassword('one', Buffer.from(salt), 4096));
  });

  test('is forgotten when many others came after it', async () => {
    const salt = randomBytes(16);
    const first = saltedPassword('one', salt, 1);
    for (let other = 2; other < 100; other++) await saltedPassword('one', salt, other);
    const again = saltedPassword('one', salt, 1);
    expect(again).not.toBe(first);
    expect(await again).toEqual(await first);
  });
});
