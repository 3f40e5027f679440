import { byteClass, indexOfByte, isIn, runEnd } from './bytes.ts';
import type { EntityFinder, Span } from './entity-finder.ts';

const at = 0x40;
const dot = 0x2e;
const hyphen = 0x2d;

/** `local@domain.tld`. Text without spaces in other scripts may be taken for a part of the address; that hides too much, not too little. */
export const emailFinder: EntityFinder = {
  mayContain: (bytes, start, end) => indexOfByte(bytes, at, start, end) >= 0,
  find: (bytes, start, end) => {
    const spans: Span[] = [];
    let floor = start;
    for (let place = indexOfByte(bytes, at, start, end); place >= 0; place = indexOfByte(bytes, at, place + 1, end)) {
      let first = place;
      while (first > floor && isIn(bytes[first - 1], byteClass.Local)) first--;
      const last = domainEnd(bytes, place + 1, end);
      if (first === place || last < 0) continue;
      spans.push({ start: first, end: last });
      floor = last;
    }
    return spans;
  },
};

/** Where a domain of at least two labels ends, a full stop after it left out; -1 where there is none. */
function domainEnd(bytes: Buffer, from: number, end: number): number {
  let last = runEnd(bytes, from, end, byteClass.Domain);
  while (last > from && (bytes[last - 1] === dot || bytes[last - 1] === hyphen)) last--;
  let label = last;
  while (label > from && bytes[label - 1] !== dot) label--;
  const isTopLevel = last - label >= 2 && !isIn(bytes[label], byteClass.Digit);
  return isTopLevel && label - from >= 2 ? last : -1;
}
