import type { Node, SelectStmt } from '@pgsql/types';
import { strings, typeNameOf, unwrap } from './tree.ts';

/** Name of an output column. A guessed one follows PostgreSQL's rules for expressions, which may change. */
export interface OutputName {
  readonly name: string;
  readonly isGuessed: boolean;
}

/** Names of a plain SELECT's output columns; undefined where a star covers something unknown. */
export function selectNames(statement: SelectStmt, starNames: (qualifier: readonly string[]) => readonly OutputName[] | undefined): readonly OutputName[] | undefined {
  const names: OutputName[] = [];
  for (const target of statement.targetList ?? []) {
    if (!('ResTarget' in target)) return undefined;
    const { name, val } = target.ResTarget;
    const star = val !== undefined && 'ColumnRef' in val && isStar(val.ColumnRef.fields) ? val.ColumnRef : undefined;
    if (name === undefined && star !== undefined) {
      const covered = starNames(strings((star.fields ?? []).filter((field) => 'String' in field)) ?? []);
      if (covered === undefined) return undefined;
      names.push(...covered);
    } else {
      names.push(outputName(name, val));
    }
  }
  return names;
}

/** The name of one item that is no star. */
export function outputName(written: string | undefined, value: Node | undefined): OutputName {
  if (written !== undefined) return { name: written, isGuessed: false };
  const isColumn = value !== undefined && 'ColumnRef' in value;
  return { name: columnName(value), isGuessed: !isColumn };
}

function isStar(fields: readonly Node[] | undefined): boolean {
  const last = fields?.at(-1);
  return last !== undefined && 'A_Star' in last;
}

/** The name PostgreSQL gives an unnamed output column (FigureColname in parse_target.c). */
export function columnName(value: Node | undefined): string {
  return named(value)?.name ?? '?column?';
}

interface Named {
  readonly name: string;
  /** A cast's type is only a last resort. */
  readonly isWeak: boolean;
}

function named(value: Node | undefined): Named | undefined {
  if (value === undefined) return undefined;
  if ('ColumnRef' in value) return strong(lastString(value.ColumnRef.fields));
  if ('A_Indirection' in value) return strong(lastString(value.A_Indirection.indirection)) ?? named(value.A_Indirection.arg);
  if ('FuncCall' in value) return strong(strings(value.FuncCall.funcname)?.at(-1));
  if ('A_Expr' in value) return value.A_Expr.kind === 'AEXPR_NULLIF' ? strong('nullif') : undefined;
  if ('TypeCast' in value) {
    const inner = named(value.TypeCast.arg);
    return inner !== undefined && !inner.isWeak ? inner : { name: typeNameOf(value.TypeCast.typeName), isWeak: true };
  }
  if ('CollateClause' in value) return named(value.CollateClause.arg);
  if ('SubLink' in value) return subLinkName(value.SubLink.subLinkType, value.SubLink.subselect);
  if ('CaseExpr' in value) {
    const inner = named(value.CaseExpr.defresult);
    return inner !== undefined && !inner.isWeak ? inner : { name: 'case', isWeak: true };
  }
  return strong(fixedNames[unwrap(value)?.type ?? '']);
}

const fixedNames: Readonly<Record<string, string>> = {
  A_ArrayExpr: 'array', RowExpr: 'row', CoalesceExpr: 'coalesce', GroupingFunc: 'grouping', MergeSupportFunc: 'merge_action',
  XmlSerialize: 'xmlserialize', JsonParseExpr: 'json', JsonScalarExpr: 'json_scalar', JsonSerializeExpr: 'json_serialize',
  JsonObjectConstructor: 'json_object', JsonArrayConstructor: 'json_array', JsonArrayQueryConstructor: 'json_array',
  JsonObjectAgg: 'json_objectagg', JsonArrayAgg: 'json_arrayagg',
};

function subLinkName(type: string | undefined, subselect: Node | undefined): Named | undefined {
  if (type === 'EXISTS_SUBLINK') return strong('exists');
  if (type === 'ARRAY_SUBLINK') return strong('array');
  if (type !== 'EXPR_SUBLINK' || subselect === undefined || !('SelectStmt' in subselect)) return undefined;
  const [target] = subselect.SelectStmt.targetList ?? [];
  if (target === undefined || !('ResTarget' in target)) return undefined;
  const { name, val } = target.ResTarget;
  if (name === undefined && val !== undefined && 'ColumnRef' in val && isStar(val.ColumnRef.fields)) return undefined;
  return strong(name ?? columnName(val));
}

function strong(name: string | undefined): Named | undefined {
  return name === undefined ? undefined : { name, isWeak: false };
}

function lastString(fields: readonly Node[] | undefined): string | undefined {
  const names = (fields ?? []).flatMap((field) => ('String' in field ? (field.String.sval ?? '') : []));
  return names.at(-1);
}
