import type { Cell } from '../recording/cell.ts';
import { decodeFrames } from '../recording/frames.ts';
import type { FramesSource } from '../recording/frames-source.ts';
import { openFrames } from '../recording/open-frames.ts';
import { readRecords } from '../recording/read.ts';
import type { StoredRecord } from '../recording/stored-record.ts';
import { harmlessJson } from './terminal-text.ts';

interface DecodedFrames {
  readonly columns: readonly string[];
  readonly data: readonly (readonly Cell[])[];
  readonly copyData: readonly Cell[];
  /** More was sent than `--rows` asked for. */
  readonly isShortened: boolean;
  readonly problem?: string;
}

/** Every record as it stands, results with their rows decoded beside it. */
export function* replayAsJson(directory: string, maxRows: number): Generator<string> {
  const frames = openFrames(directory);
  try {
    for (const line of readRecords(directory)) {
      if ('problem' in line) yield harmlessJson({ line: line.number, problem: line.problem });
      else yield harmlessJson({ ...line.record, ...decoded(line.record, frames, maxRows) });
    }
  } finally {
    frames.close();
  }
}

function decoded(record: StoredRecord, source: FramesSource, maxRows: number): { readonly decoded?: DecodedFrames } {
  if ((record.kind !== 'Result' && record.kind !== 'SessionEnd') || record.frames === undefined) return {};
  let columns: readonly string[] = [];
  const data: (readonly Cell[])[] = [];
  const copyData: Cell[] = [];
  for (const item of decodeFrames(source, record.frames)) {
    if (item.kind === 'Malformed') return { decoded: { columns, data, copyData, isShortened: false, problem: item.message } };
    if (item.kind === 'Columns') {
      columns = item.columns;
      continue;
    }
    if (data.length + copyData.length >= maxRows) return { decoded: { columns, data, copyData, isShortened: true } };
    if (item.kind === 'Row') data.push(item.cells);
    else copyData.push(item.data);
  }
  return { decoded: { columns, data, copyData, isShortened: false } };
}
