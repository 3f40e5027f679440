import { FrameCursor } from './frame-cursor.ts';
import { FrameWriter } from './frame-writer.ts';
import { backendType } from './message-type.ts';

/** Fields of an ErrorResponse or NoticeResponse by their one-letter codes, such as `C` for the SQLSTATE. */
export type ReportFields = ReadonlyMap<string, string>;

/** An error or notice of our own making. */
export interface Report {
  readonly severity: 'ERROR' | 'FATAL' | 'NOTICE' | 'WARNING';
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  /** Counted in characters from 1. */
  readonly position?: number | undefined;
}

export interface FieldDescription {
  readonly name: string;
  /** 0 where the field is no plain column. */
  readonly tableOid: number;
  readonly attribute: number;
  readonly typeOid: number;
  /** 0 text, 1 binary; 0 too where the answer is to Describe of a statement. */
  readonly format: number;
}

export type TransactionStatus = 'Idle' | 'InTransaction' | 'Failed';

export function encodeError(report: Report): Buffer {
  return encodeFields(backendType.ErrorResponse, fieldsOf(report));
}

export function encodeNotice(report: Report): Buffer {
  return encodeFields(backendType.NoticeResponse, fieldsOf(report));
}

/** NUL cannot stand in a field; where a text of ours quotes one it is dropped. */
export function encodeFields(type: number, fields: ReportFields): Buffer {
  const writer = new FrameWriter();
  for (const [code, value] of fields) writer.byte(code.charCodeAt(0)).text(value.replaceAll('\0', ''));
  return writer.byte(0).frame(type);
}

/** The fields of an ErrorResponse or NoticeResponse. */
export function decodeFields(frame: Buffer): ReportFields {
  const cursor = new FrameCursor(frame);
  const fields = new Map<string, string>();
  for (;;) {
    const code = cursor.byte();
    if (code === 0) break;
    fields.set(String.fromCharCode(code), cursor.text());
  }
  cursor.end();
  return fields;
}

export function encodeReadyForQuery(status: TransactionStatus): Buffer {
  const letter = status === 'Idle' ? 0x49 : status === 'InTransaction' ? 0x54 : 0x45;
  return new FrameWriter().byte(letter).frame(backendType.ReadyForQuery);
}

export function decodeReadyForQuery(frame: Buffer): TransactionStatus {
  const letter = new FrameCursor(frame).byte();
  if (letter === 0x49) return 'Idle';
  return letter === 0x54 ? 'InTransaction' : 'Failed';
}

export function encodeParameterStatus(name: string, value: string): Buffer {
  return new FrameWriter().text(name).text(value).frame(backendType.ParameterStatus);
}

export function decodeParameterStatus(frame: Buffer): { readonly name: string; readonly value: string } {
  const cursor = new FrameCursor(frame);
  const name = cursor.text();
  return { name, value: cursor.text() };
}

export interface Notification {
  readonly processId: number;
  readonly channel: string;
  readonly payload: string;
}

export function decodeNotification(frame: Buffer): Notification {
  const cursor = new FrameCursor(frame);
  const processId = cursor.int32();
  const channel = cursor.text();
  const payload = cursor.text();
  cursor.end();
  return { processId, channel, payload };
}

export function encodeNotification(processId: number, channel: string, payload: string): Buffer {
  return new FrameWriter().int32(processId).text(channel).text(payload).frame(backendType.NotificationResponse);
}

export function encodeBackendKeyData(processId: number, key: Buffer): Buffer {
  return new FrameWriter().int32(processId).bytes(key).frame(backendType.BackendKeyData);
}

export const authenticationOk: Buffer = new FrameWriter().int32(0).frame(backendType.Authentication);
export const authenticationCleartextPassword: Buffer = new FrameWriter().int32(3).frame(backendType.Authentication);

/** The newest minor version that we speak, and the `_pq_.` options that we do not know. */
export function encodeNegotiateProtocolVersion(minor: number, unknownOptions: readonly string[]): Buffer {
  const writer = new FrameWriter().int32(minor).int32(unknownOptions.length);
  for (const option of unknownOptions) writer.text(option);
  return writer.frame(backendType.NegotiateProtocolVersion);
}

export function encodeCommandComplete(tag: string): Buffer {
  return new FrameWriter().text(tag).frame(backendType.CommandComplete);
}

export function decodeCommandComplete(frame: Buffer): string {
  return new FrameCursor(frame).text();
}

/** The number of rows that a command tag such as `INSERT 0 5` or `UPDATE 3` counts; undefined where it counts none. */
export function rowsOfTag(tag: string): number | undefined {
  const last = tag.slice(tag.lastIndexOf(' ') + 1);
  return last !== tag && /^\d+$/.test(last) ? Number(last) : undefined;
}

export function decodeRowDescription(frame: Buffer): FieldDescription[] {
  const cursor = new FrameCursor(frame);
  const count = cursor.int16();
  const fields: FieldDescription[] = [];
  for (let index = 0; index < count; index++) {
    const name = cursor.text();
    const tableOid = cursor.uint32();
    const attribute = cursor.int16();
    const typeOid = cursor.uint32();
    cursor.bytes(6);
    fields.push({ name, tableOid, attribute, typeOid, format: cursor.int16() });
  }
  cursor.end();
  return fields;
}

export function decodeParameterDescription(frame: Buffer): number[] {
  const cursor = new FrameCursor(frame);
  const count = cursor.int16();
  const types: number[] = [];
  for (let index = 0; index < count; index++) types.push(cursor.uint32());
  cursor.end();
  return types;
}

function fieldsOf(report: Report): ReportFields {
  const fields = new Map([
    ['S', report.severity],
    ['V', report.severity],
    ['C', report.sqlstate],
    ['M', report.message],
  ]);
  if (report.detail !== undefined) fields.set('D', report.detail);
  if (report.hint !== undefined) fields.set('H', report.hint);
  if (report.position !== undefined) fields.set('P', String(report.position));
  return fields;
}
