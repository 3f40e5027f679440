import { byteClass, isIn, nextRun, runEnd } from './bytes.ts';
import type { EntityFinder, Span } from './entity-finder.ts';

const length = '123-45-6789'.length;

/** Numbers of United States social security, with hyphens or spaces: nine digits in a row are too often something else. */
export const ssnFinder: EntityFinder = {
  mayContain: (bytes, start, end) => nextRun(bytes, start, end, byteClass.Number, length) >= 0,
  find: (bytes, start, end) => {
    const spans: Span[] = [];
    for (let run = nextRun(bytes, start, end, byteClass.Number, length); run >= 0; ) {
      const stop = runEnd(bytes, run, end, byteClass.Number);
      for (let at = run; at + length <= stop; at++) {
        if (!isSsn(bytes, at, run, stop)) continue;
        spans.push({ start: at, end: at + length });
        at += length - 1;
      }
      run = nextRun(bytes, stop, end, byteClass.Number, length);
    }
    return spans;
  },
};

function isSsn(bytes: Buffer, at: number, start: number, end: number): boolean {
  const separator = bytes[at + 3];
  if ((separator !== 0x2d && separator !== 0x20) || bytes[at + 6] !== separator) return false;
  if (at > start && isIn(bytes[at - 1], byteClass.Digit)) return false;
  if (at + length < end && isIn(bytes[at + length], byteClass.Digit)) return false;
  const match = /^(\d{3}).(\d{2}).(\d{4})$/.exec(bytes.toString('latin1', at, at + length));
  const [, area, group, serial] = match ?? [];
  if (area === undefined || area === '000' || area === '666') return false;
  return !area.startsWith('9') && group !== '00' && serial !== '0000';
}
