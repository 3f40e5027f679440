import type { ColumnType } from '../mask/column-mask.ts';
import type { Catalogue, Column, PgType } from './catalogue.ts';
import { quoteName } from './quote.ts';

/** A column's type in the words of the mask room, every name pinned to its schema. */
export function columnTypeOf(catalogue: Catalogue, column: Column): ColumnType {
  const declared = catalogue.types.get(column.typeOid);
  if (declared === undefined) return unknownType(column);
  const isDomain = declared.kind === 'Domain';
  const base = isDomain && declared.baseOid !== undefined ? (catalogue.types.get(declared.baseOid) ?? declared) : declared;
  const element = base.elementOid === undefined ? undefined : catalogue.types.get(base.elementOid);
  const scalar = element ?? base;
  return {
    baseName: scalar.schema === 'pg_catalog' ? scalar.name : '',
    isArray: element !== undefined,
    kind: scalar.kind,
    category: scalar.category,
    declaredSql: pinned(declared, isDomain ? undefined : element, isDomain ? '' : modifierOf(scalar, column.typeSql)),
    isDomain,
    baseSql: pinned(base, element, ''),
  };
}

function unknownType(column: Column): ColumnType {
  return { baseName: '', isArray: false, kind: 'Pseudo', category: 'X', declaredSql: column.typeSql, isDomain: false, baseSql: column.typeSql };
}

function pinned(type: PgType, element: PgType | undefined, modifier: string): string {
  if (element !== undefined) return `${quoteName(element.schema, element.name)}${modifier}[]`;
  return `${quoteName(type.schema, type.name)}${modifier}`;
}

/** `(50)` of `character varying(50)`, `(3)` of `timestamp(3) without time zone`; an interval's fields cannot be written after a pinned name. */
function modifierOf(type: PgType, typeSql: string): string {
  if (type.schema !== 'pg_catalog' || type.name === 'interval') return '';
  return /\(-?\d+(?:,-?\d+)*\)/.exec(typeSql)?.[0] ?? '';
}
