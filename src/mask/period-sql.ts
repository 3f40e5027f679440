/**
 * Truncate: the first moment of the year or month, in UTC whatever the session's time zone. Infinite values
 * stay; those outside the years that a timestamp can hold give NULL.
 */
import type { Cell } from './cell.ts';
import { call, cast, infix, text } from './pinned-sql.ts';

/** The first whole year of the type timestamp; the first moment of the year before lies outside it. */
const first = { date: call('make_date', '-4712', '1', '1'), timestamp: call('make_timestamp', '-4712', '1', '1', '0', '0', '0') };
/** The type date goes on for five million years longer than timestamp. */
const dateEnd = call('make_date', '294277', '1', '1');

export function periodStart({ sql, typeName, typeSql }: Cell, unit: 'Year' | 'Month'): string {
  const isInfinite = `NOT ${call('isfinite', sql)}`;
  // By interval instead of by name: no setting says what an interval of nothing means.
  const zone = call('make_interval');
  const moment = typeName === 'timestamptz' ? call('timezone', zone, sql) : sql;
  const starts = typeName === 'date' ? first.date : first.timestamp;
  const fits = infix(moment, '>=', starts) + (typeName === 'date' ? ` AND ${infix(moment, '<', dateEnd)}` : '');
  const start = call('date_trunc', text(unit === 'Year' ? 'year' : 'month'), cast(moment, 'pg_catalog.timestamp'));
  const result = typeName === 'timestamptz' ? call('timezone', zone, start) : start;
  return `CASE WHEN ${isInfinite} THEN ${cast(sql, typeSql)} WHEN ${fits} THEN ${cast(result, typeSql)} END`;
}
