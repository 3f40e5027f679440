import type { Cell } from '../recording/cell.ts';
import { decodeFrames } from '../recording/frames.ts';
import type { FramesSource } from '../recording/frames-source.ts';
import { openFrames } from '../recording/open-frames.ts';
import { readRecords } from '../recording/read.ts';
import type { ActionRecord, RecordedParameter, ResultRecord, SessionEnd, SessionStart } from '../recording/record.ts';
import type { FramesSeal } from '../recording/recorder.ts';
import type { StoredRecord } from '../recording/stored-record.ts';
import { verifySession } from '../recording/verify.ts';
import { harmless, harmlessBlock } from './terminal-text.ts';
import { textTable } from './text-table.ts';

const indent = '    ';

/** A session for people, in blocks of lines. Everything that came from outside is made harmless to the terminal. */
export function* replayAsText(directory: string, maxRows: number): Generator<string> {
  const { status, finding } = verifySession(directory);
  yield `recording ${status}${finding === undefined ? '' : `: ${finding.line === undefined ? '' : `line ${finding.line}: `}${harmless(finding.reason)}`}`;
  const frames = openFrames(directory);
  const outcomeUnknown = new Set<number>();
  try {
    for (const line of readRecords(directory)) {
      if ('problem' in line) {
        yield `\nline ${line.number}: ${harmless(line.problem)}`;
        continue;
      }
      const { record } = line;
      if (record.kind === 'Action' && record.decision.verdict === 'Allow') outcomeUnknown.add(record.action);
      if (record.kind === 'Result') outcomeUnknown.delete(record.action);
      yield* block(record, frames, maxRows);
    }
  } finally {
    frames.close();
  }
  // It was let through: whether it ran to its end, and what it returned, stands nowhere.
  for (const number of outcomeUnknown) yield `  #${number} outcome unknown: no result was recorded`;
}

function* block(record: StoredRecord, frames: FramesSource, maxRows: number): Generator<string> {
  if (record.missed !== undefined) yield `\n${record.missed} calls of the recorder failed here: something is missing`;
  if ((record.kind === 'Result' || record.kind === 'SessionEnd') && record.frames !== undefined) yield* rows(frames, record.frames, maxRows);
  if (record.kind === 'Action') yield* action(record, record.at);
  else yield single(record);
}

function single(record: Exclude<StoredRecord, ActionRecord>): string {
  switch (record.kind) {
    case 'SessionStart':
      return started(record, record.at);
    case 'Result':
      return result(record);
    case 'Note':
      return `\n${harmless(`${record.at}  ${record.level} ${record.reason}: ${record.message}`)}`;
    case 'SessionEnd':
      return `\n${harmless(ended(record, record.at))}`;
  }
}

function ended(record: SessionEnd, at: string): string {
  const message = record.message === undefined ? '' : `, ${record.message}`;
  return `${at}  ended: ${record.reason}${message} (${record.actions} statements, ${record.denied} denied, ${record.rows} rows)`;
}

function started(record: SessionStart, at: string): string {
  const { subject, claimed } = record;
  const claims = [claimed.user === undefined ? '' : `as ${claimed.user}`, claimed.applicationName ?? ''].filter((claim) => claim !== '');
  return [
    `${at}  session ${record.session} on ${record.connection}`,
    `${indent}subject   ${subject.name}${subject.credentialId === undefined ? '' : ` (credential ${subject.credentialId})`}`,
    `${indent}client    ${record.peer}${record.isEncrypted ? ', TLS' : ', not encrypted'}${claims.length === 0 ? '' : `; says: ${claims.join(', ')}`}`,
    `${indent}revision  ${record.revision}`,
  ]
    .map(harmless)
    .join('\n');
}

function* action(record: ActionRecord, at: string): Generator<string> {
  const { decision } = record;
  const rule = decision.rule === undefined ? '' : ` by ${decision.rule.policy} rule ${decision.rule.rule}`;
  const wouldBe = decision.wouldBe === undefined ? '' : `, would be: ${decision.wouldBe}`;
  yield `\n${harmless(`${at}  #${record.action} ${record.via}  ${decision.verdict} (${decision.code})${rule}${wouldBe}`)}`;
  yield harmlessBlock(record.statement, indent);
  if (record.forwarded !== undefined) yield `  sent as\n${harmlessBlock(record.forwarded, indent)}`;
  if (record.parameters !== undefined && record.parameters.length > 0) {
    yield `  parameters ${record.parameters.map((parameter, index) => `$${index + 1} = ${parameterText(parameter)}`).join(', ')}`;
  }
  const masked = record.statements.flatMap((statement) => statement.masked);
  if (masked.length > 0) yield `  masked ${harmless(masked.join(', '))}`;
  if (record.reason !== undefined) yield `  reason given: ${harmless(record.reason)}`;
  if (decision.message !== undefined && decision.verdict !== 'Allow') yield `  ${harmless(decision.message)}`;
}

function parameterText(parameter: RecordedParameter): string {
  if ('digest' in parameter) return harmless(parameter.digest);
  if ('base64' in parameter) return `base64:${harmless(parameter.base64)}`;
  return parameter.text === null ? 'NULL' : `'${harmless(parameter.text)}'`;
}

function result(record: ResultRecord): string {
  const outcome = record.error === undefined ? (record.tag ?? 'done') : `error ${record.error.sqlstate}: ${record.error.message}`;
  return `  #${record.action} ${harmless(outcome)}, ${record.rows} rows, ${record.durationMs} ms`;
}

/** The rows of one result, a table for each RowDescription; COPY data line by line. */
function* rows(source: FramesSource, range: FramesSeal, maxRows: number): Generator<string> {
  let columns: readonly string[] = [];
  let table: string[][] = [];
  let count = 0;
  for (const item of decodeFrames(source, range)) {
    if (item.kind === 'Columns') {
      if (table.length > 0) yield textTable(columns, table, indent);
      columns = item.columns;
      table = [];
      continue;
    }
    if (item.kind === 'Malformed') {
      yield `${indent}(${harmless(item.message)})`;
      break;
    }
    if (++count > maxRows) {
      yield* shown(columns, table);
      yield `${indent}(more rows; see --rows)`;
      return;
    }
    if (item.kind === 'Row') table.push(item.cells.map(cellText));
    else yield harmlessBlock(cellText(item.data).replace(/\n$/, ''), indent);
  }
  yield* shown(columns, table);
}

function* shown(columns: readonly string[], table: readonly string[][]): Generator<string> {
  if (columns.length > 0 || table.length > 0) yield textTable(columns, table, indent);
}

function cellText(cell: Cell): string {
  if (cell === null) return 'NULL';
  return typeof cell === 'string' ? cell : `base64:${cell.base64}`;
}
