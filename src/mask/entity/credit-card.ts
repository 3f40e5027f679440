import { byteClass, digitOf, isIn, nextRun, runEnd } from './bytes.ts';
import type { EntityFinder, Span } from './entity-finder.ts';

const minDigits = 13;
const maxDigits = 19;

/** Card numbers of the known networks with a right check digit, in one group or in groups set apart by a space or hyphen. */
export const creditCardFinder: EntityFinder = {
  mayContain: (bytes, start, end) => nextRun(bytes, start, end, byteClass.Number, minDigits) >= 0,
  find: (bytes, start, end) => {
    const spans: Span[] = [];
    for (let run = nextRun(bytes, start, end, byteClass.Number, minDigits); run >= 0; ) {
      const stop = runEnd(bytes, run, end, byteClass.Number);
      findInRun(bytes, run, stop, spans);
      run = nextRun(bytes, stop, end, byteClass.Number, minDigits);
    }
    return spans;
  },
};

function findInRun(bytes: Buffer, start: number, end: number, spans: Span[]): void {
  let at = start;
  while (at < end) {
    if (!isIn(bytes[at], byteClass.Digit)) {
      at++;
      continue;
    }
    const last = cardEnd(bytes, at, end);
    if (last >= 0) spans.push({ start: at, end: last });
    // The next group of digits.
    at = last >= 0 ? last : runEnd(bytes, at, end, byteClass.Digit);
  }
}

/** The longest card number that begins with this group of digits; -1 for none. */
function cardEnd(bytes: Buffer, start: number, end: number): number {
  let digits = 0;
  let best = -1;
  let at = start;
  while (at < end) {
    const groupEnd = runEnd(bytes, at, end, byteClass.Digit);
    digits += groupEnd - at;
    if (groupEnd === at || digits > maxDigits) break;
    if (digits >= minDigits && isCardNumber(bytes.toString('latin1', start, groupEnd).replace(/[ -]/g, ''))) best = groupEnd;
    // Groups are of four to six digits, but for the last.
    const isSeparator = bytes[groupEnd] === 0x20 || bytes[groupEnd] === 0x2d;
    if (!isSeparator || groupEnd - at < 4 || groupEnd - at > 6) break;
    at = groupEnd + 1;
  }
  return best;
}

/** Prefixes and lengths of the networks. */
const networks: readonly { readonly prefix: RegExp; readonly lengths: readonly number[] }[] = [
  { prefix: /^4/, lengths: [13, 16, 19] },
  { prefix: /^(?:5[1-5]|2[2-7])/, lengths: [16] },
  { prefix: /^3[47]/, lengths: [15] },
  { prefix: /^3(?:0|[689])/, lengths: [14, 16, 17, 18, 19] },
  { prefix: /^35/, lengths: [16, 17, 18, 19] },
  { prefix: /^(?:50|5[6-8]|6)/, lengths: [13, 14, 15, 16, 17, 18, 19] },
  { prefix: /^(?:8[12]|9792)/, lengths: [16, 17, 18, 19] },
];

function isCardNumber(digits: string): boolean {
  const isOfNetwork = networks.some(({ prefix, lengths }) => lengths.includes(digits.length) && prefix.test(digits));
  return isOfNetwork && hasLuhnDigit(digits);
}

function hasLuhnDigit(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place++) {
    const digit = digitOf(digits.charCodeAt(digits.length - 1 - place));
    const weighted = place % 2 === 0 ? digit : digit * 2;
    sum += weighted > 9 ? weighted - 9 : weighted;
  }
  return sum % 10 === 0;
}
