/** Reading PostgreSQL's parse tree as libpg_query prints it: wrapped nodes `{ColumnRef: {...}}`, zero values left out. */
import type { A_Const, Node, TypeName } from '@pgsql/types';

export const maximumDepth = 1_000;

/** Name of a wrapped node and its body, or undefined for a bare struct. */
export function unwrap(value: object): { readonly type: string; readonly body: Readonly<Record<string, unknown>> } | undefined {
  const keys = Object.keys(value);
  const [type] = keys;
  if (keys.length !== 1 || type === undefined || !isNodeName(type)) return undefined;
  const body = (value as Record<string, unknown>)[type];
  return { type, body: (body ?? {}) as Readonly<Record<string, unknown>> };
}

function isNodeName(key: string): boolean {
  const first = key.charCodeAt(0);
  return first >= 65 && first <= 90;
}

/** Nesting of objects and lists, counted without recursion; stops counting just above `limit`. */
export function depthOf(root: object, limit: number): number {
  let level: object[] = [root];
  let depth = 0;
  while (level.length > 0 && depth <= limit) {
    depth++;
    const next: object[] = [];
    for (const value of level) {
      for (const member of Object.values(value)) {
        if (member !== null && typeof member === 'object') next.push(member as object);
      }
    }
    level = next;
  }
  return depth;
}

/** The strings of a list of String nodes, such as a qualified name; undefined when something else is in it. */
export function strings(nodes: readonly Node[] | undefined): readonly string[] | undefined {
  const out: string[] = [];
  for (const node of nodes ?? []) {
    if (!('String' in node)) return undefined;
    out.push(node.String.sval ?? '');
  }
  return out;
}

/** Casts that leave a string as it is. Others may cut it or turn it into another. */
const faithfulCasts: ReadonlySet<string> = new Set(['text', 'varchar', 'bpchar', 'regclass']);

/** The text of a string literal. */
export function stringLiteral(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if ('TypeCast' in node) {
    const { arg, typeName } = node.TypeCast;
    const type = strings(typeName?.names) ?? [];
    // Only the outermost cast may name a relation: `::regclass::text` turns a number into a name.
    const isNested = arg !== undefined && 'TypeCast' in arg && typeNameOf(arg.TypeCast.typeName) === 'regclass';
    const isFaithful = (type.length === 1 || type[0] === 'pg_catalog') && faithfulCasts.has(type.at(-1) ?? '') && typeName?.typmods === undefined && !isNested;
    return isFaithful ? stringLiteral(arg) : undefined;
  }
  if (!('A_Const' in node)) return undefined;
  const constant: A_Const = node.A_Const;
  return 'sval' in constant ? (constant.sval.sval ?? '') : undefined;
}

/** A literal or parameter, with casts and signs of literals around it. */
export function isConstant(node: Node | undefined): boolean {
  if (node === undefined) return false;
  if ('A_Const' in node || 'ParamRef' in node) return true;
  if ('TypeCast' in node) return isConstant(node.TypeCast.arg);
  if ('A_Expr' in node) {
    const { kind, name, lexpr, rexpr } = node.A_Expr;
    const [operator] = strings(name) ?? [];
    return kind === 'AEXPR_OP' && lexpr === undefined && (operator === '-' || operator === '+') && isConstant(rexpr);
  }
  return false;
}

/** Literals and parameters anywhere in a value, sub-selects included. */
export function constantsOf(value: Node): readonly Node[] {
  const found: Node[] = [];
  const stack: unknown[] = [value];
  while (stack.length > 0) {
    const next = stack.pop();
    if (typeof next !== 'object' || next === null) continue;
    const { type } = unwrap(next) ?? {};
    if (type === 'A_Const' || type === 'ParamRef') found.push(next as Node);
    else stack.push(...(Object.values(next) as unknown[]));
  }
  return found;
}

/** Last part of a type's name. */
export function typeNameOf(type: TypeName | undefined): string {
  return strings(type?.names)?.at(-1) ?? '';
}
