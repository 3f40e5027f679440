/**
 * SCRAM's SaltedPassword (RFC 5802). Each session opens its own connection to the target with the same password, and
 * the target has one salt for it, so what takes thousands of rounds of SHA-256 is done once. It is worth as much to a
 * thief as the password, which this process holds anyway.
 */
import { createHash, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(pbkdf2);
/** A few logins, and a few passwords before and after a rotation. */
const maxKept = 32;
const kept = new Map<string, Promise<Buffer>>();

/** Shared: not to be written to. */
export function saltedPassword(password: string, salt: Buffer, iterations: number): Promise<Buffer> {
  const key = createHash('sha256').update(`${iterations}:${salt.toString('base64')}:${password}`).digest('base64');
  const known = kept.get(key);
  if (known !== undefined) return known;
  const [oldest] = kept.keys();
  if (kept.size >= maxKept && oldest !== undefined) kept.delete(oldest);
  const salted = derive(password, salt, iterations, 32, 'sha256');
  kept.set(key, salted);
  salted.catch(() => kept.delete(key));
  return salted;
}
