/**
 * INSERT, UPDATE, DELETE and MERGE. The target cannot be substituted, so its masked columns may not be read, and
 * may be assigned only where that tells nothing about other rows.
 */
import type { DeleteStmt, InsertStmt, MergeStmt, MergeWhenClause, Node, OnConflictClause, RangeVar, ResTarget, ReturningClause, SelectStmt, UpdateStmt } from '@pgsql/types';
import type { Operation } from '../bundle/bundle.ts';
import type { Analysis } from './analysis.ts';
import type { Column } from './catalogue.ts';
import { outputName, type OutputName } from './column-names.ts';
import { columnNamed } from './masks.ts';
import type { Place } from './place.ts';
import { QueryAnalyser, starNames, type SelectResult } from './query.ts';
import { entryOf, isOwnTemporary, isUnlisted } from './references.ts';
import { quoteIdentifier } from './quote.ts';
import { childScope, resolveColumn, resolveStar, type BaseReference, type Entry, type Scope } from './scope.ts';
import { constantsOf, isConstant, strings } from './tree.ts';

/** A statement of a WITH or at the top that is no SELECT. */
export function analyseWrite(queries: QueryAnalyser, node: Node, parent: Scope | undefined, depth: number): SelectResult {
  const writes = new WriteAnalyser(queries, depth > 0);
  if ('InsertStmt' in node) return writes.insert(node.InsertStmt, parent, depth);
  if ('UpdateStmt' in node) return writes.update(node.UpdateStmt, parent, depth);
  if ('DeleteStmt' in node) return writes.delete(node.DeleteStmt, parent, depth);
  if ('MergeStmt' in node) return writes.merge(node.MergeStmt, parent, depth);
  queries.analysis.refuse('Unsupported', `a statement of the kind ${Object.keys(node)[0] ?? '?'} is not known inside WITH`);
  return { names: undefined, isTainted: true };
}

export function createQueries(analysis: Analysis): QueryAnalyser {
  const queries: QueryAnalyser = new QueryAnalyser(analysis, (node, scope, depth) => analyseWrite(queries, node, scope, depth));
  return queries;
}

interface Target {
  readonly base: BaseReference;
  readonly entry: Entry;
  readonly scope: Scope;
  readonly mark: number;
  readonly depth: number;
  /** `RETURNING *` shows what MERGE reads before what it writes. */
  readonly isSourceFirst?: boolean;
}

class WriteAnalyser {
  readonly #queries: QueryAnalyser;
  readonly #analysis: Analysis;
  /** Inside a WITH nobody counts the rows. */
  readonly #isUncountable: boolean;

  constructor(queries: QueryAnalyser, isUncountable: boolean) {
    this.#queries = queries;
    this.#analysis = queries.analysis;
    this.#isUncountable = isUncountable;
  }

  insert(statement: InsertStmt, parent: Scope | undefined, depth: number): SelectResult {
    return this.#write('Update', statement.relation, statement.withClause, parent, depth, (target) => {
      const columns = this.#insertedColumns(statement, target.base);
      this.#assign(target.base, columns);
      if (statement.selectStmt !== undefined && 'SelectStmt' in statement.selectStmt) {
        this.#queries.select(statement.selectStmt.SelectStmt, target.scope, depth + 1);
        this.#keepSecrets(statement.selectStmt.SelectStmt, columns, target.base);
      }
      this.#queries.references.touch('Insert', target.base, columnList(columns), this.#countable());
      if (statement.onConflictClause !== undefined) this.#onConflict(statement.onConflictClause, target, isRowByRow(statement.selectStmt));
      target.scope.entries.push(target.entry);
      return this.#returning(statement.returningClause, target, []);
    });
  }

  update(statement: UpdateStmt, parent: Scope | undefined, depth: number): SelectResult {
    return this.#write('Update', statement.relation, statement.withClause, parent, depth, (target) => {
      target.scope.entries.push(target.entry);
      for (const item of statement.fromClause ?? []) target.scope.entries.push(...this.#queries.from(item, target.scope, depth + 1));
      const columns = this.#assignments(statement.targetList, target);
      this.#queries.expression(statement.whereClause, where(target));
      this.#queries.references.touch('Update', target.base, columnList(columns), { hasWhere: pinsTarget(statement.whereClause, target), ...this.#countable() });
      return this.#returning(statement.returningClause, target, target.scope.entries.slice(1));
    });
  }

  delete(statement: DeleteStmt, parent: Scope | undefined, depth: number): SelectResult {
    return this.#write('Delete', statement.relation, statement.withClause, parent, depth, (target) => {
      target.scope.entries.push(target.entry);
      for (const item of statement.usingClause ?? []) target.scope.entries.push(...this.#queries.from(item, target.scope, depth + 1));
      this.#queries.expression(statement.whereClause, where(target));
      this.#queries.references.touch('Delete', target.base, '*', { hasWhere: pinsTarget(statement.whereClause, target), ...this.#countable() });
      return this.#returning(statement.returningClause, target, target.scope.entries.slice(1));
    });
  }

  merge(statement: MergeStmt, parent: Scope | undefined, depth: number): SelectResult {
    return this.#write('Merge', statement.relation, statement.withClause, parent, depth, (target) => {
      target.scope.entries.push(target.entry);
      if (statement.sourceRelation !== undefined) target.scope.entries.push(...this.#queries.from(statement.sourceRelation, target.scope, depth + 1));
      this.#queries.expression(statement.joinCondition, where(target));
      const more = { hasWhere: pinsTarget(statement.joinCondition, target), ...this.#countable() };
      this.#queries.references.touch('Merge', target.base, '*', more);
      for (const clause of statement.mergeWhenClauses ?? []) if ('MergeWhenClause' in clause) this.#mergeWhen(clause.MergeWhenClause, target, more);
      return this.#returning(statement.returningClause, { ...target, isSourceFirst: true }, target.scope.entries.slice(1));
    });
  }

  #mergeWhen(clause: MergeWhenClause, target: Target, more: { readonly hasWhere: boolean; readonly uncountable?: boolean }): void {
    this.#queries.expression(clause.condition, where(target));
    switch (clause.commandType) {
      case 'CMD_UPDATE':
        this.#queries.references.touch('Update', target.base, columnList(this.#assignments(clause.targetList, target)), more);
        return;
      case 'CMD_INSERT': {
        const columns = clause.targetList === undefined ? target.base.relation.columns : this.#namedTargets(clause.targetList, target.base);
        this.#assign(target.base, columns);
        (clause.values ?? []).forEach((value, index) => { this.#keepSecret(value, columns[index], target.base); });
        this.#queries.expression(clause.values, { scope: target.scope, clause: 'Assign', depth: target.depth + 1 });
        this.#queries.references.touch('Insert', target.base, columnList(columns), this.#countable());
        return;
      }
      case 'CMD_DELETE':
        this.#queries.references.touch('Delete', target.base, '*', more);
        return;
      default:
    }
  }

  #countable(): { readonly uncountable?: true } {
    return this.#isUncountable ? { uncountable: true } : {};
  }

  /** The frame of every write: WITH, the target, what is stored, and the relations it reads. `operation` is the one that conditions are for. */
  #write(operation: Operation, range: RangeVar | undefined, withClause: InsertStmt['withClause'], parent: Scope | undefined, depth: number, work: (target: Target) => SelectResult): SelectResult {
    const references = this.#queries.references;
    const mark = references.mark();
    const base = range === undefined ? undefined : references.target(range);
    if (range === undefined || base === undefined) return { names: undefined, isTainted: true };
    const outer = this.#analysis.storingInto;
    if (!isOwnTemporary(base.relation)) this.#analysis.storingInto = `${base.relation.schema}.${base.relation.name}`;
    const scope = childScope(parent);
    this.#queries.with(withClause, scope, depth);
    const result = work({ base, entry: entryOf(base, range), scope, mark, depth });
    references.finish(mark);
    this.#analysis.storingInto = outer;
    if (base.read.size > 0) references.touch('Select', base, base.read);
    const compared = [...base.compared].filter((name) => !base.read.has(name));
    if (base.isReadWhole && base.relation.columns.length === 0) references.touch('Select', base, '*');
    else if (compared.length > 0) references.touch('Select', base, compared, { ofCondition: operation });
    return result;
  }

  #insertedColumns(statement: InsertStmt, base: BaseReference): readonly Column[] {
    if (statement.cols !== undefined) return this.#namedTargets(statement.cols, base);
    const values = statement.selectStmt !== undefined && 'SelectStmt' in statement.selectStmt ? statement.selectStmt.SelectStmt.valuesLists : undefined;
    const [first] = values ?? [];
    const width = first !== undefined && 'List' in first ? first.List.items?.length : undefined;
    if (statement.selectStmt === undefined) return [];
    return base.relation.columns.slice(0, width);
  }

  #namedTargets(targets: readonly Node[], base: BaseReference): readonly Column[] {
    return targets.flatMap((node) => {
      if (!('ResTarget' in node)) return [];
      return columnNamed(base.relation, node.ResTarget.name ?? '') ?? [];
    });
  }

  #assignments(targets: readonly Node[] | undefined, target: Target): readonly Column[] {
    const columns = this.#namedTargets(targets ?? [], target.base);
    this.#assign(target.base, columns);
    for (const node of targets ?? []) {
      if (!('ResTarget' in node)) continue;
      const { name, val, indirection } = node.ResTarget;
      this.#keepSecret(val, columnNamed(target.base.relation, name ?? ''), target.base);
      this.#queries.expression(indirection, { scope: target.scope, clause: 'Assign', depth: target.depth + 1 });
      // (a, b) = (SELECT ...) is printed once per column.
      if (val !== undefined && 'MultiAssignRef' in val && val.MultiAssignRef.colno !== 1) continue;
      this.#queries.expression(val, { scope: target.scope, clause: 'Assign', depth: target.depth + 1 });
    }
    return columns;
  }

  #assign(base: BaseReference, columns: readonly Column[]): void {
    for (const column of columns) {
      base.assigned.add(column.name);
      this.#assignMasked(base, column);
      this.#assignReference(base, column);
    }
  }

  #assignMasked(base: BaseReference, column: Column): void {
    const mask = base.masks.get(column.number);
    if (mask === undefined || mask.assign === 'Allow') return;
    if (!column.isProbed && mask.mask.type !== 'Hash') return;
    const why = mask.mask.type === 'Hash' ? 'is shown as a hash' : 'is part of an index, constraint, key or trigger';
    this.#analysis.refuse('MaskedWrite', `column ${base.relation.schema}.${base.relation.name}.${column.name} is masked and ${why}: writing it would be a way to guess other values`, {
      hint: `Leave the column out, or ask for assign: Allow in MaskRule ${mask.rule}.`,
    });
  }

  /** A foreign key to a masked column answers whether a value exists there. */
  #assignReference(base: BaseReference, column: Column): void {
    const { lookup, masks } = this.#analysis.environment;
    for (const key of base.relation.foreignKeys ?? []) {
      const index = key.columns.indexOf(column.number);
      const referenced = lookup.catalogue.relations.get(key.relationOid);
      const attribute = key.referencedColumns[index];
      if (index < 0 || referenced === undefined || attribute === undefined) continue;
      const mask = masks.of(referenced).get(attribute);
      if (mask === undefined || mask.assign === 'Allow') continue;
      this.#analysis.refuse('MaskedWrite', `column ${base.relation.schema}.${base.relation.name}.${column.name} refers to a masked column: writing it would be a way to guess its values`);
    }
  }

  #keepSecrets(select: SelectStmt, columns: readonly Column[], base: BaseReference): void {
    for (const row of select.valuesLists ?? []) {
      if ('List' in row) (row.List.items ?? []).forEach((value, index) => { this.#keepSecret(value, columns[index], base); });
    }
    (select.targetList ?? []).forEach((target, index) => {
      if ('ResTarget' in target) this.#keepSecret(target.ResTarget.val, columns[index], base);
    });
  }

  /** A value for a masked column stands in recordings as a digest. */
  #keepSecret(value: Node | undefined, column: Column | undefined, base: BaseReference): void {
    if (value === undefined || column === undefined || !base.masks.has(column.number)) return;
    for (const constant of constantsOf(value)) {
      if ('ParamRef' in constant && constant.ParamRef.number !== undefined) this.#analysis.secretParameters.add(constant.ParamRef.number);
      if (!('A_Const' in constant) || constant.A_Const.location === undefined) continue;
      const token = this.#analysis.tokens[this.#analysis.tokenAt(constant.A_Const.location)];
      if (token !== undefined) this.#analysis.hideInRecord(token);
    }
  }

  #onConflict(clause: OnConflictClause, target: Target, hasWhere: boolean): void {
    const { base } = target;
    const scope: Scope = childScope(target.scope);
    scope.entries.push(target.entry);
    for (const element of clause.infer?.indexElems ?? []) {
      if (!('IndexElem' in element)) continue;
      const column = columnNamed(base.relation, element.IndexElem.name ?? '');
      if (column !== undefined && base.masks.has(column.number)) this.#queries.references.refuseTargetRead(base, `column ${column.name}`);
      this.#queries.expression(element.IndexElem.expr, { scope, clause: 'Where', depth: target.depth + 1 });
    }
    this.#queries.expression(clause.infer?.whereClause, { scope, clause: 'Where', depth: target.depth + 1 });
    if (clause.action !== 'ONCONFLICT_UPDATE') return;
    // `excluded` holds what the statement itself proposed.
    const proposed = new Map(base.relation.columns.map(({ name }) => [name, ['Derived']] as const));
    scope.entries.push({ alias: 'excluded', columns: isUnlisted(base.relation) ? undefined : proposed, isTainted: false });
    const columns = this.#assignments(clause.targetList, { ...target, scope });
    this.#queries.expression(clause.whereClause, { scope, clause: 'Where', depth: target.depth + 1 });
    this.#queries.references.touch('Update', base, columnList(columns), { hasWhere, ...this.#countable() });
  }

  #returning(clause: ReturningClause | undefined, target: Target, others: readonly Entry[]): SelectResult {
    const exprs = clause?.exprs ?? [];
    if (exprs.length === 0) return { names: undefined, isTainted: false };
    const scope = childScope(target.scope.parent);
    for (const [name, table] of target.scope.commonTables) scope.commonTables.set(name, table);
    scope.entries.push(target.entry, ...others);
    for (const alias of rowAliases(clause)) scope.entries.push({ alias, columns: target.entry.columns, base: target.base, isTainted: false });
    const before = this.#analysis.maskedReads.length;
    const outer = this.#analysis.storingInto;
    this.#analysis.storingInto = undefined;
    const columns = exprs.map((node, index) => ('ResTarget' in node ? this.#returned(node.ResTarget, { ...target, scope }, others, index) : undefined));
    this.#analysis.storingInto = outer;
    const names = columns.every((each) => each !== undefined) ? columns.flat() : undefined;
    return { names, isTainted: this.#analysis.maskedReads.length > before || target.base.masks.size > 0 };
  }

  /** Names of the output columns that one item makes; undefined where they cannot be told. */
  #returned({ val, name, location }: ResTarget, target: Target, others: readonly Entry[], index: number): readonly OutputName[] | undefined {
    const place: Place = { scope: target.scope, clause: 'Returning', depth: target.depth, targetIndex: index };
    const star = val !== undefined && 'ColumnRef' in val ? starOf(val.ColumnRef.fields) : undefined;
    if (val !== undefined && 'ColumnRef' in val && star !== undefined) return this.#returnedStar(val, val.ColumnRef.location, star, target, others, place);
    const before = this.#analysis.edits.length;
    this.#queries.target(val, place);
    const output = outputName(name, val);
    const isRewritten = this.#analysis.edits.length > before;
    // A mask in the place of a column may change the name that PostgreSQL finds for the item.
    if (isRewritten && output.isGuessed && location !== undefined) {
      const end = this.#endOfItem(location);
      this.#analysis.edit(end, end, ` AS ${quoteIdentifier(output.name)}`);
    }
    return [output];
  }

  /** `*` over a masked target is written out, so that each masked column can be put behind its mask. */
  #returnedStar(value: Node, location: number | undefined, qualifier: readonly string[], target: Target, others: readonly Entry[], place: Place): readonly OutputName[] | undefined {
    const { base } = target;
    const own = qualifier.at(-1) ?? base.alias;
    const isBare = qualifier.length === 0;
    const isTarget = isBare || target.scope.entries.some((entry) => entry.alias === own && entry.base === base);
    if (!isTarget || base.masks.size === 0) {
      this.#queries.target(value, place);
      return isBare && others.length > 0 ? undefined : starNames(resolveStar(target.scope, qualifier), false);
    }
    const last = location === undefined ? undefined : this.#analysis.tokens[this.#analysis.tokenAt(location) + 2 * qualifier.length];
    if (location === undefined || last === undefined) return undefined;
    const items = base.relation.columns.map((column) => {
      base.read.add(column.name);
      return this.#queries.references.returnedColumn(base, column, own);
    });
    const beside = isBare ? this.#starsBeside(others, place) : [];
    // MERGE shows its source first.
    this.#analysis.edit(location, last.end, (target.isSourceFirst ? [...beside, ...items] : [...items, ...beside]).join(', '));
    return beside.length > 0 ? undefined : base.relation.columns.map((column) => ({ name: column.name, isGuessed: false }));
  }

  #starsBeside(others: readonly Entry[], place: Place): readonly string[] {
    return others.map((entry) => {
      if (entry.alias === '' || entry.isMerged === true) {
        this.#analysis.refuse('Unsupported', 'RETURNING * beside joined relations cannot be masked', { hint: 'Name the columns.' });
      }
      this.#queries.readAll(entry, place);
      return `${quoteIdentifier(entry.alias)}.*`;
    });
  }

  /** Byte offset behind the item of a RETURNING list that starts at `location`. */
  #endOfItem(location: number): number {
    const { tokens } = this.#analysis;
    let depth = 0;
    let at = this.#analysis.tokenAt(location);
    let end = location;
    for (let token = tokens[at]; token !== undefined; token = tokens[++at]) {
      if (depth === 0 && [',', ')', ']', ';'].includes(token.text)) return end;
      if (token.text === '(' || token.text === '[') depth++;
      if (token.text === ')' || token.text === ']') depth--;
      end = token.end;
    }
    return end;
  }
}

/** Written-out rows: each can only meet the one row that its own key names, as a WHERE on the key would. */
function isRowByRow(source: Node | undefined): boolean {
  return source !== undefined && 'SelectStmt' in source && source.SelectStmt.valuesLists !== undefined;
}

function where(target: Target): Place {
  return { scope: target.scope, clause: 'Where', depth: target.depth + 1 };
}

function columnList(columns: readonly Column[]): readonly string[] {
  return columns.map(({ name }) => name);
}

function starOf(fields: readonly Node[] | undefined): readonly string[] | undefined {
  const last = fields?.at(-1);
  if (last === undefined || !('A_Star' in last)) return undefined;
  return strings((fields ?? []).slice(0, -1));
}

/** `old` and `new` of RETURNING, or the names that WITH (OLD AS ..., NEW AS ...) gives them. */
function rowAliases(clause: ReturningClause | undefined): readonly string[] {
  const aliases = ['old', 'new'];
  for (const option of clause?.options ?? []) {
    if ('ReturningOption' in option && option.ReturningOption.value !== undefined) aliases.push(option.ReturningOption.value);
  }
  return aliases;
}

/** Whether some top-level AND term ties a column of the target to literals or parameters (=, IN, BETWEEN). */
function pinsTarget(condition: Node | undefined, target: Target): boolean {
  if (condition === undefined) return false;
  if ('BoolExpr' in condition) {
    return condition.BoolExpr.boolop === 'AND_EXPR' && (condition.BoolExpr.args ?? []).some((term) => pinsTarget(term, target));
  }
  if (!('A_Expr' in condition)) return false;
  const { kind, name, lexpr, rexpr } = condition.A_Expr;
  const path = strings(name) ?? [];
  // An operator of the schema's owner may mean anything.
  if (path.length > 1 && path[0] !== 'pg_catalog') return false;
  const operator = path.at(-1);
  switch (kind) {
    case 'AEXPR_OP':
      return operator === '=' && ((isTargetColumn(lexpr, target) && isConstant(rexpr)) || (isTargetColumn(rexpr, target) && isConstant(lexpr)));
    case 'AEXPR_IN':
      return operator === '=' && isTargetColumn(lexpr, target) && isConstantList(rexpr);
    case 'AEXPR_OP_ANY':
      return operator === '=' && isTargetColumn(lexpr, target) && (isConstant(rexpr) || isConstantArray(rexpr));
    case 'AEXPR_BETWEEN':
      return isTargetColumn(lexpr, target) && isConstantList(rexpr);
    default:
      return false;
  }
}

function isTargetColumn(node: Node | undefined, target: Target): boolean {
  if (node === undefined || !('ColumnRef' in node)) return false;
  const resolution = resolveColumn(target.scope, strings(node.ColumnRef.fields) ?? []);
  if (resolution.kind !== 'Columns') return false;
  return resolution.sources.length > 0 && resolution.sources.every((source) => typeof source !== 'string' && source.base === target.base);
}

function isConstantList(node: Node | undefined): boolean {
  return node !== undefined && 'List' in node && (node.List.items ?? []).every(isConstant);
}

function isConstantArray(node: Node | undefined): boolean {
  return node !== undefined && 'A_ArrayExpr' in node && (node.A_ArrayExpr.elements ?? []).every(isConstant);
}
