import { expect, test } from '@jest/globals';
import { maskSql } from '../../src/mask/mask-sql.ts';
import { isCatalogType, pinnedType } from '../../src/mask/pinned-sql.ts';

test.each<[string, string, boolean]>([
  ['text', 'pg_catalog.text', true],
  ['text[]', 'pg_catalog.text[]', true],
  ['"char"', 'pg_catalog."char"', true],
  ['bpchar', 'pg_catalog.bpchar', true],
  ['character varying(50)', 'character varying(50)', true],
  ['timestamp(3) without time zone', 'timestamp(3) without time zone', true],
  ['interval day to second(3)', 'interval day to second(3)', true],
  ['pg_catalog.varchar(50)[]', 'pg_catalog.varchar(50)[]', true],
  ['"pg_catalog"."varchar"(50)', '"pg_catalog"."varchar"(50)', true],
  ['public.mood', 'public.mood', false],
  ['"a.b"."c"', '"a.b"."c"', false],
  ['"pg_catalog.x".text', '"pg_catalog.x".text', false],
])('%s is written as %s', (typeSql, pinned, isOfCatalog) => {
  expect(pinnedType(typeSql)).toBe(pinned);
  expect(isCatalogType(typeSql)).toBe(isOfCatalog);
});

test.each(['public.citext', '"public"."citext"'])('%s is masked as a text', (declaredSql) => {
  const type = { baseName: '', isArray: false, kind: 'Base', category: 'S', declaredSql, isDomain: false, baseSql: '' } as const;
  expect(maskSql({ type: 'KeepLast', count: 4 }, 'c', type)).toContain('pg_catalog.right');
  expect(maskSql({ type: 'KeepLast', count: 4 }, 'c', { ...type, declaredSql: 'public.other' })).toBe('CAST(NULL AS public.other)');
});
