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
  return known.plan.statements.every(({ action, isCountedWrite, copy, effects }) => {
    // EXECUTE is answered with the tag of what it runs; EXPLAIN ANALYZE EXECUTE is not.
    const isExecute = action.statement === 'EXECUTE' && effects.some(({ kind }) => kind === 'Execute');
    return isCountedWrite || copy === 'In' || isExecute || effects.some(({ kind }) => kind === 'Prepare');
  });
}

export const uncountable = errorReport(
  '42501',
  'the rule bounds the rows that may change (maxRows), and this statement does not say how many it changes',
  'send the write by itself',
);
