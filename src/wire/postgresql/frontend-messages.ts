import { FrameCursor } from './frame-cursor.ts';
import { FrameError } from './frame-error.ts';
import { FrameWriter } from './frame-writer.ts';
import { frontendType, headerBytes } from './message-type.ts';

export interface ParseMessage {
  readonly name: string;
  readonly text: string;
  readonly parameterTypes: readonly number[];
  /** The text's own bytes, to tell invalid UTF-8 from U+FFFD. */
  readonly textBytes: Buffer;
}

export interface BindMessage {
  readonly portal: string;
  readonly statement: string;
  /** None: all text. One: for all. Else one for each value. 0 is text, 1 binary. */
  readonly parameterFormats: readonly number[];
  /** Views of the frame; null is SQL's NULL. */
  readonly values: readonly (Buffer | null)[];
  readonly resultFormats: readonly number[];
}

export interface ExecuteMessage {
  readonly portal: string;
  /** 0: all rows. */
  readonly maxRows: number;
}

/** Describe and Close name a prepared statement (`S`) or a portal (`P`). */
export interface NamedMessage {
  readonly kind: 'Statement' | 'Portal';
  readonly name: string;
}

/** The text of a Query frame, without its closing NUL. */
export function decodeQuery(frame: Buffer): string {
  const cursor = new FrameCursor(frame);
  const text = cursor.text();
  cursor.end();
  return text;
}

/** A Query frame's text as bytes. */
export function queryBytes(frame: Buffer): Buffer {
  return frame.subarray(headerBytes, frame.length - 1);
}

export function decodeParse(frame: Buffer): ParseMessage {
  const cursor = new FrameCursor(frame);
  const name = cursor.text();
  const start = cursor.at;
  const text = cursor.text();
  const textBytes = frame.subarray(start, cursor.at - 1);
  const parameterTypes = list(cursor, () => cursor.uint32());
  cursor.end();
  return { name, text, parameterTypes, textBytes };
}

export function decodeBind(frame: Buffer): BindMessage {
  const cursor = new FrameCursor(frame);
  const portal = cursor.text();
  const statement = cursor.text();
  const parameterFormats = list(cursor, () => cursor.int16());
  const values = list(cursor, () => value(cursor));
  const resultFormats = list(cursor, () => cursor.int16());
  cursor.end();
  return { portal, statement, parameterFormats, values, resultFormats };
}

export function decodeExecute(frame: Buffer): ExecuteMessage {
  const cursor = new FrameCursor(frame);
  const portal = cursor.text();
  const maxRows = cursor.int32();
  cursor.end();
  return { portal, maxRows };
}

export function decodeNamed(frame: Buffer): NamedMessage {
  const cursor = new FrameCursor(frame);
  const kind = cursor.byte();
  const name = cursor.text();
  cursor.end();
  if (kind === 0x53) return { kind: 'Statement', name };
  if (kind === 0x50) return { kind: 'Portal', name };
  throw new FrameError('a message names neither a statement nor a portal');
}

export function decodePassword(frame: Buffer): string {
  const cursor = new FrameCursor(frame);
  const password = cursor.text();
  cursor.end();
  return password;
}

export function encodeQuery(text: string): Buffer {
  return new FrameWriter().text(text).frame(frontendType.Query);
}

export function encodeParse(name: string, text: string, parameterTypes: readonly number[]): Buffer {
  const writer = new FrameWriter().text(name).text(text).int16(parameterTypes.length);
  for (const type of parameterTypes) writer.int32(type);
  return writer.frame(frontendType.Parse);
}

/** A Bind without parameters whose results come as text. */
export function encodePlainBind(portal: string, statement: string): Buffer {
  return new FrameWriter().text(portal).text(statement).int16(0).int16(0).int16(0).frame(frontendType.Bind);
}

export function encodeDescribe(message: NamedMessage): Buffer {
  return named(message).frame(frontendType.Describe);
}

export function encodeClose(message: NamedMessage): Buffer {
  return named(message).frame(frontendType.Close);
}

export function encodeExecute(portal: string, maxRows: number): Buffer {
  return new FrameWriter().text(portal).int32(maxRows).frame(frontendType.Execute);
}

export const flushFrame: Buffer = new FrameWriter().frame(frontendType.Flush);
export const syncFrame: Buffer = new FrameWriter().frame(frontendType.Sync);
export const terminateFrame: Buffer = new FrameWriter().frame(frontendType.Terminate);

function named(message: NamedMessage): FrameWriter {
  return new FrameWriter().byte(message.kind === 'Statement' ? 0x53 : 0x50).text(message.name);
}

function list<T>(cursor: FrameCursor, item: () => T): T[] {
  const count = cursor.int16();
  const items: T[] = [];
  for (let index = 0; index < count; index++) items.push(item());
  return items;
}

function value(cursor: FrameCursor): Buffer | null {
  const length = cursor.int32();
  return length === -1 ? null : cursor.bytes(length);
}
