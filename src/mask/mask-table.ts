/**
 * What each mask makes of each type, as data. `mask-sql.ts` turns a treatment into SQL, `mask-value.ts` into
 * a value, `hack/mask-table.ts` into the table of docs/masks.md. The invariant: a pair that is not named here
 * gives NULL, so a type that nobody thought of shows nothing.
 */
import type { Mask } from '../bundle/bundle.ts';

export const treatments = {
  Null: 'NULL',
  Stars: '`****`',
  JsonStars: '`"****"`',
  EmptyBytes: 'no bytes (`\\x`)',
  HexDigest: '32 hexadecimal digits of the keyed digest',
  NumberDigest: 'a number from 0 up, from the keyed digest',
  UuidDigest: 'a UUID from the keyed digest',
  BytesDigest: '16 bytes of the keyed digest',
  PeriodStart: 'the first moment of its year or month',
  BucketFloor: 'the lower bound of its bucket',
  First: 'the first characters and `****`',
  Last: '`****` and the last characters',
  EmailShape: 'first character, `****`, `@` and domain',
} as const;
export type Treatment = keyof typeof treatments;

export type MaskType = Mask['type'];

const allNull: Readonly<Record<MaskType, Treatment>> = {
  Null: 'Null', Redact: 'Null', Hash: 'Null', Truncate: 'Null', Range: 'Null', KeepFirst: 'Null', KeepLast: 'Null', Email: 'Null',
};

const integer = { ...allNull, Hash: 'NumberDigest', Range: 'BucketFloor' } as const;
const text = { ...allNull, Redact: 'Stars', Hash: 'HexDigest', KeepFirst: 'First', KeepLast: 'Last', Email: 'EmailShape' } as const;
const moment = { ...allNull, Truncate: 'PeriodStart' } as const;
const json = { ...allNull, Redact: 'JsonStars' } as const;
const float = { ...allNull, Range: 'BucketFloor' } as const;

/** By the name of the type in pg_catalog; whatever has no row here gives NULL for every mask. */
export const maskTable = {
  text,
  varchar: text,
  bpchar: text,
  name: text,
  citext: text,
  int2: integer,
  int4: integer,
  int8: integer,
  numeric: integer,
  float4: float,
  float8: float,
  date: moment,
  timestamp: moment,
  timestamptz: moment,
  uuid: { ...allNull, Hash: 'UuidDigest' },
  bytea: { ...allNull, Redact: 'EmptyBytes', Hash: 'BytesDigest' },
  json,
  jsonb: json,
} as const satisfies Readonly<Record<string, Readonly<Record<MaskType, Treatment>>>>;

export type MaskableType = keyof typeof maskTable;

export function isMaskable(name: string): name is MaskableType {
  return Object.hasOwn(maskTable, name);
}


