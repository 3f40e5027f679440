import { byteClass, indexOfByte, indexOfText, nextRun, runEnd } from './bytes.ts';
import type { EntityFinder, Span } from './entity-finder.ts';

const dot = 0x2e;
/** `{"` in base64url: how the header of every token begins. */
const headerStart = 'eyJ';
const minHeader = 10;
const minPayload = 4;
const minLength = minHeader + 1 + minPayload + 1;

/** Signed and encrypted tokens in compact form. */
export const jwtFinder: EntityFinder = {
  mayContain: (bytes, start, end) => {
    for (let run = nextRun(bytes, start, end, byteClass.Token, minLength); run >= 0; ) {
      const stop = runEnd(bytes, run, end, byteClass.Token);
      if (indexOfText(bytes, headerStart, run, stop) >= 0) return true;
      run = nextRun(bytes, stop, end, byteClass.Token, minLength);
    }
    return false;
  },
  find: (bytes, start, end) => {
    const spans: Span[] = [];
    for (let run = nextRun(bytes, start, end, byteClass.Token, minLength); run >= 0; ) {
      const stop = runEnd(bytes, run, end, byteClass.Token);
      const at = tokenStart(bytes, run, stop);
      // What is joined to a token by a dot may be its signature or more of it: all of the run goes.
      if (at >= 0) spans.push({ start: at, end: stop });
      run = nextRun(bytes, stop, end, byteClass.Token, minLength);
    }
    return spans;
  },
};

/** In one pass over the parts between dots, however often the header's first letters come. */
function tokenStart(bytes: Buffer, start: number, end: number): number {
  let part = start;
  for (;;) {
    const partEnd = indexOfByte(bytes, dot, part, end);
    if (partEnd < 0) return -1;
    const nextEnd = indexOfByte(bytes, dot, partEnd + 1, end);
    if (nextEnd < 0) return -1;
    const header = indexOfText(bytes, headerStart, part, partEnd);
    if (header >= 0 && partEnd - header >= minHeader && nextEnd - partEnd - 1 >= minPayload) return header;
    part = partEnd + 1;
  }
}
