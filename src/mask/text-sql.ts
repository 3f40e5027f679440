/** KeepFirst, KeepLast and Email over text: plain string functions, because a regular expression costs ten times as much. */
import { call, cast, concat, infix, text } from './pinned-sql.ts';
import { stars } from './stars.ts';

const hidden = text(stars);

/** More characters than a value can have. */
const maxCount = 1_000_000_000;

function countOf(count: number): string {
  return String(Number.isNaN(count) ? 0 : Math.min(Math.max(Math.trunc(count), 0), maxCount));
}

/** A value that is not longer than what would be shown of it is hidden whole. */
function ifLonger(value: string, count: string, shown: string): string {
  const isLonger = infix(call('length', value), '>', count);
  return `CASE WHEN ${isLonger} THEN ${shown} WHEN ${value} IS NOT NULL THEN ${hidden} END`;
}

export function keepFirst(value: string, count: number): string {
  const shown = countOf(count);
  return ifLonger(value, shown, concat(call('left', value, shown), hidden));
}

export function keepLast(value: string, count: number): string {
  const shown = countOf(count);
  return ifLonger(value, shown, concat(hidden, call('right', value, shown)));
}

/** The longest address that mail can be sent to. */
export const maxAddressLength = 254;

/**
 * For a text that has the form of an address: one `@` with something before and after it, no space, not too
 * long; all else is hidden whole. The `@` is looked for under the collation "C": others may be unable to look,
 * and only its place goes on, so that the result keeps the column's collation.
 */
export function emailShape(value: string): string {
  const place = (of: string, within: string): string => call('strpos', `(${within} COLLATE pg_catalog."C")`, text(of));
  const at = place('@', value);
  const domain = call('substr', value, infix(at, '+', '1'));
  const lastPlace = place('@', call('right', value, '1'));
  const isAddress = [
    infix(at, '>', '1'),
    infix(place('@', domain), '=', '0'),
    infix(lastPlace, '=', '0'),
    infix(place(' ', value), '=', '0'),
    infix(call('length', value), '<=', String(maxAddressLength)),
  ].join(' AND ');
  const shown = concat(call('left', value, '1'), text(`${stars}@`), domain);
  return `CASE WHEN ${isAddress} THEN ${shown} WHEN ${value} IS NOT NULL THEN ${hidden} END`;
}

export function textOf(sql: string): string {
  return cast(sql, 'pg_catalog.text');
}
