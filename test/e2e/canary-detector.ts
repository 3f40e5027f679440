/**
 * Finds what the data set's canaries became. It looks at every byte that a session received, then at the values of
 * its rows put together, since what is hidden may come in pieces, in numbers, backwards or encoded.
 */
import { createHash } from 'node:crypto';
import { type RawFrame, valuesOf } from '../support/raw-client.ts';

/** The part that every canary has in common is too short to be met by chance in some encodings: two letters more. */
const word = 'canary-';

/** What the gateways of these tests hash with; it must not be seen either. */
export const hashKey = 'the hash key of both shops';

interface Needle {
  readonly name: string;
  readonly bytes: Buffer;
}

/** All three ways in which the word may stand in base64, without the characters that its neighbours change. */
function base64Forms(text: string): string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.from('\0'.repeat(shift) + text).toString('base64').replaceAll('=', '');
    return encoded.slice(shift === 0 ? 0 : shift + 1, -2);
  });
}

const reversed = '-yranac';
const rotated = word.replaceAll(/[a-z]/g, (letter) => String.fromCharCode(((letter.charCodeAt(0) - 97 + 13) % 26) + 97));

const needles: readonly Needle[] = [
  { name: 'plain', bytes: Buffer.from(word) },
  { name: 'upper case', bytes: Buffer.from(word.toUpperCase()) },
  { name: 'initial capital', bytes: Buffer.from('Canary-') },
  { name: 'reversed', bytes: Buffer.from(reversed) },
  { name: 'hex', bytes: Buffer.from(Buffer.from(word).toString('hex')) },
  { name: 'upper hex', bytes: Buffer.from(Buffer.from(word).toString('hex').toUpperCase()) },
  { name: 'hex of hex', bytes: Buffer.from(Buffer.from(Buffer.from(word).toString('hex')).toString('hex')) },
  { name: 'rot13', bytes: Buffer.from(rotated) },
  { name: 'utf-16', bytes: Buffer.from(word, 'utf16le') },
  { name: 'the key of Hash', bytes: Buffer.from(hashKey) },
  ...base64Forms(word).map((text, shift) => ({ name: `base64, shifted by ${String(shift)}`, bytes: Buffer.from(text) })),
  ...['canary-email-0001@leak.example', 'canary-password-0001', '101-11-4001', '31013.50'].flatMap((value) =>
    ['md5', 'sha1', 'sha256', 'sha512'].flatMap((hash) => {
      const digest = createHash(hash).update(value).digest();
      return [
        { name: `${hash} of ${value}`, bytes: digest },
        { name: `${hash} of ${value} in hex`, bytes: Buffer.from(digest.toString('hex')) },
      ];
    }),
  ),
];

/** Cells without a word in them: the numbers of the first customers as text. */
const plainValues: readonly Needle[] = ['101-11-4001', '102-12-4002', '31013.5', '32026.5', '1960-05-07', '1960-08-12'].map((text) => ({ name: text, bytes: Buffer.from(text) }));

/** Everything hidden that a session received, in whatever form; empty when there is nothing. */
export function leaksIn(bytes: Buffer, frames: readonly RawFrame[]): string[] {
  const found = [...needles, ...plainValues].filter((needle) => bytes.includes(needle.bytes)).map(({ name }) => name);
  return [...found, ...leaksInRows(frames)];
}

function leaksInRows(frames: readonly RawFrame[]): string[] {
  const rows = frames.filter(({ type }) => type === 'D').map((frame) => valuesOf(frame).map((value) => value?.toString('latin1') ?? ''));
  const columns = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const streams = [rows.flat(), ...Array.from({ length: columns }, (_, column) => rows.map((row) => row[column] ?? ''))];
  return streams.some(isSplit) ? ['in pieces'] : [];
}

function isSplit(values: readonly string[]): boolean {
  const letters = values.join('').toLowerCase().replaceAll(/[^a-z]/g, '');
  if (letters.includes('canaryemail') || letters.includes('canarypassw') || letters.includes('liameyranac')) return true;
  const numbers = values.join(',').replaceAll(/\D+/g, ',');
  return numbers.includes('99,97,110,97,114,121') || numbers.includes('121,114,97,110,97,99');
}
