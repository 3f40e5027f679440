import type { ValueDetector } from '../../mask/detect.ts';
import type { FieldDescription, ReportFields } from '../../wire/postgresql/backend-messages.ts';
import { backendType, headerBytes } from '../../wire/postgresql/message-type.ts';

/** How one column's values are written. */
export interface ColumnForm {
  readonly typeOid: number;
  /** 0 text, 1 binary. */
  readonly format: number;
}

/** Types whose binary form is their text: "char", name, text, json, xml, bpchar, varchar, unknown. */
const plainTypes: ReadonlySet<number> = new Set([18, 19, 25, 114, 142, 1042, 1043, 705]);
/** Its binary form is a version byte and its text. */
const jsonbType = 3802;
const byteaType = 17;
/** Fields of errors and notices that are codes and places, not words. */
const codeFields: ReadonlySet<string> = new Set(['S', 'V', 'C', 'P', 'p', 'F', 'L', 'R']);

/**
 * Looks into values on their way to the client and hides what detectors find. Works on runs of whole frames: a
 * run in which nothing may be found passes as it is; otherwise it is built anew, once.
 */
export class DetectRewriter {
  readonly #detector: ValueDetector;

  constructor(detector: ValueDetector) {
    this.#detector = detector;
  }

  /** The run with what was found hidden; undefined when nothing was. Columns that are not known are taken for text. */
  rewrite(chunk: Buffer, start: number, end: number, columns: readonly ColumnForm[]): Buffer | undefined {
    // Text in hexadecimal looks like nothing before it is read.
    if (!columns.some(isByteaText) && !this.#detector.mayFind(chunk, start, end)) return undefined;
    const parts: Buffer[] = [];
    let kept = start;
    for (let at = start; at < end; ) {
      const next = at + 1 + chunk.readUInt32BE(at + 1);
      const frame = chunk[at] === backendType.DataRow ? this.#row(chunk, at, next, columns) : this.#copy(chunk, at, next);
      if (frame !== undefined) {
        parts.push(chunk.subarray(kept, at), ...frame);
        kept = next;
      }
      at = next;
    }
    if (parts.length === 0) return undefined;
    parts.push(chunk.subarray(kept, end));
    return Buffer.concat(parts);
  }

  /** Whether something stands in these bytes that cannot be hidden in place, such as in a COPY in binary form. */
  finds(chunk: Buffer, start: number, end: number): boolean {
    return this.#detector.mayFind(chunk, start, end) && this.#detector.rewrite(chunk, start, end) !== undefined;
  }

  report(fields: ReportFields): ReportFields {
    return new Map([...fields].map(([code, value]) => [code, codeFields.has(code) ? value : this.#detector.rewriteText(value)]));
  }

  text(value: string): string {
    return this.#detector.rewriteText(value);
  }

  #row(chunk: Buffer, start: number, end: number, columns: readonly ColumnForm[]): Buffer[] | undefined {
    const count = chunk.readUInt16BE(start + headerBytes);
    const parts: Buffer[] = [];
    let kept = start + headerBytes;
    let grown = 0;
    for (let at = kept + 2, column = 0; column < count; column++) {
      const length = chunk.readInt32BE(at);
      const from = at + 4;
      at = from + Math.max(length, 0);
      if (length <= 0) continue;
      const value = this.#value(chunk, from, at, columns[column]);
      if (value === undefined) continue;
      parts.push(chunk.subarray(kept, from - 4), value);
      grown += value.length - 4 - length;
      kept = at;
    }
    if (parts.length === 0) return undefined;
    return [header(backendType.DataRow, end - start - 1 + grown), ...parts, chunk.subarray(kept, end)];
  }

  /** The value's new length and bytes; undefined when it stays. */
  #value(chunk: Buffer, from: number, to: number, form: ColumnForm | undefined): Buffer | undefined {
    if (form !== undefined && isByteaText(form) && this.#holdsHex(chunk, from, to)) return nullValue;
    if (form === undefined || form.format === 0 || plainTypes.has(form.typeOid)) return sized(this.#detector.rewrite(chunk, from, to));
    if (form.typeOid === jsonbType) {
      const json = this.#detector.rewrite(chunk, from + 1, to);
      return json === undefined ? undefined : sized(Buffer.concat([chunk.subarray(from, from + 1), json]));
    }
    // Lengths of parts stand inside, as in arrays: no part can be changed, so all of the value goes.
    return this.#detector.rewrite(chunk, from, to) === undefined ? undefined : nullValue;
  }

  #holdsHex(chunk: Buffer, from: number, to: number): boolean {
    if (chunk.toString('latin1', from, Math.min(from + 2, to)) !== '\\x') return false;
    const bytes = Buffer.from(chunk.toString('latin1', from + 2, to), 'hex');
    return this.finds(bytes, 0, bytes.length);
  }

  #copy(chunk: Buffer, start: number, end: number): Buffer[] | undefined {
    const line = this.#detector.rewrite(chunk, start + headerBytes, end);
    return line === undefined ? undefined : [header(backendType.CopyData, line.length + 4), line];
  }
}

/** Forms of the columns of a portal: the types from its description, the formats from its Bind. */
export function columnForms(fields: readonly FieldDescription[], resultFormats: readonly number[] | undefined): ColumnForm[] {
  return fields.map(({ typeOid, format }, index) => {
    const stated = resultFormats?.length === 1 ? resultFormats[0] : resultFormats?.[index];
    return { typeOid, format: resultFormats === undefined ? format : (stated ?? 0) };
  });
}

function isByteaText({ typeOid, format }: ColumnForm): boolean {
  return typeOid === byteaType && format === 0;
}

const nullValue = Buffer.from([0xff, 0xff, 0xff, 0xff]);

function header(type: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes);
  bytes.writeUInt8(type, 0);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

function sized(value: Buffer | undefined): Buffer | undefined {
  if (value === undefined) return undefined;
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, value]);
}
