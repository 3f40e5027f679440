/** Everything that is no query and no write to rows: definitions, session control, COPY, EXPLAIN, cursors, PREPARE. */
import type { CallStmt, CopyStmt, CreateTableAsStmt, DefElem, ExplainStmt, IntoClause, LockStmt, Node, RangeVar, TransactionStmt, TruncateStmt, VariableSetStmt, ViewStmt } from '@pgsql/types';
import type { Operation } from '../bundle/bundle.ts';
import { assertNever } from '../lib/result.ts';
import type { Analysis } from './analysis.ts';
import type { Relation } from './catalogue.ts';
import { namedRelations } from './named-relations.ts';
import type { QueryAnalyser } from './query.ts';
import { flagsOf, isOwnTemporary, temporaryRelation } from './references.ts';
import { checkSetting, refuseProtected } from './routines.ts';
import { foldIdentifier } from './quote.ts';
import { childScope } from './scope.ts';
import { classifySetting } from './harmless-settings.ts';
import { statementClasses, type StatementClass } from './statement-kinds.ts';
import { stringLiteral, strings, unwrap } from './tree.ts';

export class UtilityAnalyser {
  readonly #queries: QueryAnalyser;
  readonly #analysis: Analysis;

  /** Byte offset of the statement in the text. */
  readonly #start: number;

  constructor(queries: QueryAnalyser, start: number) {
    this.#queries = queries;
    this.#start = start;
    this.#analysis = queries.analysis;
  }

  analyse(node: Node): void {
    if ('TransactionStmt' in node) this.#transaction(node.TransactionStmt);
    else if ('VariableSetStmt' in node) this.#set(node.VariableSetStmt);
    else if ('VariableShowStmt' in node) this.#show(node.VariableShowStmt.name ?? '');
    else if ('CopyStmt' in node) this.#copy(node.CopyStmt);
    else if ('DiscardStmt' in node) this.#discard(node.DiscardStmt.target);
    else if ('DeallocateStmt' in node) this.#effect('Deallocate', node.DeallocateStmt.name);
    else if ('ClosePortalStmt' in node) this.#effect('CloseCursor', node.ClosePortalStmt.portalname);
    else if ('FetchStmt' in node) this.#analysis.effects.push({ kind: 'Fetch', name: node.FetchStmt.portalname ?? '' });
    else if ('ListenStmt' in node) this.#channel(node.ListenStmt.conditionname);
    else if ('NotifyStmt' in node) this.#channel(node.NotifyStmt.conditionname);
    else if ('LockStmt' in node) this.#lock(node.LockStmt);
    else if ('TruncateStmt' in node) this.#truncate(node.TruncateStmt);
    else if ('CallStmt' in node) this.#call(node.CallStmt);
    else if ('CreateTableAsStmt' in node) this.#createTableAs(node.CreateTableAsStmt);
    else if ('ViewStmt' in node) this.#view(node.ViewStmt);
    else this.#classified(node);
  }

  #effect(kind: 'Deallocate' | 'CloseCursor', name: string | undefined): void {
    this.#analysis.effects.push({ kind, ...(name !== undefined && { name }) });
  }

  #transaction({ kind, savepoint_name, chain }: TransactionStmt): void {
    const verbs = {
      TRANS_STMT_BEGIN: 'Begin', TRANS_STMT_START: 'Begin', TRANS_STMT_COMMIT: 'Commit', TRANS_STMT_ROLLBACK: 'Rollback',
      TRANS_STMT_SAVEPOINT: 'Savepoint', TRANS_STMT_RELEASE: 'Release', TRANS_STMT_ROLLBACK_TO: 'RollbackTo',
    } as const;
    if (kind === undefined || !(kind in verbs)) {
      this.#analysis.refuse('ServerState', 'two-phase commit would leave a transaction behind that no session owns');
      return;
    }
    const verb = verbs[kind as keyof typeof verbs];
    this.#analysis.effects.push({ kind: 'Transaction', verb, chain: chain === true, ...(savepoint_name !== undefined && { name: savepoint_name }) });
  }

  #set(statement: VariableSetStmt): void {
    const name = statement.name ?? '';
    switch (statement.kind) {
      case 'VAR_RESET_ALL':
        this.#analysis.effects.push({ kind: 'SearchPath', path: undefined, isLocal: false });
        return;
      case 'VAR_SET_MULTI':
        // SET TRANSACTION and SET SESSION CHARACTERISTICS; a snapshot is another session's state.
        if (name === 'TRANSACTION SNAPSHOT') this.#analysis.refuse('ServerState', 'snapshots of other sessions cannot be imported');
        return;
      case 'VAR_SET_DEFAULT':
      case 'VAR_RESET':
        if (name.toLowerCase() === 'search_path') this.#searchPath(undefined, statement);
        else if (!['transaction_isolation'].includes(name)) this.#resettable(name);
        return;
      default:
        this.#setValue(name, statement);
    }
  }

  /** Back to what the session began with is never more than what the gateway gave it. */
  #resettable(name: string): void {
    if (classifySetting(name) === 'Protected') refuseProtected(this.#analysis, name);
  }

  #setValue(name: string, statement: VariableSetStmt): void {
    const values = (statement.args ?? []).map((node) => stringLiteral(node) ?? '');
    if (name.toLowerCase() === reasonSetting) {
      this.#analysis.effects.push({ kind: 'Reason', text: values.join(', ') });
      return;
    }
    if (isAlreadySo(name, values[0])) return;
    checkSetting(this.#analysis, name);
    if (name.toLowerCase() === 'search_path') this.#searchPath(values, statement);
  }

  #searchPath(path: readonly string[] | undefined, { is_local }: VariableSetStmt): void {
    this.#analysis.effects.push({ kind: 'SearchPath', path, isLocal: is_local === true });
  }

  #show(name: string): void {
    if (classifySetting(name) === 'Protected') refuseProtected(this.#analysis, name);
  }

  #discard(target: string | undefined): void {
    const targets = { DISCARD_ALL: 'All', DISCARD_PLANS: 'Plans', DISCARD_SEQUENCES: 'Sequences', DISCARD_TEMP: 'Temp' } as const;
    this.#analysis.effects.push({ kind: 'Discard', target: targets[(target ?? 'DISCARD_ALL') as keyof typeof targets] });
  }

  #channel(name: string | undefined): void {
    this.#analysis.operations.add('Listen');
    this.#analysis.channels.add(name ?? '');
  }

  #lock({ relations }: LockStmt): void {
    for (const relation of relations ?? []) if ('RangeVar' in relation) this.#onRelation('Lock', relation.RangeVar);
  }

  #truncate({ relations, behavior }: TruncateStmt): void {
    for (const relation of relations ?? []) if ('RangeVar' in relation) this.#onRelation('Truncate', relation.RangeVar);
    if (behavior === 'DROP_CASCADE') {
      this.#analysis.refuse('Unsupported', 'TRUNCATE ... CASCADE empties tables that it does not name', { hint: 'Name every table.' });
    }
  }

  #onRelation(operation: Operation, range: RangeVar): void {
    const relation = this.#queries.references.resolve(range);
    if (relation === undefined) return;
    this.#queries.references.pin(range, relation);
    this.#analysis.touch(operation, relation, '*', flagsOf(relation));
  }

  #call({ funccall }: CallStmt): void {
    if (funccall === undefined) return;
    const path = strings(funccall.funcname) ?? [];
    const name = path.at(-1) ?? '';
    this.#analysis.operations.add('Call');
    const schemas = path.length > 1 ? [path[0] ?? ''] : this.#analysis.environment.lookup.functionsNamed(name).map(({ schema }) => schema);
    for (const schema of schemas) this.#analysis.useFunction({ schema, name, isBuiltIn: schema === 'pg_catalog' });
    if (schemas.length === 0) this.#analysis.refuse('UnknownObject', `procedure ${name} does not exist`, { sqlstate: '42883' });
    this.#queries.expression(funccall.args, { scope: childScope(undefined), clause: 'Where', depth: 1 });
  }

  #copy(statement: CopyStmt): void {
    if (statement.is_program === true || statement.filename !== undefined) {
      this.#analysis.refuse('ServerFile', 'COPY with a file or program of the server is not possible through a gateway', { hint: 'Use COPY ... TO STDOUT or FROM STDIN (\\copy in psql).' });
      return;
    }
    if (statement.query !== undefined) this.#copyQuery(statement.query);
    else if (statement.relation !== undefined && statement.is_from === true) this.#copyFrom(statement.relation, statement);
    else if (statement.relation !== undefined) this.#copyTo(statement.relation, statement);
  }

  #copyQuery(query: Node): void {
    this.#analysis.operations.add('Copy');
    this.#analysis.isUncounted = true;
    analyseQuery(this.#queries, query);
  }

  /** COPY FROM is Copy and Insert on the table; it also stores, so masked columns follow the rule of writes. */
  #copyFrom(range: RangeVar, statement: CopyStmt): void {
    const columns = (strings(statement.attlist) ?? []).map((name) => ({ ResTarget: { name } }));
    const node: Node = { InsertStmt: { relation: range, ...(columns.length > 0 && { cols: columns }), selectStmt: { SelectStmt: { op: 'SETOP_NONE' } } } };
    this.#analysis.isUncounted = true;
    analyseQuery(this.#queries, node);
    const copied = this.#queries.references.resolve(range);
    if (copied !== undefined) this.#analysis.touch('Copy', copied, columns.length > 0 ? columns.map(({ ResTarget }) => ResTarget.name) : '*', flagsOf(copied));
    this.#queries.expression(statement.whereClause, { scope: childScope(undefined), clause: 'Where', depth: 1 });
    if (statement.whereClause !== undefined && copied !== undefined && this.#analysis.environment.masks.of(copied).size > 0) {
      this.#analysis.refuse('MaskedWrite', 'COPY FROM ... WHERE on a table with masks is not possible');
    }
  }

  /** COPY of a table is a SELECT of its columns; a masked table has to become one in the text too. */
  #copyTo(range: RangeVar, statement: CopyStmt): void {
    const columns = strings(statement.attlist);
    const relation = this.#queries.references.resolve(range);
    if (relation === undefined) return;
    const names = columns === undefined || columns.length === 0 ? relation.columns.map(({ name }) => name) : columns;
    this.#analysis.touch('Copy', relation, names, flagsOf(relation));
    const mark = this.#queries.references.mark();
    // COPY reads the table alone, without those that inherit from it.
    const entry = this.#queries.references.read({ ...range, inh: true }, undefined, relation.kind === 'Table');
    for (const name of names) {
      const [source] = entry.columns?.get(name) ?? [];
      if (source !== undefined && typeof source !== 'string') {
        this.#queries.references.readColumn(source.base, source.column, { scope: childScope(undefined), clause: 'Target', depth: 0 }, true, undefined);
      }
    }
    const { base } = entry;
    const isMasked = base !== undefined && this.#queries.references.isSubstituted(base);
    if (!isMasked) {
      this.#queries.references.finish(mark);
      return;
    }
    this.#copyMasked(range, columns, names, mark);
  }

  #copyMasked(range: RangeVar, columns: readonly string[] | undefined, names: readonly string[], mark: number): void {
    const { tokens } = this.#analysis;
    const first = this.#analysis.tokenAt(range.location ?? 0);
    const parts = 1 + (range.schemaname === undefined ? 0 : 1) + (range.catalogname === undefined ? 0 : 1);
    let last = first + 2 * (parts - 1);
    const nameEnd = tokens[last]?.end ?? 0;
    if (columns !== undefined && columns.length > 0) while (tokens[last] !== undefined && tokens[last]?.text !== ')') last++;
    const end = tokens[last]?.end ?? nameEnd;
    const list = names.map((name) => `"${name.replaceAll('"', '""')}"`).join(', ');
    this.#analysis.edit(range.location ?? 0, range.location ?? 0, `(SELECT ${list} FROM `);
    this.#queries.references.finish(mark);
    this.#analysis.edit(nameEnd, end, ')');
  }

  #createTableAs(statement: CreateTableAsStmt): void {
    const { query, into } = statement;
    this.into(into, statement.objtype === 'OBJECT_MATVIEW' ? 'a materialised view' : 'a table', () => {
      if (query !== undefined && 'ExecuteStmt' in query) this.#analysis.refuse('Unsupported', 'CREATE TABLE AS EXECUTE is not known', { hint: 'Write the query out.' });
      else if (query !== undefined) analyseQuery(this.#queries, query);
    });
  }

  /** SELECT INTO and CREATE TABLE AS: free into a temporary table, Ddl and without masked values otherwise. */
  into(into: IntoClause | undefined, what: string, analyse: () => void): void {
    const range = into?.rel;
    const name = range?.relname ?? '';
    const isTemporary = range?.relpersistence === 't' || range?.schemaname === 'pg_temp';
    const outer = this.#analysis.storingInto;
    if (!isTemporary) this.#analysis.storingInto = `${what} ${name}`;
    analyse();
    this.#analysis.storingInto = outer;
    this.#created(range, name, isTemporary);
  }

  #created(range: RangeVar | undefined, name: string, isTemporary: boolean): void {
    if (isTemporary) {
      this.#analysis.touch('Ddl', { schema: 'pg_temp', name }, '*', { isOwnTemporary: true });
      this.#analysis.effects.push({ kind: 'CreateTemporary', name });
      return;
    }
    const home = range?.schemaname ?? this.#creationSchema();
    const existing = this.#analysis.environment.lookup.relation(home, name);
    if (existing !== undefined) this.#checkMaskedDefinition('Ddl', existing);
    this.#analysis.touch('Ddl', { schema: home, name }, '*');
    if (range !== undefined) this.#pin(range, { ...temporaryRelation(name), schema: home });
    this.#analysis.effects.push({ kind: 'CreateRelation', schema: home, name }, { kind: 'CatalogueChange' });
  }

  /** Where PostgreSQL puts an unqualified new relation: the first schema of the path that there is. */
  #creationSchema(): string {
    return this.#analysis.environment.lookup.effectivePath(this.#analysis.searchPath)[0] ?? 'public';
  }

  #view(statement: ViewStmt): void {
    const range = statement.view;
    const before = this.#analysis.maskedColumns.size;
    this.into({ ...(range !== undefined && { rel: range }) }, 'a view', () => {
      if (statement.query !== undefined) analyseQuery(this.#queries, statement.query);
    });
    if (this.#analysis.maskedColumns.size > before) {
      this.#analysis.refuse('MaskedDdl', 'a view over masked columns would be stored without its masks', { hint: 'Leave the masked columns out.' });
    }
  }

  #classified(node: Node): void {
    const type = unwrap(node)?.type ?? '?';
    const found = statementClasses.get(type);
    if (found === undefined) {
      this.#analysis.refuse('Unsupported', `a statement of the kind ${type} is not known`);
      return;
    }
    this.#judge(found, type, node);
  }

  #judge(found: StatementClass, type: string, node: Node): void {
    switch (found.kind) {
      case 'Free':
        return;
      case 'Never':
        this.#analysis.refuse('ServerState', found.message);
        return;
      case 'Code':
        if (!this.#analysis.environment.masks.isEmpty) this.#analysis.refuse('MaskedDdl', 'code stored in the database would run on unmasked data', { hint: 'Ask somebody without masks on this connection to do it.' });
        this.#onNamed(found.operation, type, node);
        return;
      case 'Operation':
        this.#onNamed(found.operation, type, node);
        return;
      default:
        assertNever(found);
    }
  }

  #onNamed(operation: Operation, type: string, node: Node): void {
    const named = namedRelations(node);
    let isLasting = named.length === 0;
    for (const { range, isNew, isTemporary } of named) isLasting = this.#onDefined(operation, range, isNew, isTemporary) || isLasting;
    if (named.length === 0) this.#analysis.operations.add(operation);
    this.#checkEmbedded(type, node);
    this.#temporaryEffects(node);
    if ('RenameStmt' in node && node.RenameStmt.renameType === 'OBJECT_SCHEMA') this.#checkSchemaRename(node.RenameStmt.subname ?? '');
    if ('CreateSchemaStmt' in node && node.CreateSchemaStmt.schemaElts !== undefined) {
      this.#analysis.refuse('Unsupported', 'CREATE SCHEMA with objects in it is not known', { hint: 'Create the objects by statements of their own.' });
    }
    if ('AlterRoleSetStmt' in node && node.AlterRoleSetStmt.setstmt?.name !== undefined) checkSetting(this.#analysis, node.AlterRoleSetStmt.setstmt.name);
    if (isLasting && operation !== 'Maintenance') this.#analysis.effects.push({ kind: 'CatalogueChange' });
  }

  /** True when it concerns more than the session's own temporary objects. */
  #onDefined(operation: Operation, range: RangeVar, isNew: boolean, isTemporary: boolean): boolean {
    const { environment } = this.#analysis;
    const name = range.relname ?? '';
    if (isTemporary || (range.schemaname === undefined && !isNew && environment.session.temporaries.has(name))) {
      this.#analysis.touch(operation, { schema: 'pg_temp', name }, '*', { isOwnTemporary: true });
      if (isTemporary && isNew) this.#analysis.effects.push({ kind: 'CreateTemporary', name });
      else this.#pin(range, temporaryRelation(name));
      return false;
    }
    const schema = range.schemaname;
    const relation = schema === undefined ? environment.lookup.resolve(name, this.#analysis.searchPath) : environment.lookup.relation(schema, name);
    if (relation === undefined || isNew) {
      const home = schema ?? this.#creationSchema();
      this.#analysis.touch(operation, { schema: home, name }, '*');
      if (isNew) this.#analysis.effects.push({ kind: 'CreateRelation', schema: home, name });
      this.#pin(range, { ...temporaryRelation(name), schema: home });
      return true;
    }
    this.#pin(range, relation);
    this.#analysis.touch(operation, relation, '*', isOwnTemporary(relation) ? { isOwnTemporary: true } : {});
    this.#checkMaskedDefinition(operation, relation);
    return true;
  }

  /** DROP and COMMENT print no place for their names: it is found among the tokens. */
  #pin(range: RangeVar, relation: Relation): void {
    if (range.location !== undefined || range.schemaname !== undefined) {
      this.#queries.references.pin(range, relation);
      return;
    }
    if (!this.#analysis.environment.session.isDirty) return;
    const location = this.#nameLocation(relation.name);
    if (location !== undefined) this.#queries.references.pin({ ...range, location }, relation);
    else this.#analysis.refuse('SessionPinned', `"${relation.name}" needs its schema written in front here`, { hint: 'Qualify the name.' });
  }

  #nameLocation(name: string): number | undefined {
    const { tokens } = this.#analysis;
    const places = tokens.flatMap((token, index) => {
      const written = token.text.startsWith('"') ? token.text.slice(1, -1).replaceAll('""', '"') : foldIdentifier(token.text);
      const isQualified = tokens[index - 1]?.text === '.' || tokens[index + 1]?.text === '.';
      return token.start >= this.#start && written === name && !isQualified ? [token.start] : [];
    });
    return places.length === 1 ? places[0] : undefined;
  }

  /** Masks are written with the schema's name. */
  #checkSchemaRename(schema: string): void {
    const { lookup, masks } = this.#analysis.environment;
    for (const relation of lookup.catalogue.relations.values()) {
      if (relation.schema === schema && masks.of(relation).size > 0) {
        this.#analysis.refuse('MaskedDdl', `schema ${schema} holds masked columns and may not be renamed through this connection`);
        return;
      }
    }
  }

  #checkMaskedDefinition(operation: Operation, relation: Relation): void {
    if (operation === 'Maintenance') return;
    const isMasked = this.#analysis.environment.masks.of(relation).size > 0;
    const feeds = relation.kind === 'View' && this.#analysis.environment.views.inline(relation).sql !== undefined;
    if (isMasked || feeds) {
      this.#analysis.refuse('MaskedDdl', `${relation.schema}.${relation.name} holds or feeds masked columns: its definition may not be changed through this connection`);
    }
  }

  /** Defaults, checks, index expressions and partition bounds run code too. */
  #checkEmbedded(type: string, node: Node): void {
    if (type === 'CreateFunctionStmt' || type === 'CreateEventTrigStmt') return;
    for (const expression of embeddedExpressions(node)) {
      this.#queries.expression(expression, { scope: childScope(undefined), clause: 'Where', depth: 1 });
    }
  }

  #temporaryEffects(node: Node): void {
    if ('DropStmt' in node) {
      const names = (node.DropStmt.objects ?? []).flatMap((object) => ('List' in object ? (strings(object.List.items)?.at(-1) ?? []) : []));
      this.#analysis.effects.push({ kind: 'DropRelations', names });
      const isCascade = node.DropStmt.behavior === 'DROP_CASCADE';
      if (isCascade && names.length > 0 && !this.#analysis.environment.masks.isEmpty && !dropsRelations(node.DropStmt.removeType)) {
        this.#analysis.refuse('MaskedDdl', 'DROP ... CASCADE could take masked relations along', { hint: 'Drop each object by its name.' });
      }
    }
    if ('RenameStmt' in node && node.RenameStmt.relation?.relname !== undefined && node.RenameStmt.newname !== undefined && node.RenameStmt.subname === undefined) {
      this.#analysis.effects.push({ kind: 'RenameRelation', from: node.RenameStmt.relation.relname, to: node.RenameStmt.newname });
    }
  }

  /** EXPLAIN over masked relations would show estimates that come from unmasked statistics. */
  explain(statement: ExplainStmt, analyse: (query: Node) => void): void {
    if (statement.query === undefined) return;
    const options = explainOptions(statement.options);
    if (options.isAnalyze) this.#analysis.isUncounted = true;
    analyse(statement.query);
    // What EXECUTE runs was planned earlier, perhaps with masks in it.
    const isPrepared = 'ExecuteStmt' in statement.query && !this.#analysis.environment.masks.isEmpty;
    if (this.#analysis.maskedColumns.size === 0 && !isPrepared) return;
    if (options.isAnalyze) {
      this.#analysis.refuse('Unsupported', 'EXPLAIN ANALYZE over masked relations would show measures of unmasked data', { hint: 'Use EXPLAIN without ANALYZE.' });
      return;
    }
    const start = this.#analysis.tokenAt(this.#start);
    const end = endOfExplain(this.#analysis.tokens, start);
    this.#analysis.edit(this.#analysis.tokens[start]?.start ?? 0, end, `EXPLAIN (${['COSTS OFF', ...options.kept].join(', ')})`);
  }
}

/** A query or write that stands inside another statement. */
export function analyseQuery(queries: QueryAnalyser, node: Node): void {
  if ('SelectStmt' in node) queries.select(node.SelectStmt, undefined, 0);
  else queries.write(node, undefined, 0);
}

/** Why the agent does what it does; PostgreSQL keeps it as a setting without meaning. */
const reasonSetting = 'chaperone.reason';

/** JDBC and others set what already holds. */
function isAlreadySo(name: string, value: string | undefined): boolean {
  const wanted: Readonly<Record<string, readonly string[]>> = {
    client_encoding: ['utf8', 'utf-8', 'unicode'], names: ['utf8', 'utf-8', 'unicode'], standard_conforming_strings: ['on', 'true', '1'],
  };
  return wanted[name.toLowerCase()]?.includes((value ?? '').toLowerCase()) === true;
}

function dropsRelations(type: string | undefined): boolean {
  return type === 'OBJECT_TABLE' || type === 'OBJECT_VIEW' || type === 'OBJECT_INDEX' || type === 'OBJECT_SEQUENCE' || type === 'OBJECT_MATVIEW';
}

function explainOptions(options: readonly Node[] | undefined): { readonly isAnalyze: boolean; readonly kept: readonly string[] } {
  const kept: string[] = [];
  let isAnalyze = false;
  for (const option of options ?? []) {
    if (!('DefElem' in option)) continue;
    const name = option.DefElem.defname ?? '';
    if (name === 'analyze') isAnalyze = isOn(option.DefElem);
    if ((name === 'verbose' || name === 'generic_plan') && isOn(option.DefElem)) kept.push(name.toUpperCase());
    const format = name === 'format' ? stringOf(option.DefElem.arg)?.toUpperCase() : undefined;
    if (format !== undefined && ['TEXT', 'XML', 'JSON', 'YAML'].includes(format)) kept.push(`FORMAT ${format}`);
  }
  return { isAnalyze, kept };
}

function isOn({ arg }: DefElem): boolean {
  const value = stringOf(arg)?.toLowerCase();
  return value === undefined || !['off', 'false', '0', 'no'].includes(value);
}

function stringOf(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if ('String' in node) return node.String.sval ?? '';
  if ('Integer' in node) return String(node.Integer.ival ?? 0);
  if ('Boolean' in node) return String(node.Boolean.boolval ?? false);
  return undefined;
}

/** Behind `EXPLAIN [(...)]` or `EXPLAIN [ANALYZE] [VERBOSE]`. */
function endOfExplain(tokens: Analysis['tokens'], start: number): number {
  let last = start;
  const isListed = tokens[last + 1]?.text === '(' && isOptionName(tokens[last + 2]?.text);
  if (isListed) {
    while (tokens[last] !== undefined && tokens[last]?.text !== ')') last++;
  } else {
    while (['analyze', 'analyse', 'verbose'].includes(tokens[last + 1]?.text.toLowerCase() ?? '')) last++;
  }
  return tokens[last]?.end ?? 0;
}

/** `EXPLAIN (SELECT ...)` has a query in its parentheses. */
function isOptionName(text: string | undefined): boolean {
  return text !== undefined && !['select', 'with', 'values', 'table', '('].includes(text.toLowerCase());
}

function embeddedExpressions(node: Node): readonly Node[] {
  const found: Node[] = [];
  const stack: unknown[] = [node];
  while (stack.length > 0) {
    const value = stack.pop();
    if (value === null || typeof value !== 'object') continue;
    if (Array.isArray(value)) {
      stack.push(...(value as readonly unknown[]));
      continue;
    }
    const { type } = unwrap(value) ?? {};
    if (type !== undefined && expressionNodes.has(type)) found.push(value as Node);
    else stack.push(...(Object.values(value) as unknown[]));
  }
  return found;
}

/** Roots of expressions inside definitions. */
const expressionNodes: ReadonlySet<string> = new Set(['FuncCall', 'A_Expr', 'SubLink', 'CaseExpr', 'CoalesceExpr', 'BoolExpr', 'TypeCast', 'A_Indirection', 'SelectStmt', 'MinMaxExpr', 'NullTest', 'RowExpr', 'A_ArrayExpr']);
