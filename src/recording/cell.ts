/** One value as an agent received it: text, NULL, or bytes that nobody here can read. */
export type Cell = string | null | { readonly base64: string };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function textCell(bytes: Uint8Array): Cell {
  try {
    return utf8.decode(bytes);
  } catch {
    return base64Cell(bytes);
  }
}

/** PostgreSQL's binary forms of the common types as its text forms; everything else stays base64. */
export function binaryCell(bytes: Buffer, typeOid: number): Cell {
  const decode = binaryTypes.get(typeOid);
  try {
    return decode?.(bytes) ?? base64Cell(bytes);
  } catch {
    // A length that does not fit the type.
    return base64Cell(bytes);
  }
}

function base64Cell(bytes: Uint8Array): Cell {
  return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64') };
}

type Decode = (bytes: Buffer) => Cell | undefined;

/** PostgreSQL counts from 2000-01-01. */
const epochMs = Date.UTC(2000, 0, 1);
const maxDateMs = 8.64e15;

function fixed(length: number, decode: (bytes: Buffer) => string | undefined): Decode {
  return (bytes) => (bytes.length === length ? decode(bytes) : undefined);
}

function isoText(ms: number, micros: string): string | undefined {
  // Infinity and years outside four digits are left undecoded.
  if (Math.abs(ms) > maxDateMs) return undefined;
  const iso = new Date(ms).toISOString();
  return /^\d{4}-/.test(iso) ? `${iso.slice(0, 10)} ${iso.slice(11, 19)}${micros}` : undefined;
}

function timestamp(bytes: Buffer): string | undefined {
  const total = bytes.readBigInt64BE(0);
  const micros = ((total % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = (total - micros) / 1_000_000n;
  const fraction = micros === 0n ? '' : `.${String(micros).padStart(6, '0').replace(/0+$/, '')}`;
  return isoText(Number(seconds) * 1_000 + epochMs, fraction);
}

function uuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** By type OID, as pg_type has them in every PostgreSQL. */
const binaryTypes: ReadonlyMap<number, Decode> = new Map<number, Decode>([
  [16, fixed(1, (bytes) => (bytes[0] === 0 ? 'f' : 't'))],
  [17, (bytes) => `\\x${bytes.toString('hex')}`],
  [20, fixed(8, (bytes) => String(bytes.readBigInt64BE(0)))],
  [21, fixed(2, (bytes) => String(bytes.readInt16BE(0)))],
  [23, fixed(4, (bytes) => String(bytes.readInt32BE(0)))],
  [26, fixed(4, (bytes) => String(bytes.readUInt32BE(0)))],
  [700, fixed(4, (bytes) => String(Number(bytes.readFloatBE(0).toPrecision(7))))],
  [701, fixed(8, (bytes) => String(bytes.readDoubleBE(0)))],
  [1082, fixed(4, (bytes) => isoText(bytes.readInt32BE(0) * 86_400_000 + epochMs, '')?.slice(0, 10))],
  [1114, fixed(8, timestamp)],
  [1184, fixed(8, (bytes) => timestamp(bytes)?.concat('+00'))],
  [2950, fixed(16, uuid)],
  // jsonb: a version byte, then text.
  [3802, (bytes) => (bytes[0] === 1 ? textCell(bytes.subarray(1)) : undefined)],
  // name, text, json, xml, bpchar, varchar
  ...[19, 25, 114, 142, 1042, 1043].map((oid): [number, Decode] => [oid, textCell]),
]);
