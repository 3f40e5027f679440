import { type KnownText, onlyStatement } from './known-text.ts';
import type { Prepared } from './named-statements.ts';

/** The entry for a statement that Parse makes of a text. */
export function preparedOf(name: string, known: KnownText, parameterTypes: readonly number[], batch: number): Prepared {
  return {
    name, via: 'Parse', text: known.text, forwarded: known.plan.text, parameterTypes, known, planned: onlyStatement(known), judged: known.judged, isDescribed: false, batch,
  };
}
