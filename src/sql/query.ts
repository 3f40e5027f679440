/**
 * SELECT: which relations and columns it reads, and the edits that put masked sub-selects in the place of masked
 * relations. Over-approximates: where a name could mean two things both count.
 */
import type {
  A_Expr, ColumnRef, CommonTableExpr, FuncCall, JoinExpr, LockingClause, Node, RangeFunction, RangeSubselect, RangeTableSample,
  RangeVar, SelectStmt, WithClause,
} from '@pgsql/types';
import type { Analysis } from './analysis.ts';
import { selectNames, type OutputName } from './column-names.ts';
import { walkExpression } from './expression.ts';
import { checkCall, checkCast, checkOperator, checkBareOperator, checkAttribute } from './routines.ts';
import { childScope, findCommonTable, resolveColumn, resolveStar, type BaseReference, type ColumnSource, type CommonTable, type Entry, type Resolution, type Scope } from './scope.ts';
import type { Place, SeenColumn } from './place.ts';
import { RelationReferences } from './references.ts';
import { quoteIdentifier } from './quote.ts';
import { strings } from './tree.ts';

export interface SelectResult {
  readonly names: readonly OutputName[] | undefined;
  readonly isTainted: boolean;
}

/** Handles what is no SELECT inside a WITH. */
export type WriteHandler = (node: Node, scope: Scope | undefined, depth: number) => SelectResult;

const maximumSelects = 100;

export class QueryAnalyser {
  readonly analysis: Analysis;
  readonly references: RelationReferences;
  readonly #writes: WriteHandler;

  constructor(analysis: Analysis, writes: WriteHandler) {
    this.analysis = analysis;
    this.references = new RelationReferences(analysis);
    this.#writes = writes;
  }

  select(statement: SelectStmt, parent: Scope | undefined, depth: number): SelectResult {
    if (depth > maximumSelects) {
      this.analysis.refuse('TooDeep', `sub-selects are nested deeper than ${String(maximumSelects)} levels`);
      return { names: undefined, isTainted: true };
    }
    if (statement.intoClause !== undefined) this.analysis.refuse('Unsupported', 'SELECT ... INTO may only stand at the top');
    const before = this.analysis.maskedReads.length;
    const scope = childScope(parent);
    const withTaint = this.with(statement.withClause, scope, depth);
    const names = this.#body(statement, scope, depth);
    return { names, isTainted: withTaint || scope.entries.some(({ isTainted }) => isTainted) || this.analysis.maskedReads.length > before };
  }

  /** A statement that is no SELECT. */
  write(node: Node, parent: Scope | undefined, depth: number): SelectResult {
    return this.#writes(node, parent, depth);
  }

  #body(statement: SelectStmt, scope: Scope, depth: number): readonly OutputName[] | undefined {
    if (statement.op !== undefined && statement.op !== 'SETOP_NONE') return this.#setOperation(statement, scope, depth);
    if (statement.valuesLists !== undefined) {
      this.expression(statement.valuesLists, { scope, clause: 'Target', depth: depth + 1 });
      this.#tail(statement, scope, depth);
      return firstRow(statement)?.map((_, index) => ({ name: `column${String(index + 1)}`, isGuessed: false }));
    }
    return this.#plainSelect(statement, scope, depth);
  }

  /** `a UNION b UNION c ...` leans to the left: the leaves are taken one by one instead of by recursion. */
  #setOperation(statement: SelectStmt, scope: Scope, depth: number): readonly OutputName[] | undefined {
    const leaves: SelectStmt[] = [];
    const stack: SelectStmt[] = [statement];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const isInner = next.op !== undefined && next.op !== 'SETOP_NONE';
      // An inner set operation with its own WITH, ORDER BY or LIMIT is a query of its own.
      const isBare = next.withClause === undefined && next.sortClause === undefined && next.limitCount === undefined && next.limitOffset === undefined;
      if (isInner && (next === statement || isBare)) {
        if (next.rarg !== undefined) stack.push(next.rarg);
        if (next.larg !== undefined) stack.push(next.larg);
      } else {
        leaves.push(next);
      }
    }
    let names: readonly OutputName[] | undefined;
    let isTainted = false;
    leaves.forEach((leaf, index) => {
      const result = this.select(leaf, scope, depth + 1);
      if (index === 0) names = result.names;
      isTainted ||= result.isTainted;
    });
    const outputs = childScope(scope);
    outputs.entries.push(derivedEntry('', names, isTainted));
    this.#tail(statement, outputs, depth);
    return names;
  }

  #plainSelect(statement: SelectStmt, scope: Scope, depth: number): readonly OutputName[] | undefined {
    const seen: SeenColumn[] = [];
    const firstReference = this.references.mark();
    for (const item of statement.fromClause ?? []) scope.entries.push(...this.from(item, scope, depth));
    (statement.targetList ?? []).forEach((target, index) => {
      if ('ResTarget' in target) this.target(target.ResTarget.val, { scope, clause: 'Target', depth, targetIndex: index, seen });
    });
    const isDistinct = statement.distinctClause !== undefined;
    if (isDistinct) this.#readTargetsAsExpressions(statement, scope, depth);
    this.expression(statement.whereClause, { scope, clause: 'Where', depth });
    this.expression(statement.groupClause, { scope, clause: 'Group', depth });
    this.#outputsNamedBy(statement.groupClause, statement, { scope, clause: 'Group', depth });
    this.#outputsNamedBy(statement.sortClause, statement, { scope, clause: 'Sort', depth });
    this.expression(statement.havingClause, { scope, clause: 'Where', depth, seen });
    this.expression(statement.windowClause, { scope, clause: 'Sort', depth, seen });
    this.expression(statement.distinctClause, { scope, clause: 'Sort', depth, seen });
    this.#tail(statement, scope, depth, seen);
    this.#restoreGrouping(statement, scope, seen);
    const names = selectNames(statement, (qualifier) => starNames(resolveStar(scope, qualifier), qualifier.length === 0));
    this.references.finish(firstReference);
    return names;
  }

  /** `ORDER BY 1` and `GROUP BY alias` read what the target list computes. */
  #outputsNamedBy(clause: readonly Node[] | undefined, statement: SelectStmt, place: Place): void {
    if (clause === undefined || !this.#compares()) return;
    for (const node of clause) {
      const key = 'SortBy' in node ? node.SortBy.node : node;
      const target = key === undefined ? undefined : outputNamedBy(key, statement.targetList ?? []);
      if (target !== undefined) this.expression(target, place);
    }
  }

  /** Whether it matters that values are compared and not only shown. */
  #compares(): boolean {
    return this.analysis.isDefinition || this.analysis.maskedReads.some(({ mask }) => mask.predicates === 'Deny');
  }

  /** DISTINCT compares what it shows: with `predicates: Deny` that is no plain projection. */
  #readTargetsAsExpressions(statement: SelectStmt, scope: Scope, depth: number): void {
    if (!this.#compares()) return;
    this.expression(statement.targetList, { scope, clause: 'Sort', depth });
  }

  #tail(statement: SelectStmt, scope: Scope, depth: number, seen?: SeenColumn[]): void {
    this.expression(statement.sortClause, { scope, clause: 'Sort', depth, ...(seen && { seen }) });
    this.expression(statement.limitCount, { scope, clause: 'Sort', depth });
    this.expression(statement.limitOffset, { scope, clause: 'Sort', depth });
    for (const locking of statement.lockingClause ?? []) if ('LockingClause' in locking) this.#lock(locking.LockingClause, scope);
  }

  #lock(locking: LockingClause, scope: Scope): void {
    const named = locking.lockedRels?.flatMap((node) => ('RangeVar' in node ? (node.RangeVar.relname ?? '') : []));
    for (const entry of scope.entries) {
      if (named !== undefined && !named.includes(entry.alias)) continue;
      if (entry.base !== undefined) this.references.touch('Lock', entry.base, '*');
      else if (entry.isSubselect === true) this.#lockAllRead();
    }
  }

  /** Which relations a sub-select reads is not kept apart: all that were read so far count. */
  #lockAllRead(): void {
    for (const { operation, schema, relation, isOwnTemporary } of this.analysis.touches) {
      if (operation === 'Select') this.analysis.touch('Lock', { schema, name: relation }, '*', { isOwnTemporary: isOwnTemporary === true });
    }
  }

  with(clause: WithClause | undefined, scope: Scope, depth: number): boolean {
    let isTainted = false;
    const tables = (clause?.ctes ?? []).flatMap((node) => ('CommonTableExpr' in node ? node.CommonTableExpr : []));
    if (clause?.recursive === true) {
      for (const table of tables) scope.commonTables.set(table.ctename ?? '', { columns: undefined, isTainted: true });
    }
    for (const table of tables) {
      const result = this.#commonTable(table, scope, depth);
      isTainted ||= result.isTainted;
      scope.commonTables.set(table.ctename ?? '', result);
    }
    return isTainted;
  }

  #commonTable(table: CommonTableExpr, scope: Scope, depth: number): CommonTable {
    const query = table.ctequery;
    if (query === undefined) return { columns: undefined, isTainted: true };
    const result = 'SelectStmt' in query ? this.select(query.SelectStmt, scope, depth + 1) : this.#writes(query, scope, depth + 1);
    let columns = withAliases(result.names, strings(table.aliascolnames));
    if (table.search_clause !== undefined || table.cycle_clause !== undefined) columns = undefined;
    return { columns, isTainted: result.isTainted };
  }

  from(item: Node, scope: Scope, depth: number): readonly Entry[] {
    if ('RangeVar' in item) return [this.#rangeVar(item.RangeVar, scope, undefined)];
    if ('RangeTableSample' in item) return [this.#sample(item.RangeTableSample, scope)];
    if ('RangeSubselect' in item) return [this.#subselect(item.RangeSubselect, scope, depth)];
    if ('JoinExpr' in item) return this.#join(item.JoinExpr, scope, depth);
    if ('RangeFunction' in item) return [this.#function(item.RangeFunction, scope, depth)];
    if ('RangeTableFunc' in item) {
      const { alias, docexpr, rowexpr, columns, namespaces } = item.RangeTableFunc;
      this.expression([docexpr, rowexpr, ...(columns ?? []), ...(namespaces ?? [])].filter((node) => node !== undefined), { scope, clause: 'From', depth: depth + 1 });
      return [{ alias: alias?.aliasname ?? 'xmltable', columns: undefined, isTainted: false }];
    }
    if ('JsonTable' in item) {
      this.expression(item, { scope, clause: 'From', depth: depth + 1 });
      return [{ alias: item.JsonTable.alias?.aliasname ?? 'json_table', columns: undefined, isTainted: false }];
    }
    this.analysis.refuse('Unsupported', `a FROM item of the kind ${Object.keys(item)[0] ?? '?'} is not known`);
    return [];
  }

  #rangeVar(range: RangeVar, scope: Scope, sample: RangeTableSample | undefined): Entry {
    if (range.schemaname === undefined) {
      const common = findCommonTable(scope, range.relname ?? '');
      if (common !== undefined) {
        if (common.isTainted && this.analysis.storingInto !== undefined) this.analysis.refuseStoring(`what "${range.relname ?? ''}" reads`);
        return derivedEntry(range.alias?.aliasname ?? range.relname ?? '', withAliases(common.columns, strings(range.alias?.colnames)), common.isTainted);
      }
    }
    return this.references.read(range, sample);
  }

  #sample(sample: RangeTableSample, scope: Scope): Entry {
    const range = sample.relation;
    if (range === undefined || !('RangeVar' in range)) {
      this.analysis.refuse('Unsupported', 'TABLESAMPLE is known on relations only');
      return { alias: '', columns: undefined, isTainted: true };
    }
    const method = strings(sample.method) ?? [];
    if (method.length !== 1 || !['system', 'bernoulli'].includes(method[0] ?? '')) {
      this.analysis.refuse('Unsupported', 'only the built-in sampling methods SYSTEM and BERNOULLI are known');
    }
    this.expression([...(sample.args ?? []), ...(sample.repeatable ? [sample.repeatable] : [])], { scope, clause: 'From', depth: 1 });
    return this.#rangeVar(range.RangeVar, scope, sample);
  }

  #subselect(range: RangeSubselect, scope: Scope, depth: number): Entry {
    const query = range.subquery;
    if (query === undefined || !('SelectStmt' in query)) {
      this.analysis.refuse('Unsupported', 'a sub-query in FROM must be a SELECT');
      return { alias: '', columns: undefined, isTainted: true };
    }
    const parent = range.lateral === true ? scope : lateralFree(scope);
    const { names, isTainted } = this.select(query.SelectStmt, parent, depth + 1);
    return { ...derivedEntry(range.alias?.aliasname ?? '', withAliases(names, strings(range.alias?.colnames)), isTainted), isSubselect: true };
  }

  #join(join: JoinExpr, scope: Scope, depth: number): readonly Entry[] {
    if (depth > maximumSelects * 10) {
      this.analysis.refuse('TooDeep', 'too many joins');
      return [];
    }
    const left = join.larg === undefined ? [] : this.from(join.larg, scope, depth + 1);
    // The right side of a join may refer to the left one when it is LATERAL.
    const right = join.rarg === undefined ? [] : this.from(join.rarg, { ...scope, entries: [...scope.entries, ...left] }, depth + 1);
    const isMerging = join.isNatural === true || join.usingClause !== undefined;
    const entries = [...left, ...right].map((entry) => (isMerging ? { ...entry, isMerged: true } : entry));
    const inner: Scope = { parent: scope.parent, entries, commonTables: scope.commonTables };
    this.expression(join.quals, { scope: inner, clause: 'Where', depth });
    this.#joinColumns(join, left, right, depth);
    const usingAlias = join.join_using_alias?.aliasname;
    if (usingAlias !== undefined) entries.push({ alias: usingAlias, columns: undefined, isTainted: false });
    return join.alias === undefined ? entries : [aliasedJoin(join.alias.aliasname ?? '', strings(join.alias.colnames), entries)];
  }

  /** USING and NATURAL compare with `=`, which cannot be pinned, and read the columns on both sides. */
  #joinColumns(join: JoinExpr, left: readonly Entry[], right: readonly Entry[], depth: number): void {
    const named = strings(join.usingClause);
    const names = join.isNatural === true ? [...left, ...right].flatMap(({ columns }) => [...(columns?.keys() ?? [])]) : (named ?? []);
    if (join.isNatural !== true && names.length === 0) return;
    checkBareOperator(this.analysis, '=');
    for (const name of names) {
      if (join.isNatural === true && ![left, right].every((side) => side.some(({ columns }) => columns?.has(name) ?? true))) continue;
      for (const side of [left, right]) {
        const scope: Scope = { parent: undefined, entries: [...side], commonTables: new Map() };
        this.read(resolveColumn(scope, [name]), { scope, clause: 'Where', depth }, false, undefined);
      }
    }
  }

  #function(range: RangeFunction, scope: Scope, depth: number): Entry {
    // Each item is a List of [call, column definitions].
    const calls = (range.functions ?? []).flatMap((node) => ('List' in node ? (node.List.items ?? []) : node));
    this.expression(calls.filter((node) => !('List' in node) && Object.keys(node).length > 0), { scope, clause: 'From', depth: depth + 1 });
    const [call] = calls;
    const fallback = call !== undefined && 'FuncCall' in call ? (strings(call.FuncCall.funcname)?.at(-1) ?? '') : '';
    return { alias: range.alias?.aliasname ?? fallback, columns: undefined, isTainted: false };
  }

  /** An item of a target list: a bare column is a plain projection, a star covers columns, the rest is an expression. */
  target(value: Node | undefined, place: Place): void {
    if (value !== undefined && 'ColumnRef' in value) this.#columnRef(value.ColumnRef, place, true);
    else this.expression(value, place);
  }

  expression(root: Node | readonly Node[] | undefined, place: Place): void {
    if (root === undefined) return;
    const { analysis } = this;
    walkExpression(root, {
      column: (ref) => { this.#columnRef(ref, place, false); },
      call: (call: FuncCall) => { checkCall(analysis, call, this.references); },
      operator: (operator: A_Expr) => { checkOperator(analysis, operator); },
      bareOperator: (name, implied) => { checkBareOperator(analysis, implied ?? strings(name)?.at(-1) ?? '', strings(name)); },
      subselect: (select) => { this.select(select, place.scope, place.depth + 1); },
      cast: (cast) => { checkCast(analysis, cast.typeName); },
      attribute: (name) => { checkAttribute(analysis, name); },
      node: (type) => { this.#checkVersion(type); },
      unsupported: (type) => { analysis.refuse('Unsupported', `an expression of the kind ${type} is not known`); },
    });
  }

  /** What is grammar in later releases is a call of a function in earlier ones. */
  #checkVersion(type: string): void {
    const since = nodesSince.get(type);
    if (since === undefined || this.analysis.environment.lookup.catalogue.serverVersion >= since) return;
    this.analysis.refuse('Unsupported', `the server does not know ${type} yet`, { sqlstate: '42601' });
  }

  #columnRef(ref: ColumnRef, place: Place, isPlain: boolean): void {
    const fields = ref.fields ?? [];
    const last = fields.at(-1);
    const path = strings(fields.filter((field) => 'String' in field)) ?? [];
    if (last !== undefined && 'A_Star' in last) {
      this.#star(ref, path, place, isPlain);
      return;
    }
    this.read(resolveColumn(place.scope, path), place, isPlain, ref);
    if (path.length > 2) this.#noteQualifier(ref, path, place.scope);
  }

  /** Counts what a column name reads. */
  read(resolution: Resolution, place: Place, isPlain: boolean, ref: ColumnRef | undefined): void {
    switch (resolution.kind) {
      case 'Columns':
        for (const source of resolution.sources) {
          if (typeof source === 'string') continue;
          place.seen?.push({ base: source.base, name: source.column.name });
          this.references.readColumn(source.base, source.column, place, isPlain, ref);
        }
        return;
      case 'System':
        for (const base of resolution.bases) base.systemColumns.add(resolution.name);
        return;
      case 'Whole':
        this.#readWhole(resolution.entry, place, ref, true);
        return;
      case 'Function':
        checkAttribute(this.analysis, resolution.name);
        this.#readWhole(resolution.entry, place, ref, false);
        return;
      case 'Unlisted':
        checkAttribute(this.analysis, resolution.name);
        return;
      case 'Unknown':
        // The snapshot may be older than the column: a rule that names columns must not cover what it does not know.
        for (const { base } of place.scope.entries) (base?.isTarget === true ? base.compared : base?.read)?.add(unknownName(ref));
    }
  }

  #readWhole(entry: Entry, place: Place, ref: ColumnRef | undefined, isBare: boolean): void {
    this.#readAll(entry, place, false);
    const { base } = entry;
    if (base === undefined || base.isTarget || !isBare || ref?.location === undefined) {
      if (base?.isTarget === true && base.masks.size > 0) this.references.refuseTargetRead(base, 'the whole row');
      return;
    }
    const end = this.references.isSubstituted(base) ? this.#endOfPath(ref, 1) : undefined;
    if (end !== undefined) this.references.noteRow(base, ref.location, end);
  }

  /** Counts everything that a star over an entry shows. */
  readAll(entry: Entry, place: Place): void {
    this.#readAll(entry, place, true);
  }

  #readAll(entry: Entry, place: Place, isPlain: boolean): void {
    for (const sources of entry.columns?.values() ?? []) {
      for (const source of sources) if (typeof source !== 'string') this.references.readColumn(source.base, source.column, place, isPlain, undefined);
    }
    if (entry.base !== undefined) entry.base.isReadWhole = true;
  }

  #star(ref: ColumnRef, qualifier: readonly string[], place: Place, isPlain: boolean): void {
    const entries = resolveStar(place.scope, qualifier);
    for (const entry of entries) {
      this.#readAll(entry, place, isPlain);
      for (const sources of entry.columns?.values() ?? []) {
        for (const source of sources) if (typeof source !== 'string') place.seen?.push({ base: source.base, name: source.column.name });
      }
    }
    const [entry] = entries;
    if (ref.location === undefined || ref.location < 0) return;
    if (qualifier.length > 1) this.#noteQualifier(ref, [...qualifier, '*'], place.scope);
    // System columns would join the star of a substituted relation: it is then written out, after the whole level is known.
    if (entries.length === 1 && entry?.base !== undefined) this.references.noteStar(entry.base, ref.location, this.#endOfPath(ref, qualifier.length + 1) ?? ref.location + 1);
    else for (const each of entries) if (each.base !== undefined) this.references.noteStar(each.base, undefined, undefined);
  }

  #noteQualifier(ref: ColumnRef, path: readonly string[], scope: Scope): void {
    const entry = resolveStar(scope, path.slice(0, -1))[0];
    if (entry?.base === undefined || ref.location === undefined || !this.references.isSubstituted(entry.base)) return;
    const first = this.analysis.tokenAt(ref.location);
    const kept = this.analysis.tokens[first + 2 * (path.length - 2)];
    if (kept === undefined) return;
    this.references.noteQualifier(entry.base, ref.location, kept.start);
  }

  #endOfPath(ref: ColumnRef, parts: number): number | undefined {
    if (ref.location === undefined) return undefined;
    return this.analysis.tokens[this.analysis.tokenAt(ref.location) + 2 * (parts - 1)]?.end;
  }

  /** A primary key in GROUP BY lets other columns of its table stand alone; a sub-select has no key, so they are named. */
  #restoreGrouping(statement: SelectStmt, scope: Scope, seen: readonly SeenColumn[]): void {
    const grouped = (statement.groupClause ?? []).flatMap((node) => ('ColumnRef' in node ? node.ColumnRef : []));
    if (grouped.length === 0 || grouped.length !== statement.groupClause?.length) return;
    for (const entry of scope.entries) {
      const { base } = entry;
      const key = base?.relation.primaryKey;
      if (base === undefined || key === undefined || !this.references.isSubstituted(base)) continue;
      const names = new Set(grouped.flatMap((ref) => groupedName(scope, ref, base)));
      const keyNames = base.relation.columns.filter(({ number }) => key.includes(number)).map(({ name }) => name);
      const at = grouped[0]?.location;
      if (at === undefined || !keyNames.every((name) => names.has(name))) continue;
      const missing = [...new Set(seen.filter((column) => column.base === base && !names.has(column.name)).map(({ name }) => name))];
      if (missing.length > 0) {
        this.analysis.edit(at, at, `${missing.map((name) => `${quoteIdentifier(base.alias)}.${quoteIdentifier(nameInAlias(base, name))}`).join(', ')}, `);
      }
    }
  }
}

/** An alias may have given the column another name. */
function nameInAlias(base: BaseReference, name: string): string {
  return base.renames[base.relation.columns.findIndex((column) => column.name === name)] ?? name;
}

function unknownName(ref: ColumnRef | undefined): string {
  return strings((ref?.fields ?? []).filter((field) => 'String' in field))?.at(-1) ?? '';
}

function groupedName(scope: Scope, ref: ColumnRef, base: BaseReference): readonly string[] {
  const resolution = resolveColumn(scope, strings(ref.fields) ?? []);
  if (resolution.kind !== 'Columns') return [];
  return resolution.sources.flatMap((source) => (typeof source !== 'string' && source.base === base ? source.column.name : []));
}

/** The item of a target list that an ordinal or an output's name stands for. */
function outputNamedBy(key: Node, targets: readonly Node[]): Node | undefined {
  if ('A_Const' in key && 'ival' in key.A_Const) {
    const at = targets[(key.A_Const.ival.ival ?? 0) - 1];
    // A star in front shifts the ordinals: then any item may be meant.
    return targets.some((target) => 'ResTarget' in target && isStarItem(target.ResTarget.val)) ? { List: { items: [...targets] } } : at;
  }
  if (!('ColumnRef' in key)) return undefined;
  const path = strings(key.ColumnRef.fields);
  if (path?.length !== 1) return undefined;
  return targets.find((target) => 'ResTarget' in target && target.ResTarget.name === path[0]);
}

function isStarItem(value: Node | undefined): boolean {
  return value !== undefined && 'ColumnRef' in value && (value.ColumnRef.fields ?? []).some((field) => 'A_Star' in field);
}

/** server_version_num of the first release that has the syntax. */
const nodesSince: ReadonlyMap<string, number> = new Map([
  ...['JsonObjectConstructor', 'JsonArrayConstructor', 'JsonArrayQueryConstructor', 'JsonObjectAgg', 'JsonArrayAgg', 'JsonIsPredicate'].map((type) => [type, 160_000] as const),
  ...['JsonFuncExpr', 'JsonParseExpr', 'JsonScalarExpr', 'JsonSerializeExpr', 'JsonTable', 'MergeSupportFunc'].map((type) => [type, 170_000] as const),
]);

/** A sub-select that is not LATERAL sees what surrounds the whole query, and its WITH, but not its neighbours. */
function lateralFree(scope: Scope): Scope {
  return { parent: scope.parent, entries: [], commonTables: scope.commonTables };
}

function firstRow(statement: SelectStmt): readonly Node[] | undefined {
  const [first] = statement.valuesLists ?? [];
  return first !== undefined && 'List' in first ? first.List.items : undefined;
}

function derivedEntry(alias: string, names: readonly OutputName[] | undefined, isTainted: boolean): Entry {
  if (names === undefined) return { alias, columns: undefined, isTainted };
  const columns = new Map<string, readonly ColumnSource[]>();
  for (const { name, isGuessed } of names) {
    if (columns.get(name)?.includes('Derived') !== true) columns.set(name, [isGuessed ? 'Guessed' : 'Derived']);
  }
  return { alias, columns, isTainted, isMerged: columns.size !== names.length };
}

/** What a star shows; undefined where that cannot be told. A bare star shows columns that USING merged only once. */
export function starNames(entries: readonly Entry[], isBare: boolean): readonly OutputName[] | undefined {
  const names: OutputName[] = [];
  for (const { columns, isMerged, base } of entries) {
    const isOwnStar = !isBare && base !== undefined;
    if (columns === undefined || (isMerged === true && !isOwnStar)) return undefined;
    if (base !== undefined && base.relation.columns.length !== columns.size) return undefined;
    for (const [name, sources] of columns) names.push({ name, isGuessed: sources.includes('Guessed') });
  }
  return names;
}

function withAliases(names: readonly OutputName[] | undefined, aliases: readonly string[] | undefined): readonly OutputName[] | undefined {
  if (aliases === undefined || aliases.length === 0) return names;
  return names?.map((output, index) => {
    const name = aliases[index];
    return name === undefined ? output : { name, isGuessed: false };
  });
}

function aliasedJoin(alias: string, names: readonly string[] | undefined, entries: readonly Entry[]): Entry {
  const columns = new Map<string, readonly ColumnSource[]>();
  let isKnown = true;
  for (const entry of entries) {
    if (entry.columns === undefined) isKnown = false;
    for (const [name, sources] of entry.columns ?? []) columns.set(name, [...(columns.get(name) ?? []), ...sources]);
  }
  const isTainted = entries.some((entry) => entry.isTainted);
  if (names !== undefined && names.length > 0) {
    // Renamed join columns: any of them may be any column below, and an old name may be gone.
    const all: readonly ColumnSource[] = [...columns.values(), 'Guessed' as const].flat();
    return { alias, columns: isKnown ? new Map([...columns.keys(), ...names].map((name) => [name, all] as const)) : undefined, isTainted, isMerged: true };
  }
  return { alias, columns: isKnown ? columns : undefined, isTainted, isMerged: true };
}

