/**
 * Walks an expression without recursion. Every node type must be known: the list below is closed, and what it
 * does not have is handed to `unsupported`, which denies.
 */
import type { A_Expr, ColumnRef, FuncCall, Node, SelectStmt, SubLink, TypeCast } from '@pgsql/types';
import { unwrap } from './tree.ts';

export interface ExpressionVisitor {
  column(ref: ColumnRef): void;
  call(call: FuncCall): void;
  operator(expression: A_Expr): void;
  /** An operator name that cannot be pinned in place: of ANY/ALL over a sub-select, ORDER BY ... USING, simple CASE. */
  bareOperator(name: readonly Node[] | undefined, implied: string | undefined): void;
  subselect(select: SelectStmt, link: SubLink | undefined): void;
  cast(cast: TypeCast): void;
  /** `(expression).name`, which may be a function call. */
  attribute(name: string): void;
  /** Every other node that has a meaning of its own. */
  node(type: string): void;
  unsupported(type: string): void;
}

/** Nodes without meaning of their own: only their children matter. */
const plainNodes: ReadonlySet<string> = new Set([
  'A_Const', 'A_Star', 'A_Indices', 'A_ArrayExpr', 'ParamRef', 'BoolExpr', 'NullTest', 'BooleanTest', 'CaseWhen', 'CoalesceExpr',
  'RowExpr', 'List', 'ResTarget', 'SortBy', 'WindowDef', 'NamedArgExpr', 'GroupingFunc', 'GroupingSet', 'CollateClause',
  'SQLValueFunction', 'SetToDefault', 'MultiAssignRef', 'MergeSupportFunc', 'CurrentOfExpr', 'String', 'Integer', 'Float', 'Boolean',
  'BitString', 'XmlExpr', 'XmlSerialize', 'JsonValueExpr', 'JsonKeyValue', 'JsonObjectConstructor', 'JsonArrayConstructor',
  'JsonObjectAgg', 'JsonArrayAgg', 'JsonIsPredicate', 'JsonParseExpr', 'JsonScalarExpr', 'JsonSerializeExpr', 'JsonFuncExpr',
  'JsonTable', 'JsonTableColumn', 'JsonTablePathSpec', 'JsonArgument', 'JsonBehavior', 'JsonOutput', 'JsonReturning', 'JsonFormat', 'JsonAggConstructor',
  'RangeTableFuncCol', 'IndexElem', 'TypeName',
]);

/** Members that hold names or types, not expressions: `geometry(Point, 4326)` parses its modifier as a column. */
const skippedMembers: ReadonlySet<string> = new Set(['typeName', 'argType', 'collClause', 'alias', 'partitionClauseName', 'collation', 'opclass']);

export function walkExpression(root: Node | readonly Node[] | undefined, visitor: ExpressionVisitor): void {
  const stack: unknown[] = [root];
  while (stack.length > 0) {
    const value = stack.pop();
    if (value === null || typeof value !== 'object') continue;
    if (Array.isArray(value)) {
      for (let i = value.length - 1; i >= 0; i--) stack.push(value[i]);
      continue;
    }
    const node = unwrap(value);
    if (node === undefined) pushMembers(stack, value as Readonly<Record<string, unknown>>);
    else enter(node.type, node.body, stack, visitor);
  }
}

function pushMembers(stack: unknown[], body: Readonly<Record<string, unknown>>): void {
  for (const [name, member] of Object.entries(body)) if (!skippedMembers.has(name)) stack.push(member);
}

function enter(type: string, body: Readonly<Record<string, unknown>>, stack: unknown[], visitor: ExpressionVisitor): void {
  switch (type) {
    case 'ColumnRef':
      visitor.column(body);
      return;
    case 'SelectStmt':
      visitor.subselect(body, undefined);
      return;
    case 'SubLink':
      enterSubLink(body, stack, visitor);
      return;
    case 'FuncCall':
      visitor.call(body);
      pushMembers(stack, withoutMember(body, 'funcname'));
      return;
    case 'A_Expr':
      visitor.operator(body);
      pushMembers(stack, withoutMember(body, 'name'));
      return;
    case 'TypeCast':
      visitor.cast(body);
      pushMembers(stack, body);
      return;
    case 'JsonArrayQueryConstructor':
      visitor.node(type);
      stack.push(body['query']);
      return;
    default:
      enterPlain(type, body, stack, visitor);
  }
}

function enterPlain(type: string, body: Readonly<Record<string, unknown>>, stack: unknown[], visitor: ExpressionVisitor): void {
  switch (type) {
    case 'CaseExpr':
      if (body['arg'] !== undefined) visitor.bareOperator(undefined, '=');
      pushMembers(stack, body);
      return;
    case 'MinMaxExpr':
      pushMembers(stack, body);
      return;
    case 'SortBy':
      if (body['useOp'] !== undefined) visitor.bareOperator(body['useOp'] as readonly Node[], undefined);
      stack.push(body['node']);
      return;
    case 'TypeName':
      return;
    case 'A_Indirection':
      for (const step of body['indirection'] as readonly Node[]) {
        if ('String' in step) visitor.attribute(step.String.sval ?? '');
        else stack.push(step);
      }
      stack.push(body['arg']);
      return;
    default:
      if (!plainNodes.has(type)) {
        visitor.unsupported(type);
        return;
      }
      visitor.node(type);
      pushMembers(stack, body);
  }
}

function enterSubLink(link: SubLink, stack: unknown[], visitor: ExpressionVisitor): void {
  stack.push(link.testexpr);
  if (link.testexpr !== undefined) visitor.bareOperator(link.operName, link.operName === undefined ? '=' : undefined);
  if (link.subselect !== undefined && 'SelectStmt' in link.subselect) visitor.subselect(link.subselect.SelectStmt, link);
  else visitor.unsupported('SubLink');
}

function withoutMember(body: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
  return { ...body, [name]: undefined };
}
