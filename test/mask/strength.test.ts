import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Mask } from '../../src/bundle/bundle.ts';
import { strongest } from '../../src/mask/strength.ts';

const first = (count: number): Mask => ({ type: 'KeepFirst', count });
const last = (count: number): Mask => ({ type: 'KeepLast', count });
const range = (width: number): Mask => ({ type: 'Range', width });
const redact: Mask = { type: 'Redact' };

test.each<[string, readonly Mask[], Mask]>([
  ['no mask shows nothing', [], { type: 'Null' }],
  ['one is itself', [last(4)], last(4)],
  ['Null beats all', [redact, { type: 'Null' }, last(4)], { type: 'Null' }],
  ['Redact beats Hash', [{ type: 'Hash' }, redact], redact],
  ['Hash beats what shows a part', [last(4), { type: 'Hash' }], { type: 'Hash' }],
  ['the year beats the month', [{ type: 'Truncate', unit: 'Month' }, { type: 'Truncate', unit: 'Year' }], { type: 'Truncate', unit: 'Year' }],
  ['the smaller count', [last(4), last(2)], last(2)],
  ['the wider bucket', [range(10), range(30), range(15)], range(30)],
  ['buckets that do not fit', [range(10), range(15)], redact],
  ['a start and an end', [first(1), last(1)], redact],
  ['an address and an end', [{ type: 'Email' }, last(4)], redact],
  ['a year and a bucket', [{ type: 'Truncate', unit: 'Year' }, range(10)], redact],
])('%s', (_name, masks, expected) => {
  expect(strongest(masks)).toEqual(expected);
});

const mask = fc.oneof(
  fc.constantFrom<Mask>({ type: 'Null' }, redact, { type: 'Hash' }, { type: 'Email' }, { type: 'Truncate', unit: 'Year' }, { type: 'Truncate', unit: 'Month' }),
  fc.constantFrom(10, 15, 20, 30).map(range),
  fc.integer({ min: 0, max: 4 }).map(first),
  fc.integer({ min: 0, max: 4 }).map(last),
);

test('neither order nor repetition counts', () => {
  fc.assert(
    fc.property(fc.array(mask, { maxLength: 5 }), (masks) => {
      const expected = strongest(masks);
      expect(strongest(masks.toReversed())).toEqual(expected);
      expect(strongest([...masks, ...masks])).toEqual(expected);
    }),
  );
});
