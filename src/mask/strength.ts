/**
 * Which mask holds where several name one column. The invariant: the answer does not depend on the order, and
 * where no mask of the list shows less than each other one, it is Redact.
 */
import type { Mask } from '../bundle/bundle.ts';

type Kind = Mask['type'];
type Of<K extends Kind> = Extract<Mask, { readonly type: K }>;

function isOf<K extends Kind>(kind: K): (mask: Mask) => mask is Of<K> {
  return (mask): mask is Of<K> => mask.type === kind;
}

const redact: Mask = { type: 'Redact' };

/**
 * Null, then Redact, then Hash win over all that show a part of the value. Two masks that show different parts
 * (a start and an end, a year and a bucket) are no order at all: together they show nothing. Of one kind, the
 * longer period, the wider bucket (if it is made of whole buckets of the others) and the smaller count win.
 * No mask at all is an error of the caller's, and shows nothing.
 */
export function strongest(masks: readonly Mask[]): Mask {
  const first = masks[0];
  if (first === undefined) return { type: 'Null' };
  for (const kind of ['Null', 'Redact', 'Hash'] as const) {
    if (masks.some(isOf(kind))) return { type: kind };
  }
  if (masks.some(({ type }) => type !== first.type)) return redact;
  if (first.type === 'Truncate') return longestPeriod(masks.filter(isOf('Truncate')));
  if (first.type === 'Range') return widestBucket(masks.filter(isOf('Range')));
  if (first.type === 'KeepFirst') return { type: 'KeepFirst', count: leastCount(masks.filter(isOf('KeepFirst'))) };
  if (first.type === 'KeepLast') return { type: 'KeepLast', count: leastCount(masks.filter(isOf('KeepLast'))) };
  return first;
}

function longestPeriod(masks: readonly Of<'Truncate'>[]): Mask {
  return { type: 'Truncate', unit: masks.some(({ unit }) => unit === 'Year') ? 'Year' : 'Month' };
}

function widestBucket(masks: readonly Of<'Range'>[]): Mask {
  const width = Math.max(...masks.map((mask) => mask.width));
  return masks.every((mask) => width % mask.width === 0) ? { type: 'Range', width } : redact;
}

function leastCount(masks: readonly { readonly count: number }[]): number {
  return Math.min(...masks.map(({ count }) => count));
}
