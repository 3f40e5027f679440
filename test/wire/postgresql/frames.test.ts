import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse as parseBackend, serialize } from 'pg-protocol';
import { PassThrough } from 'node:stream';
import {
  authenticationCleartextPassword, authenticationOk, decodeCommandComplete, decodeFields, decodeParameterDescription, decodeRowDescription, encodeBackendKeyData,
  encodeCommandComplete, encodeError, encodeNotice, encodeParameterStatus, encodeReadyForQuery, rowsOfTag,
} from '../../../src/wire/postgresql/backend-messages.ts';
import { BackendScanner } from '../../../src/wire/postgresql/backend-scanner.ts';
import { FrameError } from '../../../src/wire/postgresql/frame-error.ts';
import { FrameWriter } from '../../../src/wire/postgresql/frame-writer.ts';
import {
  decodeBind, decodeExecute, decodeNamed, decodeParse, decodePassword, decodeQuery, encodeClose, encodeDescribe, encodeExecute,
  encodeParse, encodeQuery, flushFrame, syncFrame, terminateFrame,
} from '../../../src/wire/postgresql/frontend-messages.ts';
import { FrontendReader } from '../../../src/wire/postgresql/frontend-reader.ts';
import { decodeStartup } from '../../../src/wire/postgresql/startup-packet.ts';

const dataRow = (...values: string[]): Buffer => {
  const writer = new FrameWriter().int16(values.length);
  for (const value of values) writer.int32(Buffer.byteLength(value)).bytes(Buffer.from(value));
  return writer.frame(0x44);
};
const rowDescription = new FrameWriter().int16(1).text('email').int32(16384).int16(2).int32(25).int16(0xffff).int32(-1).int16(0).frame(0x54);

describe('messages that clients send, as pg-protocol writes them', () => {
  test('are decoded field by field', () => {
    expect(decodeQuery(serialize.query('select 1 -- ä'))).toBe('select 1 -- ä');
    expect(decodeParse(serialize.parse({ name: 's', text: 'select $1', types: [23, 25] }))).toMatchObject({ name: 's', text: 'select $1', parameterTypes: [23, 25] });
    const bind = decodeBind(serialize.bind({ portal: 'p', statement: 's', values: ['a', null, Buffer.from([1, 2])] }));
    expect(bind).toEqual({ portal: 'p', statement: 's', parameterFormats: [0, 0, 1], values: [Buffer.from('a'), null, Buffer.from([1, 2])], resultFormats: [0] });
    expect(decodeExecute(serialize.execute({ portal: 'p', rows: 7 }))).toEqual({ portal: 'p', maxRows: 7 });
    expect(decodeNamed(serialize.close({ type: 'P', name: 'p' }))).toEqual({ kind: 'Portal', name: 'p' });
    expect(decodePassword(serialize.password('secret'))).toBe('secret');
  });

  test('are encoded to the same bytes', () => {
    expect(encodeQuery('select 1')).toEqual(serialize.query('select 1'));
    expect(encodeParse('s', 'select $1', [23])).toEqual(serialize.parse({ name: 's', text: 'select $1', types: [23] }));
    expect(encodeDescribe({ kind: 'Portal', name: 'p' })).toEqual(serialize.describe({ type: 'P', name: 'p' }));
    expect(encodeClose({ kind: 'Statement', name: 's' })).toEqual(serialize.close({ type: 'S', name: 's' }));
    expect(encodeExecute('p', 3)).toEqual(serialize.execute({ portal: 'p', rows: 3 }));
    expect([flushFrame, syncFrame, terminateFrame]).toEqual([serialize.flush(), serialize.sync(), serialize.end()]);
  });

  test('that contradict themselves are refused', () => {
    const shortened = (frame: Buffer): Buffer => frame.subarray(0, frame.length - 1);
    expect(() => decodeQuery(shortened(serialize.query('x')))).toThrow(FrameError);
    expect(() => decodeBind(shortened(serialize.bind({ values: ['a'] })))).toThrow(FrameError);
    expect(() => decodeQuery(new FrameWriter().text('a').text('b').frame(0x51))).toThrow('longer than its fields');
    expect(() => decodeBind(new FrameWriter().text('').text('').int16(0).int16(1).int32(-2).frame(0x42))).toThrow(FrameError);
    expect(() => decodeNamed(new FrameWriter().byte(0x41).text('x').frame(0x44))).toThrow(FrameError);
  });
});

describe('start-up packets', () => {
  test('of every kind are told apart', () => {
    expect(decodeStartup(serialize.requestSsl())).toEqual({ kind: 'SslRequest' });
    expect(decodeStartup(new FrameWriter().int16(1234).int16(5680).packet())).toEqual({ kind: 'GssEncRequest' });
    expect(decodeStartup(serialize.cancel(7, 9))).toEqual({ kind: 'CancelRequest', processId: 7, key: Buffer.from([0, 0, 0, 9]) });
    const long = new FrameWriter().int16(1234).int16(5678).int32(7).bytes(Buffer.alloc(32, 5)).packet();
    expect(decodeStartup(long)).toEqual({ kind: 'CancelRequest', processId: 7, key: Buffer.alloc(32, 5) });
    const startup = new FrameWriter().int16(3).int16(2).text('user').text('a').text('_pq_.x').text('1').byte(0).packet();
    expect(decodeStartup(startup)).toEqual({ kind: 'Startup', major: 3, minor: 2, parameters: new Map([['user', 'a']]), options: ['_pq_.x'] });
  });

  test('with wrong lengths are refused', () => {
    expect(() => decodeStartup(new FrameWriter().int16(1234).int16(5679).int32(0).packet())).toThrow(FrameError);
    expect(() => decodeStartup(new FrameWriter().int16(1234).int16(5678).int32(7).packet())).toThrow(FrameError);
    expect(() => decodeStartup(new FrameWriter().int16(3).int16(0).text('user').packet())).toThrow(FrameError);
    expect(() => decodeStartup(new FrameWriter().int16(3).int16(0).text('user').text('a').text('user').text('b').byte(0).packet())).toThrow('twice');
    for (const length of [0, 7, 10_001, 0xffff_ffff]) {
      const reader = new FrontendReader();
      const packet = Buffer.alloc(8);
      packet.writeUInt32BE(length);
      reader.push(packet);
      expect(() => reader.nextStartup()).toThrow(FrameError);
    }
  });
});

describe('messages that servers send, as pg-protocol reads them', () => {
  test('are encoded so that a client understands them', async () => {
    const stream = new PassThrough();
    const seen: { name: string; [field: string]: unknown }[] = [];
    const done = parseBackend(stream, (message) => void seen.push({ ...message }));
    stream.end(Buffer.concat([
      authenticationCleartextPassword, authenticationOk, encodeParameterStatus('server_version', '18'), encodeBackendKeyData(7, Buffer.from([0, 0, 0, 9])),
      encodeReadyForQuery('InTransaction'), encodeCommandComplete('SELECT 1'), rowDescription, dataRow('x'),
      encodeError({ severity: 'ERROR', sqlstate: '42501', message: 'no\0', detail: 'd', hint: 'h', position: 8 }),
      encodeNotice({ severity: 'NOTICE', sqlstate: '00000', message: 'wait' }),
    ]));
    await done;
    expect(seen).toMatchObject([
      { name: 'authenticationCleartextPassword' }, { name: 'authenticationOk' }, { name: 'parameterStatus', parameterName: 'server_version', parameterValue: '18' },
      { name: 'backendKeyData', processID: 7, secretKey: 9 }, { name: 'readyForQuery', status: 'T' }, { name: 'commandComplete', text: 'SELECT 1' },
      { name: 'rowDescription', fields: [{ name: 'email', tableID: 16384, columnID: 2, dataTypeID: 25, format: 'text' }] }, { name: 'dataRow', fields: ['x'] },
      { name: 'error', code: '42501', detail: 'd', hint: 'h', position: '8' }, { name: 'notice', message: 'wait' },
    ]);
  });

  test('are decoded', () => {
    expect(decodeRowDescription(rowDescription)).toEqual([{ name: 'email', tableOid: 16384, attribute: 2, typeOid: 25, format: 0 }]);
    expect(Object.fromEntries(decodeFields(encodeError({ severity: 'FATAL', sqlstate: '57P01', message: 'm' })))).toEqual({ S: 'FATAL', V: 'FATAL', C: '57P01', M: 'm' });
    expect(decodeParameterDescription(new FrameWriter().int16(2).int32(23).int32(25).frame(0x74))).toEqual([23, 25]);
    expect(decodeCommandComplete(encodeCommandComplete('INSERT 0 5'))).toBe('INSERT 0 5');
    expect(['INSERT 0 5', 'UPDATE 3', 'BEGIN', 'CREATE TABLE'].map(rowsOfTag)).toEqual([5, 3, undefined, undefined]);
  });
});

const clientStream = [
  serialize.query('select 1'), serialize.parse({ name: 's', text: 'select $1' }), serialize.bind({ statement: 's', values: ['x'] }),
  serialize.describe({ type: 'P', name: '' }), serialize.execute(), serialize.sync(), serialize.copyData(Buffer.from('one\n')),
  serialize.copyData(Buffer.from('two\n')), serialize.copyDone(), serialize.end(),
];

/** Types and bytes of what a reader yields, neighbouring pieces of CopyData joined. */
function readAll(chunks: readonly Buffer[]): { type: number; bytes: string }[] {
  const reader = new FrontendReader();
  const found: { type: number; bytes: string }[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      const last = found.at(-1);
      if (frame.type === 0x64 && last?.type === 0x64) last.bytes += frame.frame.toString('latin1');
      else found.push({ type: frame.type, bytes: frame.frame.toString('latin1') });
    }
  }
  return found;
}

describe('the reader of what a client sends', () => {
  const whole = Buffer.concat(clientStream);
  const expected = readAll(clientStream);

  test('finds the same messages at every split point', () => {
    expect(expected.map((message) => String.fromCharCode(message.type)).join('')).toBe('QPBDESdcX');
    for (let at = 0; at <= whole.length; at++) expect(readAll([whole.subarray(0, at), whole.subarray(at)])).toEqual(expected);
    expect(readAll([...whole].map((byte) => Buffer.from([byte])))).toEqual(expected);
  });

  test('finds the same messages however the stream is cut', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: whole.length }), { maxLength: 12 }), (cuts) => {
      const points = [0, ...cuts.sort((a, b) => a - b), whole.length];
      expect(readAll(points.slice(1).map((end, index) => whole.subarray(points[index], end)))).toEqual(expected);
    }));
  });

  test('copies nothing that came in one chunk', () => {
    const reader = new FrontendReader();
    reader.push(whole);
    expect(reader.next()!.frame.buffer).toBe(whole.buffer);
  });

  test('skips a text that is too large and goes on behind it', () => {
    const large = serialize.query('x'.repeat(2 * 1024 * 1024));
    const reader = new FrontendReader();
    reader.push(large.subarray(0, 100));
    expect(reader.next()).toMatchObject({ type: 0x51, isTooLarge: true });
    expect(reader.next()).toBeUndefined();
    reader.push(large.subarray(100));
    reader.push(serialize.sync());
    expect(reader.next()).toMatchObject({ type: 0x53, isTooLarge: false });
    expect(reader.buffered).toBe(0);
  });

  test.each([
    ['an unknown type', Buffer.from([0x21, 0, 0, 0, 4])],
    ['a length below its own', Buffer.from([0x51, 0, 0, 0, 3])],
    ['a length of 4 GiB', Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff])],
    ['a Sync with a body', Buffer.from([0x53, 0, 0, 0, 5, 0])],
    ['a password beyond 16 KiB', serialize.password('x'.repeat(16_385))],
    ['CopyData of an impossible length', Buffer.from([0x64, 0, 0, 0, 4, 0x64, 0xff, 0xff, 0xff, 0xff])],
  ])('refuses %s', (_what, bytes) => {
    const reader = new FrontendReader();
    reader.push(bytes);
    expect(() => reader.next()).toThrow(FrameError);
  });
});

interface Found { control: string[]; rows: number; bytes: string; over: number }

function scanAll(chunks: readonly Buffer[], options: { budget?: number; wholeFrames?: boolean; onRun?: (run: Buffer) => void } = {}): Found {
  const found: Found = { control: [], rows: 0, bytes: '', over: 0 };
  const scanner: BackendScanner = new BackendScanner({
    run: (chunk, start, end, rows) => {
      const run = chunk.subarray(start, end);
      options.onRun?.(run);
      found.rows += rows;
      found.bytes += run.toString('latin1');
    },
    control: (type, frame) => {
      found.control.push(String.fromCharCode(type));
      found.bytes += frame.toString('latin1');
      if (type === 0x43) scanner.isDiscarding = false;
    },
    overBudget: () => {
      found.over++;
      scanner.isDiscarding = true;
    },
  });
  scanner.wholeFrames = options.wholeFrames ?? false;
  scanner.rowBudget = options.budget ?? Number.POSITIVE_INFINITY;
  for (const chunk of chunks) scanner.scan(chunk);
  return found;
}

describe('the scanner of what the target sends', () => {
  const head = [rowDescription];
  const rows = ['a', 'bb', '', 'dddddddd'].map((value) => dataRow(value));
  const copied = new FrameWriter().bytes(Buffer.from('copied')).frame(0x64);
  const tail = [encodeCommandComplete('SELECT 4'), copied, encodeReadyForQuery('Idle')];
  const stream = Buffer.concat([...head, ...rows, ...tail]);

  test('passes every byte in order at every split point', () => {
    for (let at = 0; at <= stream.length; at++) {
      for (const wholeFrames of [false, true]) {
        const found = scanAll([stream.subarray(0, at), stream.subarray(at)], { wholeFrames });
        expect(found).toEqual({ control: ['T', 'C', 'Z'], rows: 5, bytes: stream.toString('latin1'), over: 0 });
      }
    }
    expect(scanAll([...stream].map((byte) => Buffer.from([byte]))).bytes).toBe(stream.toString('latin1'));
  });

  test('drops rows beyond the budget at every split point, and nothing else', () => {
    const wanted = Buffer.concat([...head, ...rows.slice(0, 2), ...tail.filter((frame) => frame !== copied)]).toString('latin1');
    for (let at = 0; at <= stream.length; at++) {
      for (const wholeFrames of [false, true]) {
        const found = scanAll([stream.subarray(0, at), stream.subarray(at)], { budget: 2, wholeFrames });
        expect(found).toEqual({ control: ['T', 'C', 'Z'], rows: 2, bytes: wanted, over: 2 });
      }
    }
  });

  test('hands out whole frames where values are looked into', () => {
    for (let at = 0; at <= stream.length; at++) {
      const onRun = (run: Buffer): void => {
        let offset = 0;
        while (offset < run.length) offset += run.readUInt32BE(offset + 1) + 1;
        expect(offset).toBe(run.length);
      };
      scanAll([stream.subarray(0, at), stream.subarray(at)], { wholeFrames: true, onRun });
    }
  });

  test('makes one run of many rows', () => {
    let runs = 0;
    scanAll([Buffer.concat(Array.from({ length: 1000 }, () => dataRow('x')))], { onRun: () => runs++ });
    expect(runs).toBe(1);
  });

  test('passes every byte in order however the stream is cut', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 12 }), fc.boolean(), (cuts, wholeFrames) => {
      const points = [0, ...cuts.sort((a, b) => a - b), stream.length];
      const chunks = points.slice(1).map((end, index) => stream.subarray(points[index], end));
      expect(scanAll(chunks, { wholeFrames }).bytes).toBe(stream.toString('latin1'));
    }));
  });

  test.each([[0], [3], [0xffff_ffff]])('refuses a frame of length %d', (length) => {
    const frame = Buffer.alloc(5, 0x44);
    frame.writeUInt32BE(length, 1);
    expect(() => scanAll([frame])).toThrow(FrameError);
  });

  test('never throws anything but FrameError on garbage', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
      try {
        scanAll(chunks.map((chunk) => Buffer.from(chunk)));
        readAll(chunks.map((chunk) => Buffer.from(chunk)));
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
      }
    }));
  });
});
