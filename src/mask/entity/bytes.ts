/**
 * Looking at bytes without decoding them. What is looked for is ASCII, and no byte of a longer UTF-8 character
 * is ASCII, so that a match is always whole characters and bytes that are no text at all do no harm.
 */

export const byteClass = {
  Digit: 1,
  /** Digits and what people write between those of a number. */
  Number: 2,
  Alphanumeric: 4,
  UpperOrDigit: 8,
  /** base64url, and the dot between the parts of a token. */
  Token: 16,
  Base64: 32,
  /** What may stand before the `@`; not `*`, which our own masks leave there. */
  Local: 64,
  Domain: 128,
  UpperDigitOrSpace: 256,
} as const;

function classesOf(byte: number): number {
  const character = String.fromCharCode(byte);
  // International addresses.
  if (byte >= 0x80) return byteClass.Local | byteClass.Domain;
  let classes = 0;
  if (/[0-9]/.test(character)) classes |= byteClass.Digit;
  if (/[0-9 ().+-]/.test(character)) classes |= byteClass.Number;
  if (/[0-9A-Za-z]/.test(character)) classes |= byteClass.Alphanumeric;
  if (/[0-9A-Z]/.test(character)) classes |= byteClass.UpperOrDigit;
  if (/[0-9A-Za-z_.-]/.test(character)) classes |= byteClass.Token;
  if (/[0-9A-Za-z/+]/.test(character)) classes |= byteClass.Base64;
  if (/[0-9A-Za-z.!#$%&'+/=?^_`{|}~-]/.test(character)) classes |= byteClass.Local;
  if (/[0-9A-Za-z.-]/.test(character)) classes |= byteClass.Domain;
  if (/[0-9A-Z ]/.test(character)) classes |= byteClass.UpperDigitOrSpace;
  return classes;
}

const classes = Uint16Array.from({ length: 256 }, (_, byte) => classesOf(byte));

export function isIn(byte: number | undefined, wanted: number): boolean {
  // A zero byte, like one that is not there, is of no class.
  return ((classes[byte ?? 0] ?? 0) & wanted) !== 0;
}

/**
 * Where the first run of at least `least` bytes of a class begins, -1 for none. Looks at every `least`-th byte
 * only, as long as they are of other classes. `from` must not lie inside a run.
 */
export function nextRun(bytes: Uint8Array, from: number, end: number, wanted: number, least: number): number {
  let at = from + least - 1;
  while (at < end) {
    if (!isIn(bytes[at], wanted)) {
      at += least;
      continue;
    }
    let first = at;
    while (first > from && isIn(bytes[first - 1], wanted)) first--;
    let after = at + 1;
    while (after < end && after - first < least && isIn(bytes[after], wanted)) after++;
    if (after - first >= least) return first;
    at = after + least;
  }
  return -1;
}

export function runEnd(bytes: Uint8Array, from: number, end: number, wanted: number): number {
  let at = from;
  while (at < end && isIn(bytes[at], wanted)) at++;
  return at;
}

export function hasRun(bytes: Uint8Array, start: number, end: number, wanted: number, least: number): boolean {
  return nextRun(bytes, start, end, wanted, least) >= 0;
}

/** Below this a loop is quicker than the view that a native search needs. */
const shortBytes = 128;

export function indexOfByte(bytes: Uint8Array, byte: number, start: number, end: number): number {
  if (end - start > shortBytes) {
    const found = bytes.subarray(start, end).indexOf(byte);
    return found < 0 ? -1 : start + found;
  }
  for (let at = start; at < end; at++) if (bytes[at] === byte) return at;
  return -1;
}

export function indexOfText(bytes: Buffer, text: string, start: number, end: number): number {
  if (end - start > shortBytes) {
    const found = bytes.subarray(start, end).indexOf(text, 0, 'latin1');
    return found < 0 ? -1 : start + found;
  }
  for (let at = start; at + text.length <= end; at++) if (startsWith(bytes, text, at)) return at;
  return -1;
}

function startsWith(bytes: Buffer, text: string, at: number): boolean {
  for (let place = 0; place < text.length; place++) if (bytes[at + place] !== text.charCodeAt(place)) return false;
  return true;
}

export function digitOf(byte: number | undefined): number {
  return (byte ?? 0) - 0x30;
}
