import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { binaryCell } from '../../src/recording/cell.ts';
import { decodeFrames, type FrameItem } from '../../src/recording/frames.ts';
import { copyData, dataRow, rowDescription } from './sample.ts';

function decode(bytes: Buffer, offset = 0, length = bytes.length - offset): FrameItem[] {
  const source = { size: bytes.length, read: (at: number, count: number) => bytes.subarray(at, at + count), close: () => undefined };
  return [...decodeFrames(source, { offset, length })];
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

describe('frames', () => {
  test('are columns, rows with NULL and bytes that are no text, and COPY data', () => {
    const bytes = Buffer.concat([rowDescription([{ name: 'a' }, { name: 'b' }]), dataRow(['1', null]), dataRow(['', hex('ff')]), copyData('1\tx\n')]);
    expect(decode(bytes)).toEqual([
      { kind: 'Columns', columns: ['a', 'b'] },
      { kind: 'Row', cells: ['1', null] },
      { kind: 'Row', cells: ['', { base64: '/w==' }] },
      { kind: 'CopyData', data: '1\tx\n' },
    ]);
  });

  test('are read from the middle of the file, across windows', () => {
    const wide = dataRow(['x'.repeat(3_000_000)]);
    const bytes = Buffer.concat([Buffer.alloc(11), rowDescription([{ name: 'a' }]), wide, dataRow(['y'])]);
    expect(decode(bytes, 11).map((item) => item.kind)).toEqual(['Columns', 'Row', 'Row']);
  });

  test('cut anywhere end with what is whole', () => {
    const bytes = Buffer.concat([rowDescription([{ name: 'a' }]), dataRow(['1']), dataRow(['2'])]);
    for (let length = 1; length < bytes.length; length++) {
      const items = decode(bytes, 0, length);
      expect(items.filter((item) => item.kind === 'Malformed').length).toBe(length === bytes.length - dataRow(['2']).length || length === rowDescription([{ name: 'a' }]).length ? 0 : 1);
    }
  });

  test('of any bytes never throw and never run on', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decode(Buffer.from(bytes)).length).toBeLessThanOrEqual(bytes.length + 1);
      }),
    );
  });
});

describe('binary values', () => {
  test.each([
    ['bool', 16, '01', 't'],
    ['bytea', 17, 'deadbeef', '\\xdeadbeef'],
    ['int8', 20, 'ffffffffffffffff', '-1'],
    ['int2', 21, '8000', '-32768'],
    ['int4', 23, '0000002a', '42'],
    ['oid', 26, 'ffffffff', '4294967295'],
    ['float4', 700, '3dcccccd', '0.1'],
    ['float8', 701, '3fb999999999999a', '0.1'],
    ['date', 1082, '00000001', '2000-01-02'],
    ['date before 2000', 1082, 'ffffffff', '1999-12-31'],
    ['timestamp', 1114, '00000000000f4241', '2000-01-01 00:00:01.000001'],
    ['timestamp before 2000', 1114, 'ffffffffffffffff', '1999-12-31 23:59:59.999999'],
    ['timestamptz', 1184, '0000000000000000', '2000-01-01 00:00:00+00'],
    ['uuid', 2950, '00112233445566778899aabbccddeeff', '00112233-4455-6677-8899-aabbccddeeff'],
    ['jsonb', 3802, '017b7d', '{}'],
    ['text', 25, '68c3bc', 'hü'],
  ])('%s', (_type, oid, bytes, text) => {
    expect(binaryCell(hex(bytes), oid)).toBe(text);
  });

  test.each([
    ['a type that is not known', 1700, '0001'],
    ['a wrong length', 23, '00'],
    ['infinity', 1114, '7fffffffffffffff'],
    ['a date that never ends', 1082, '7fffffff'],
    ['jsonb of another version', 3802, '027b7d'],
  ])('%s stays base64', (_what, oid, bytes) => {
    expect(binaryCell(hex(bytes), oid)).toEqual({ base64: hex(bytes).toString('base64') });
  });
});
