/**
 * Range: a number becomes the lower bound of its bucket. All arithmetic is on whole numbers, which is exact;
 * values whose bucket begins below the type's least value, and those that are no number, give NULL.
 */
import type { Cell } from './cell.ts';
import { integerDigits } from './numeric-digits.ts';
import { call, cast, infix, literal } from './pinned-sql.ts';

const least: Readonly<Record<string, bigint>> = { int2: -(2n ** 15n), int4: -(2n ** 31n), int8: -(2n ** 63n) };
/** Beyond this a float8 has no digits after the point, and soon none before it. */
const floatBound = '1000000000000000';
/** Far beyond any quantity, far below where numeric arithmetic overflows. */
const numericDigits = 100;

export function bucketFloor(cell: Cell, width: number): string | undefined {
  if (!Number.isSafeInteger(width) || width < 1) return undefined;
  const minimum = least[cell.typeName];
  if (minimum !== undefined) return integerBucket(cell.sql, width, minimum);
  return cell.typeName === 'numeric' ? numericBucket(cell, width) : floatBucket(cell.sql, width);
}

/** Remainders keep the sign of the dividend, so it is taken twice to get one that is never negative. */
function floorTo(whole: string, width: number, typeName: 'int8' | 'numeric'): string {
  const bucket = literal(String(width), typeName);
  return infix(whole, '-', infix(infix(infix(whole, '%', bucket), '+', bucket), '%', bucket));
}

function lowestBucket(minimum: bigint, width: number): string {
  return String((minimum / BigInt(width)) * BigInt(width));
}

function integerBucket(sql: string, width: number, minimum: bigint): string {
  const whole = cast(sql, 'pg_catalog.int8');
  const fits = infix(whole, '>=', literal(lowestBucket(minimum, width), 'int8'));
  return `CASE WHEN ${fits} THEN ${floorTo(whole, width, 'int8')} END`;
}

function floatBucket(sql: string, width: number): string {
  const value = cast(sql, 'pg_catalog.float8');
  const isAbove = infix(value, '>', literal(`-${floatBound}`, 'float8'));
  const isBelow = infix(value, '<', literal(floatBound, 'float8'));
  const whole = cast(call('floor', value), 'pg_catalog.int8');
  return `CASE WHEN ${isAbove} AND ${isBelow} THEN ${floorTo(whole, width, 'int8')} END`;
}

function numericBucket({ sql, typeSql }: Cell, width: number): string | undefined {
  const digits = integerDigits(typeSql);
  if (digits === undefined) return undefined;
  const room = digits === 'Unlimited' ? numericDigits : Math.min(digits, numericDigits);
  const fits = infix(sql, '>=', literal(lowestBucket(1n - 10n ** BigInt(room), width), 'numeric'));
  const isBelow = infix(sql, '<', literal(`1${'0'.repeat(numericDigits)}`, 'numeric'));
  // floor also drops the digits after the point, whose number would show in the result.
  return `CASE WHEN ${fits} AND ${isBelow} THEN ${floorTo(call('floor', sql), width, 'numeric')} END`;
}
