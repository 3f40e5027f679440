import { messageOf } from '../lib/coded-error.ts';
import { decodeRowDescription, type FieldDescription } from '../wire/postgresql/backend-messages.ts';
import { FrameCursor } from '../wire/postgresql/frame-cursor.ts';
import { backendType, headerBytes } from '../wire/postgresql/message-type.ts';
import { binaryCell, type Cell, textCell } from './cell.ts';
import type { FramesSource } from './frames-source.ts';

/** What recorded frames hold, in the order in which the agent received it. */
export type FrameItem =
  | { readonly kind: 'Columns'; readonly columns: readonly string[] }
  | { readonly kind: 'Row'; readonly cells: readonly Cell[] }
  | { readonly kind: 'CopyData'; readonly data: Cell }
  /** Reading cannot go on: the frames were cut off, or are none. */
  | { readonly kind: 'Malformed'; readonly message: string };

const windowBytes = 1024 * 1024;

/** Decodes a part of a session's frames; one row at a time, so that a reader may stop early. */
export function* decodeFrames(source: FramesSource, range: { readonly offset: number; readonly length: number }): Generator<FrameItem> {
  let columns: readonly FieldDescription[] = [];
  try {
    for (const frame of cutFrames(source, range.offset, range.offset + range.length)) {
      if (frame[0] === backendType.RowDescription) {
        columns = decodeRowDescription(frame);
        yield { kind: 'Columns', columns: columns.map((column) => column.name) };
      } else if (frame[0] === backendType.DataRow) {
        yield { kind: 'Row', cells: decodeRow(frame, columns) };
      } else if (frame[0] === backendType.CopyData) {
        yield { kind: 'CopyData', data: textCell(frame.subarray(headerBytes)) };
      }
    }
  } catch (error) {
    yield { kind: 'Malformed', message: messageOf(error) };
  }
}

function decodeRow(frame: Buffer, columns: readonly FieldDescription[]): Cell[] {
  const cursor = new FrameCursor(frame);
  const count = cursor.int16();
  const cells: Cell[] = [];
  for (let at = 0; at < count; at++) {
    const length = cursor.int32();
    if (length === -1) {
      cells.push(null);
      continue;
    }
    const column = columns[at];
    const bytes = cursor.bytes(length);
    cells.push(column?.format === 1 ? binaryCell(bytes, column.typeOid) : textCell(bytes));
  }
  cursor.end();
  return cells;
}

/** Whole frames between two offsets, through a window that is read ahead. */
function* cutFrames(source: FramesSource, start: number, end: number): Generator<Buffer> {
  let window: Buffer = Buffer.alloc(0);
  let windowAt = start;
  const take = (at: number, length: number): Buffer => {
    if (at + length > end) throw new Error('the frames end within a message');
    if (at + length > windowAt + window.length) {
      window = source.read(at, Math.max(length, Math.min(windowBytes, end - at)));
      windowAt = at;
      if (window.length < length) throw new Error('the frames file ends too early');
    }
    return window.subarray(at - windowAt, at - windowAt + length);
  };
  for (let at = start; at < end; ) {
    const length = take(at, headerBytes).readInt32BE(1);
    if (length < 4) throw new Error(`a message of length ${length}`);
    yield take(at, length + 1);
    at += length + 1;
  }
}
