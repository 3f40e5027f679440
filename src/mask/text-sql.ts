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
  const length = call('length', value);
  const isLonger = infix(length, '>', count);
  return `CASE WHEN ${isLonger} THEN ${shown} WHEN ${infix(length, '>=', '0')} THEN ${hidden} END`;
}

export function keepFirst(value: string, count: number): string {
  const shown = countOf(count);
  return ifLonger(value, shown, concat(call('left', value, shown), hidden));
}

export function keepLast(value: string, count: number): string {
  const shown = countOf(count);
  return ifLonger(value, shown, concat(hidden, call('right', value, shown)));
}

/**
 * For a text with exactly one `@`, something before it and something without spaces after it; all else is hidden whole. The place of the
 * `@` is looked for under the collation "C": others may be unable to look, and the result must keep the column's.
 */
export function emailShape(value: string): string {
  const at = (within: string): string => call('strpos', `(${within} COLLATE pg_catalog."C")`, text('@'));
  const domain = call('substr', value, infix(at(value), '+', '1'));
  const hasLocal = infix(at(value), '>', '1');
  const hasDomain = infix(call('length', value), '>', at(value));
  const isPlain = infix(at(domain), '=', '0');
  const hasNoSpace = infix(call('strpos', `(${domain} COLLATE pg_catalog."C")`, text(' ')), '=', '0');
  const shown = concat(call('left', value, '1'), text(`${stars}@`), domain);
  const isText = `${value} IS NOT NULL`;
  return `CASE WHEN ${hasLocal} AND ${hasDomain} AND ${isPlain} AND ${hasNoSpace} THEN ${shown} WHEN ${isText} THEN ${hidden} END`;
}

export function textOf(sql: string): string {
  return cast(sql, 'pg_catalog.text');
}
