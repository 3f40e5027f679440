import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { recordsFile } from './session-folder.ts';
import { parseRecord, type StoredRecord } from './stored-record.ts';

/** One line as it stands in the file. */
export interface RawLine {
  /** Counts from 1. */
  readonly number: number;
  /** Without the line feed. */
  readonly bytes: Buffer;
  /** The file ends before the line does: the writer died in it, or somebody cut it. */
  readonly isTorn: boolean;
}

/** What reading makes of a line. */
export type ReadLine =
  | { readonly number: number; readonly record: StoredRecord }
  | { readonly number: number; readonly problem: string; readonly isTorn: boolean };

const chunkBytes = 256 * 1024;
/** A SessionEnd is far below this. */
const lastLineBytes = 64 * 1024;

/** The records of a session in order; a line that is none is reported and passed over. The chain is `verifySession`'s business. */
export function* readRecords(directory: string): Generator<ReadLine> {
  for (const { number, bytes, isTorn } of readLines(directory)) {
    if (isTorn) {
      yield { number, problem: 'the last line is torn', isTorn };
      continue;
    }
    const record = parseRecord(bytes);
    yield record.ok ? { number, record: record.value } : { number, problem: record.error, isTorn };
  }
}

export function* readLines(directory: string): Generator<RawLine> {
  const fd = openSync(join(directory, recordsFile), 'r');
  try {
    let number = 0;
    let pieces: Buffer[] = [];
    for (const chunk of chunks(fd)) {
      let from = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
        pieces.push(chunk.subarray(from, end));
        yield { number: ++number, bytes: Buffer.concat(pieces), isTorn: false };
        pieces = [];
        from = end + 1;
      }
      if (from < chunk.length) pieces.push(chunk.subarray(from));
    }
    if (pieces.length > 0) yield { number: number + 1, bytes: Buffer.concat(pieces), isTorn: true };
  } finally {
    closeSync(fd);
  }
}

/** The last whole record, if it is a short one; undefined when there is none such. */
export function readLastRecord(directory: string): StoredRecord | undefined {
  const fd = openSync(join(directory, recordsFile), 'r');
  try {
    const { size } = fstatSync(fd);
    const tail = Buffer.alloc(Math.min(size, lastLineBytes));
    const count = readSync(fd, tail, 0, tail.length, size - tail.length);
    if (count === 0 || tail[count - 1] !== 10) return undefined;
    const before = count >= 2 ? tail.lastIndexOf(10, count - 2) : -1;
    const record = parseRecord(tail.subarray(before + 1, count - 1));
    return record.ok ? record.value : undefined;
  } finally {
    closeSync(fd);
  }
}

function* chunks(fd: number): Generator<Buffer> {
  for (;;) {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    const count = readSync(fd, chunk, 0, chunk.length, null);
    if (count === 0) return;
    yield chunk.subarray(0, count);
  }
}
