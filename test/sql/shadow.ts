/** A second database in which the masked cells really hold what the masks show: what unmasked statements say there is what masked ones must say. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { hashKeySetting } from '../../src/mask/column-mask.ts';
import { quoteIdentifier, quoteName } from '../../src/sql/quote.ts';
import { datasetLogins, loadDataset } from '../support/postgres.ts';
import type { MaskList, PlannedShop } from './planned-shop.ts';

export const hostile = readFileSync(join(import.meta.dirname, 'hostile.sql'), 'utf8');
const options = `-c ${hashKeySetting}=a-key-of-tests`;

export async function createShadow(shop: PlannedShop, masks: MaskList): Promise<pg.Client> {
  const { postgres } = shop;
  await loadDataset(postgres, 'shadow');
  await postgres.sql(hostile, 'shadow');
  const owner = new pg.Client({ host: postgres.socketDirectory, port: postgres.port, user: postgres.superuser.user, database: 'shadow', options });
  await owner.connect();
  try {
    // Constraints that masked values would break, and what is computed from raw ones.
    await owner.query('ALTER TABLE public.customers DROP CONSTRAINT customers_email_key CASCADE; ALTER TABLE public.profiles ALTER email_domain DROP EXPRESSION');
    for (const { text } of maskingUpdates(shop, masks)) await owner.query(text);
    await owner.query('REFRESH MATERIALIZED VIEW public.mv_directory; REFRESH MATERIALIZED VIEW public.mv_filtered');
    // Rows lie where they lie in the shop, for TABLESAMPLE.
    await owner.query('VACUUM (FULL, ANALYZE)');
  } finally {
    await owner.end();
  }
  const { app } = datasetLogins;
  const client = new pg.Client({ host: '127.0.0.1', port: postgres.port, database: 'shadow', user: app.user, password: app.password, options });
  await client.connect();
  return client;
}

function maskingUpdates(shop: PlannedShop, masks: MaskList): readonly { readonly text: string }[] {
  const origins = shop.plan('SELECT 1', masks).statements[0]?.mustNotOriginate ?? new Map<number, ReadonlySet<number>>();
  return [...origins].flatMap(([oid, numbers]) => {
    const relation = shop.catalogue.relations.get(oid);
    if (relation === undefined || relation.isSystem || relation.kind !== 'Table') return [];
    const name = quoteName(relation.schema, relation.name);
    const columns = relation.columns.filter(({ number }) => numbers.has(number)).map((column) => quoteIdentifier(column.name));
    const read = shop.plan(`SELECT t.ctid AS place, t.tableoid AS home, ${columns.map((column) => `t.${column}`).join(', ')} FROM ONLY ${name} AS t`, masks).text;
    return [{ text: `UPDATE ONLY ${name} SET ${columns.map((column) => `${column} = masked.${column}`).join(', ')} FROM (${read}) AS masked WHERE ${name}.ctid = masked.place` }];
  });
}
