import { byteClass, isIn, nextRun, runEnd } from './bytes.ts';
import type { EntityFinder, Span } from './entity-finder.ts';

const minBytes = '+12345678'.length;
/** Longer ones are no telephone numbers (E.164: 15 digits), however they are set. */
const maxBytes = 32;

/** `+` and 8 to 15 digits, with at most two separators in a row. */
const international = /^\+[1-9](?:[ ().-]{0,2}\d){7,14}(?!\d)/;
/** Ten digits of the North American plan, set apart as 3-3-4, with or without the 1 before. */
const northAmerican = /^(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}(?!\d)/;

/** International and North American numbers. Other national ones have no form that tells them from any other number. */
export const phoneNumberFinder: EntityFinder = {
  mayContain: (bytes, start, end) => nextRun(bytes, start, end, byteClass.Number, minBytes) >= 0,
  find: (bytes, start, end) => {
    const spans: Span[] = [];
    for (let run = nextRun(bytes, start, end, byteClass.Number, minBytes); run >= 0; ) {
      const stop = runEnd(bytes, run, end, byteClass.Number);
      findInRun(bytes, run, stop, spans);
      run = nextRun(bytes, stop, end, byteClass.Number, minBytes);
    }
    return spans;
  },
};

function findInRun(bytes: Buffer, start: number, end: number, spans: Span[]): void {
  for (let at = start; at + minBytes <= end; at++) {
    const isFirst = at === start || !isIn(bytes[at - 1], byteClass.Digit);
    if (!isFirst || !mayBegin(bytes, at)) continue;
    const text = bytes.toString('latin1', at, Math.min(at + maxBytes, end));
    const found = international.exec(text) ?? northAmerican.exec(text);
    if (found === null) continue;
    spans.push({ start: at, end: at + found[0].length });
    at += found[0].length - 1;
  }
}

/** Sorts out dates and times without making a string of them. At least `minBytes` follow. */
function mayBegin(bytes: Buffer, at: number): boolean {
  const isDigit = (place: number): boolean => isIn(bytes[place], byteClass.Digit);
  if (bytes[at] === 0x2b) return isDigit(at + 1);
  if (bytes[at] === 0x28) return isDigit(at + 1) && isDigit(at + 2) && isDigit(at + 3);
  if (!isDigit(at)) return false;
  return isDigit(at + 1) ? isDigit(at + 2) && !isDigit(at + 3) : bytes[at] === 0x31;
}
