/**
 * The masks applied to a text in the gateway, for what is found by its look and for other protocols. The
 * invariant: the result is what `maskSql` makes of the same value in a column of type text.
 */
import { createHash } from 'node:crypto';
import type { Mask } from '../bundle/bundle.ts';
import { assertNever } from '../lib/result.ts';
import type { Secret } from '../lib/secret.ts';
import { maxAddressLength } from './text-sql.ts';
import { stars } from './stars.ts';

/** Null where the mask has nothing to show of a text. Without a key, a hashed value is hidden whole. */
export function maskValue(mask: Mask, value: string, hashKey?: Secret<string>): string | null {
  switch (mask.type) {
    case 'Null':
    case 'Truncate':
    case 'Range':
      return null;
    case 'Redact':
      return stars;
    case 'Hash':
      return hashKey === undefined ? stars : hexDigest(value, hashKey);
    case 'KeepFirst':
      return kept(value, mask.count, (characters, count) => characters.slice(0, count).join('') + stars);
    case 'KeepLast':
      return kept(value, mask.count, (characters, count) => stars + characters.slice(characters.length - count).join(''));
    case 'Email':
      return emailShape(value);
    default:
      return assertNever(mask);
  }
}

/** Characters are code points, as in PostgreSQL. */
function kept(value: string, wanted: number, show: (characters: readonly string[], count: number) => string): string {
  const characters = Array.from(value);
  const count = Number.isNaN(wanted) ? 0 : Math.max(Math.trunc(wanted), 0);
  return characters.length > count ? show(characters, count) : stars;
}

function emailShape(value: string): string {
  const at = value.indexOf('@');
  const domain = value.slice(at + 1);
  const isAddress = at > 0 && domain !== '' && !domain.includes('@') && !value.includes(' ');
  if (!isAddress || Array.from(value).length > maxAddressLength) return stars;
  return `${String.fromCodePoint(value.codePointAt(0) ?? 0)}${stars}@${domain}`;
}

function hexDigest(value: string, hashKey: Secret<string>): string {
  const key = hashKey.reveal();
  const inner = createHash('sha256').update(`${key}inner`).update(value).digest();
  return createHash('sha256').update(`${key}outer`).update(inner).digest('hex').slice(0, 32);
}
