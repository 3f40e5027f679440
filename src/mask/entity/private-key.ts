import { indexOfText } from './bytes.ts';
import type { EntityFinder, Span } from './entity-finder.ts';

const begin = '-----BEGIN ';
const finish = '-----END ';
const label = /^[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/;
const maxLabel = 80;

/** PEM blocks of private keys of every kind, from BEGIN to END; to the end of the value where END is cut off. */
export const privateKeyFinder: EntityFinder = {
  mayContain: (bytes, start, end) => indexOfText(bytes, begin, start, end) >= 0,
  find: (bytes, start, end) => {
    const spans: Span[] = [];
    let at = indexOfText(bytes, begin, start, end);
    while (at >= 0) {
      const isKey = label.test(bytes.toString('latin1', at + begin.length, Math.min(at + begin.length + maxLabel, end)));
      const last = isKey ? blockEnd(bytes, at + begin.length, end) : at + begin.length;
      if (isKey) spans.push({ start: at, end: last });
      at = indexOfText(bytes, begin, last, end);
    }
    return spans;
  },
};

function blockEnd(bytes: Buffer, from: number, end: number): number {
  const last = indexOfText(bytes, finish, from, end);
  if (last < 0) return end;
  const closing = label.exec(bytes.toString('latin1', last + finish.length, Math.min(last + finish.length + maxLabel, end)));
  return last + finish.length + (closing?.[0].length ?? 0);
}
