import type { Judged } from '../session.ts';
import type { KnownText } from './known-text.ts';
import { errorReport } from './reports.ts';

/** The most rows that may change, over all rules that count them. */
export function maxRowsOf(judged: readonly Judged[]): number | undefined {
  let least: number | undefined;
  for (const { decision } of judged) {
    const { maxRows } = decision.obligations;
    if (maxRows !== undefined && (least === undefined || maxRows < least)) least = maxRows;
  }
  return least;
}

/** Whether the command tag of each statement says how many rows it has changed. */
export function isCountable(known: KnownText): boolean {
  return known.plan.statements.every(({ isCountedWrite, copy, effects }) => {
    return isCountedWrite || copy === 'In' || effects.some(({ kind }) => kind === 'Execute' || kind === 'Prepare');
  });
}

export const uncountable = errorReport(
  '42501',
  'the rule bounds the rows that may change (maxRows), and this statement does not say how many it changes',
  'send the write by itself',
);
