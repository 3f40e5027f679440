import { byteClass, hasRun, isIn } from './bytes.ts';
import type { EntityFinder, Span } from './entity-finder.ts';

/** Lengths by country, from the registry of ISO 13616. */
const registry =
  'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 ' +
  'FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 ' +
  'MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 ' +
  'SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30';

const lengths: ReadonlyMap<string, number> = new Map(registry.split(' ').map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]));
const minLength = 15;

/** Account numbers with the right length for their country and right check digits, with or without spaces between groups. */
export const ibanFinder: EntityFinder = {
  // In one piece, or in groups of capitals as it is printed: to take small letters in groups would be to read all prose.
  mayContain: (bytes, start, end) =>
    hasRun(bytes, start, end, byteClass.Alphanumeric, minLength) || hasRun(bytes, start, end, byteClass.UpperDigitOrSpace, minLength),
  find: (bytes, start, end) => {
    const spans: Span[] = [];
    let at = candidate(bytes, start, end);
    while (at >= 0) {
      const isWord = at === start || !isIn(bytes[at - 1], byteClass.Alphanumeric);
      const last = isWord ? ibanEnd(bytes, at, end) : -1;
      if (last >= 0) spans.push({ start: at, end: last });
      at = candidate(bytes, last >= 0 ? last : at + 1, end);
    }
    return spans;
  },
};

function isLetter(byte: number | undefined): boolean {
  return isIn(byte, byteClass.Alphanumeric) && !isIn(byte, byteClass.Digit);
}

/** Two letters and two digits. One of the two digits lies an even way from the start, so every second byte is enough. */
function candidate(bytes: Buffer, start: number, end: number): number {
  for (let at = start + 2; at < end; at += 2) {
    if (!isIn(bytes[at], byteClass.Digit)) continue;
    if (isCandidate(bytes, at - 3, start, end)) return at - 3;
    if (isCandidate(bytes, at - 2, start, end)) return at - 2;
  }
  return -1;
}

function isCandidate(bytes: Buffer, at: number, start: number, end: number): boolean {
  if (at < start || end - at < minLength) return false;
  return isLetter(bytes[at]) && isLetter(bytes[at + 1]) && isIn(bytes[at + 2], byteClass.Digit) && isIn(bytes[at + 3], byteClass.Digit);
}

function ibanEnd(bytes: Buffer, start: number, end: number): number {
  const length = lengths.get(bytes.toString('latin1', start, start + 2).toUpperCase());
  if (length === undefined) return -1;
  let account = '';
  let at = start;
  while (account.length < length && at < end) {
    const byte = bytes[at];
    const isSpace = byte === 0x20 && account.length >= 4 && bytes[at - 1] !== 0x20;
    if (!isSpace && !isIn(byte, byteClass.Alphanumeric)) return -1;
    if (!isSpace) account += String.fromCharCode(byte ?? 0);
    at++;
  }
  if (account.length < length || isIn(at < end ? bytes[at] : undefined, byteClass.Alphanumeric)) return -1;
  return hasCheckDigits(account.toUpperCase()) ? at : -1;
}

/** ISO 7064, modulo 97: the first four characters go last, letters count from ten. */
function hasCheckDigits(account: string): boolean {
  let rest = 0;
  for (const character of account.slice(4) + account.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}
