/**
 * Hash: a keyed digest, the same for equal values, so that joins and counts still work. It nests sha256 as HMAC
 * does; the key is read from a run-time setting when the statement runs, so no statement, plan or error has it.
 */
import type { Cell } from './cell.ts';
import { hashKeySetting } from './column-mask.ts';
import { integerDigits } from './numeric-digits.ts';
import { call, cast, infix, literal, text } from './pinned-sql.ts';

const inner = literal('inner', 'text');
const outer = literal('outer', 'text');

/** In the database's own encoding: the conversion to any other can fail for a value. */
function bytesOf(textSql: string): string {
  return call('convert_to', textSql, call('getdatabaseencoding'));
}

/** Equal values of a type have one text: 1.0 and 1.00 are equal, and so are 'a' and 'a  ' as character(3). */
function canonicalBytes({ sql, typeName }: Cell): string {
  if (typeName === 'bytea') return sql;
  return bytesOf(cast(typeName === 'numeric' ? call('trim_scale', sql) : sql, 'pg_catalog.text'));
}

function digest(cell: Cell): string {
  const key = call('current_setting', text(hashKeySetting));
  const keyed = (part: string): string => bytesOf(infix(key, '||', part));
  const first = call('sha256', infix(keyed(inner), '||', canonicalBytes(cell)));
  return call('sha256', infix(keyed(outer), '||', first));
}

/** The first 128 bits. */
export function hexDigest(cell: Cell): string {
  return call('left', call('encode', digest(cell), text('hex')), '32');
}

export function bytesDigest(cell: Cell): string {
  return call('substr', digest(cell), '1', '16');
}

const bitsOf: Readonly<Record<string, string>> = { int2: '32767', int4: '2147483647', int8: '9223372036854775807' };

/** As many bits, or decimal digits, as the type has room for; undefined where it has none. */
export function numberDigest(cell: Cell): string | undefined {
  const bits = cast(infix(text('x'), '||', call('left', hexDigest(cell), '16')), 'pg_catalog.bit(64)');
  const masked = (limit: string): string => infix(cast(bits, 'pg_catalog.int8'), '&', literal(limit, 'int8'));
  const limit = bitsOf[cell.typeName];
  if (limit !== undefined) return masked(limit);
  const digits = integerDigits(cell.typeSql);
  if (digits === undefined || digits === 0) return undefined;
  const room = digits === 'Unlimited' ? 18 : Math.min(digits, 18);
  return infix(masked('9223372036854775807'), '%', literal(`1${'0'.repeat(room)}`, 'int8'));
}
