import { createHmac } from 'node:crypto';
import type { Secret } from '../lib/secret.ts';

/** Enough that two values never meet by chance, and no more than is needed to compare. */
const keptHexDigits = 32;

/**
 * Stands in for a value that must not be in a recording: equal values show as equal under one key, and
 * without the key nobody can try out guesses.
 */
export function createValueDigest(key: Secret<string>): (value: Uint8Array | string) => string {
  if (key.reveal() === '') throw new Error('the digest key is empty');
  return (value) => `hmac:${createHmac('sha256', key.reveal()).update(value).digest('hex').slice(0, keptHexDigits)}`;
}
