/**
 * A mask as a SQL expression over one column. Three invariants: every name is pinned (pinned-sql.ts), no value
 * of the type makes the expression raise, and the result depends on the cell through the mask alone, so that
 * neither its length nor its scale tells more. NULL stays NULL; docs/masks.md says what becomes of the rest.
 */
import type { Mask } from '../bundle/bundle.ts';
import { assertNever } from '../lib/result.ts';
import { bucketFloor } from './bucket-sql.ts';
import type { Cell } from './cell.ts';
import type { ColumnType } from './column-mask.ts';
import { bytesDigest, hexDigest, numberDigest } from './digest-sql.ts';
import { isMaskable, maskTable, type MaskableType, type Treatment } from './mask-table.ts';
import { periodStart } from './period-sql.ts';
import { call, cast, infix, isCatalogType, pinnedType, text } from './pinned-sql.ts';
import { stars } from './stars.ts';
import { emailShape, keepFirst, keepLast, textOf } from './text-sql.ts';

/** The masked value of a column, of exactly the column's declared type; of its base type where that is a domain. */
export function maskSql(mask: Mask, columnSql: string, type: ColumnType): string {
  const typeSql = pinnedType(type.isDomain ? type.baseSql : type.declaredSql);
  const typeName = maskableName(type, typeSql);
  const treatment = typeName === undefined ? 'Null' : maskTable[typeName][mask.type];
  if (typeName === undefined || treatment === 'Null') return cast('NULL', typeSql);
  const masked = type.isArray
    ? maskedArray(mask, treatment, columnSql, typeName, typeSql)
    : maskedCell(mask, treatment, { sql: columnSql, typeName, typeSql });
  return cast(masked ?? 'NULL', typeSql);
}

function maskableName(type: ColumnType, typeSql: string): MaskableType | undefined {
  if (type.baseName === '') {
    // The one type of an extension that people keep addresses in; its casts from and to text are relabels.
    return !type.isArray && type.category === 'S' && /\.(?:citext|"citext")$/.test(typeSql) ? 'citext' : undefined;
  }
  // An array of a domain could only be built by running the domain's CHECK.
  if (!isCatalogType(typeSql) || type.isArray !== typeSql.endsWith('[]')) return undefined;
  return isMaskable(type.baseName) ? type.baseName : undefined;
}

/**
 * Element by element in order, for arrays of one dimension; others give NULL. A redacted array has one
 * element, so that it does not tell how many there were.
 */
function maskedArray(mask: Mask, treatment: Treatment, columnSql: string, typeName: MaskableType, typeSql: string): string | undefined {
  const elementSql = typeSql.slice(0, -'[]'.length);
  const fixed = constantOf(treatment);
  if (fixed !== undefined) return unlessNull(columnSql, `ARRAY[${cast(fixed, elementSql)}]`);
  const element = maskedCell(mask, treatment, { sql: '"item"."element"', typeName, typeSql: elementSql });
  if (element === undefined) return undefined;
  const elements =
    `(SELECT ${call('array_agg', `${cast(element, elementSql)} ORDER BY "item"."position"`)}` +
    ` FROM ${call('unnest', columnSql)} WITH ORDINALITY AS "item"("element", "position"))`;
  const isEmpty = infix(call('cardinality', columnSql), '=', '0');
  const isFlat = infix(call('array_ndims', columnSql), '=', '1');
  return `CASE WHEN ${isEmpty} THEN ${cast("'{}'", typeSql)} WHEN ${isFlat} THEN ${cast(elements, typeSql)} END`;
}

function constantOf(treatment: Treatment): string | undefined {
  if (treatment === 'Stars') return text(stars);
  if (treatment === 'JsonStars') return text(`"${stars}"`);
  if (treatment === 'EmptyBytes') return call('decode', text(''), text('hex'));
  return undefined;
}

function unlessNull(columnSql: string, value: string): string {
  return `CASE WHEN ${columnSql} IS NOT NULL THEN ${value} END`;
}

/** Undefined where this mask has nothing to say about this type with this modifier. */
function maskedCell(mask: Mask, treatment: Treatment, cell: Cell): string | undefined {
  const fixed = constantOf(treatment);
  if (fixed !== undefined) return unlessNull(cell.sql, cast(fixed, cell.typeSql));
  switch (mask.type) {
    case 'Null':
    case 'Redact':
      return undefined;
    case 'Hash':
      return maskedByDigest(treatment, cell);
    case 'Truncate':
      return periodStart(cell, mask.unit);
    case 'Range':
      return bucketFloor(cell, mask.width);
    case 'KeepFirst':
      return keepFirst(textOf(cell.sql), mask.count);
    case 'KeepLast':
      return keepLast(textOf(cell.sql), mask.count);
    case 'Email':
      return emailShape(textOf(cell.sql));
    default:
      return assertNever(mask);
  }
}

function maskedByDigest(treatment: Treatment, cell: Cell): string | undefined {
  if (treatment === 'NumberDigest') return numberDigest(cell);
  if (treatment === 'BytesDigest') return bytesDigest(cell);
  return treatment === 'UuidDigest' ? cast(hexDigest(cell), 'pg_catalog.uuid') : hexDigest(cell);
}
