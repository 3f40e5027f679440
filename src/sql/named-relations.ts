import type { Node, RangeVar } from '@pgsql/types';
import { strings, unwrap } from './tree.ts';

export interface NamedRelation {
  readonly range: RangeVar;
  /** The statement makes it. */
  readonly isNew: boolean;
  readonly isTemporary: boolean;
}

/** Object types of DROP, COMMENT and the like whose names are relations. */
const relationObjects: ReadonlySet<string> = new Set(['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_SEQUENCE', 'OBJECT_INDEX', 'OBJECT_FOREIGN_TABLE']);
/** Object types named by their table with a part behind: the table is what is touched. */
const partObjects: ReadonlySet<string> = new Set(['OBJECT_COLUMN', 'OBJECT_TRIGGER', 'OBJECT_RULE', 'OBJECT_POLICY', 'OBJECT_TABCONSTRAINT']);

/** Every relation that a definition names, directly or as the table it hangs on. */
export function namedRelations(node: Node): readonly NamedRelation[] {
  const found: NamedRelation[] = [];
  const outer = unwrap(node);
  if (outer === undefined) return found;
  const madeBy = makers[outer.type];
  collect(outer.body, found, madeBy);
  if ('DropStmt' in node) found.push(...droppedRelations(node.DropStmt.removeType, node.DropStmt.objects));
  if ('CommentStmt' in node) found.push(...objectRelations(node.CommentStmt.objtype, node.CommentStmt.object));
  if ('SecLabelStmt' in node) found.push(...objectRelations(node.SecLabelStmt.objtype, node.SecLabelStmt.object));
  return found;
}

/** Member that holds the new relation's name, by statement. */
const makers: Readonly<Record<string, string>> = { CreateStmt: 'relation', CreateSeqStmt: 'sequence', CompositeTypeStmt: 'typevar' };

function collect(body: Readonly<Record<string, unknown>>, found: NamedRelation[], madeBy: string | undefined): void {
  const stack: { readonly name: string; readonly value: unknown; readonly depth: number }[] = Object.entries(body).map(([name, value]) => ({ name, value, depth: 0 }));
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { name, value, depth } = next;
    if (value === null || typeof value !== 'object') continue;
    if (isRangeVar(value)) {
      const isNew = depth === 0 && name === madeBy;
      found.push({ range: value, isNew, isTemporary: value.relpersistence === 't' || value.schemaname === 'pg_temp' });
      continue;
    }
    // Queries and expressions inside are analysed as such.
    const { type } = unwrap(value) ?? {};
    if (type === 'SelectStmt' || type === 'SubLink') continue;
    for (const [member, inner] of Object.entries(value)) stack.push({ name: member, value: inner, depth: depth + 1 });
  }
}

function isRangeVar(value: object): value is RangeVar {
  return 'relname' in value && 'relpersistence' in value;
}

function droppedRelations(type: string | undefined, objects: readonly Node[] | undefined): readonly NamedRelation[] {
  return (objects ?? []).flatMap((object) => objectRelations(type, object));
}

function objectRelations(type: string | undefined, object: Node | undefined): readonly NamedRelation[] {
  if (type === undefined || object === undefined || !('List' in object)) return [];
  const path = strings(object.List.items) ?? [];
  const names = partObjects.has(type) ? path.slice(0, -1) : relationObjects.has(type) ? path : [];
  const name = names.at(-1);
  if (name === undefined) return [];
  const schema = names.at(-2);
  return [{ range: { relname: name, ...(schema !== undefined && { schemaname: schema }) }, isNew: false, isTemporary: schema === 'pg_temp' }];
}
