/**
 * From a client's text to what it touches and the text that is sent. Total: what cannot be understood becomes a
 * statement that carries a refusal. Invariant: nothing reaches `Plan.text` that the grammar did not read and the
 * analysers did not walk, and a masked relation stands in it only inside its masked sub-select.
 */
import type { IntoClause, Node, SelectStmt } from '@pgsql/types';
import type { Refusal, SqlAction } from '../decide/action.ts';
import { Analysis, type Environment } from './analysis.ts';
import type { Catalogue, Relation } from './catalogue.ts';
import { applyEdits, originalPosition, type Edit } from './edits.ts';
import { Lookup } from './lookup.ts';
import { MaskBindings, ResolvedMasks } from './masks.ts';
import type { Parser, ParsedStatement, ParseFailure } from './parser.ts';
import type { Effect, Plan, PlanContext, PlannedStatement, Planner, SessionView } from './plan.ts';
import type { QueryAnalyser } from './query.ts';
import { childScope } from './scope.ts';
import { SessionWithin } from './session-within.ts';
import { secretStatements } from './statement-kinds.ts';
import { statementName } from './statement-name.ts';
import { depthOf, maximumDepth, unwrap } from './tree.ts';
import { analyseQuery, UtilityAnalyser } from './utility.ts';
import { isProjection } from './masked-read.ts';
import { ViewInliner, type InlinedView } from './view.ts';
import { createQueries } from './write.ts';

export interface PlannerOptions {
  readonly parser: Parser;
  /** Keyed digest for values that recordings must not hold; defaults to a fixed marker. */
  readonly digest?: (value: string) => string;
}

const maximumTextBytes = 1_048_576;

export function createPlanner(options: PlannerOptions): Planner {
  return new SqlPlanner(options);
}

interface Prepared {
  readonly lookup: Lookup;
  readonly masks: ResolvedMasks;
  readonly views: ViewInliner;
}

class SqlPlanner implements Planner {
  readonly #parser: Parser;
  readonly #digest: (value: string) => string;
  readonly #bindings = new MaskBindings();
  /** By catalogue, then by mask set: sessions of one subject share what was resolved. */
  readonly #prepared = new WeakMap<Catalogue, Map<string, Prepared>>();

  constructor({ parser, digest }: PlannerOptions) {
    this.#parser = parser;
    this.#digest = digest ?? (() => '[withheld]');
  }

  plan(text: string, session: SessionView, context: PlanContext): Plan {
    const refusal = refuseText(text);
    if (refusal !== undefined) return refusedPlan(text, refusal);
    if (isBlank(text)) return plainPlan(text, []);
    const parsed = this.#parser.parse(text);
    if (!parsed.ok) return refusedPlan(text, refusalOf(parsed.error, text));
    if (depthOf(parsed.value, maximumDepth) > maximumDepth) return refusedPlan(text, tooDeep);
    const { lookup, masks, views } = this.#prepare(context);
    const environment: Environment = { parser: this.#parser, lookup, masks, session, views, digest: this.#digest };
    return this.#assemble(text, parsed.value, environment);
  }

  #assemble(text: string, statements: readonly ParsedStatement[], environment: Environment): Plan {
    const edits: Edit[] = [];
    const recordEdits: Edit[] = [];
    const session = new SessionWithin(environment.session, environment.lookup, environment.masks.view.id);
    const planned = statements.map((statement) => {
      const { analysis, effects } = analyseStatement(text, statement, { ...environment, session: session.view });
      if (session.isUncertain && !('TransactionStmt' in statement.node)) analysis.refuse('SessionPinned', 'what names mean here depends on how the transaction before it ends', { hint: 'Send the statements one by one.' });
      session.apply(effects);
      edits.push(...analysis.edits);
      recordEdits.push(...analysis.recordEdits);
      return finish(statement.node, analysis, effects);
    });
    const forwarded = applyEdits(text, edits);
    if (forwarded === undefined) return refusedPlan(text, { code: 'Unsupported', message: 'the masks of this statement get in each other\'s way', hint: 'Write the statement in a simpler form.' });
    return {
      statements: planned,
      text: forwarded,
      recordedText: applyEdits(text, recordEdits) ?? withoutLiterals(text),
      position: (at) => originalPosition(text, edits, at),
    };
  }

  #prepare(context: PlanContext): Prepared {
    const sets = this.#prepared.get(context.catalogue) ?? new Map<string, Prepared>();
    this.#prepared.set(context.catalogue, sets);
    let prepared = sets.get(context.masks.id);
    if (prepared === undefined) {
      const lookup = Lookup.of(context.catalogue);
      const views: ViewInliner = new ViewInliner((relation) => this.#definition(relation, lookup, () => masks, () => views));
      const masks = new ResolvedMasks(lookup, context.masks, this.#bindings, (relation) => views.inheritedMasks(relation));
      prepared = { lookup, masks, views };
      sets.set(context.masks.id, prepared);
    }
    return prepared;
  }

  /** Analyses a view's definition as a query of its own, with no session behind it. */
  #definition(relation: Relation, lookup: Lookup, masks: () => ResolvedMasks, views: () => ViewInliner): InlinedView {
    const text = relation.definition ?? '';
    const parsed = this.#parser.parse(text);
    const [statement] = parsed.ok ? parsed.value : [];
    if (statement === undefined || !('SelectStmt' in statement.node)) {
      return { sql: undefined, functions: [], maskedColumns: [], maskedReads: [], reads: [], isOpaque: false, refusals: [{ code: 'MaskedView', message: `the definition of ${relation.schema}.${relation.name} could not be analysed` }] };
    }
    const environment: Environment = { parser: this.#parser, lookup, masks: masks(), session: definitionSession, views: views(), digest: this.#digest };
    const analysis = new Analysis(text, environment, true);
    createQueries(analysis).select(statement.node.SelectStmt, undefined, 0);
    const isMasked = analysis.maskedColumns.size > 0;
    const sql = isMasked ? applyEdits(text, analysis.edits) : undefined;
    // A view that stays as it is was bound to its functions and operators when it was made.
    const refusals = analysis.refusals.filter(({ code }) => isMasked || code !== 'FunctionCapture');
    const reads = analysis.touches.flatMap(({ schema, relation: name }) => lookup.relation(schema, name) ?? []);
    return {
      sql,
      functions: analysis.functions,
      refusals: isMasked && sql === undefined ? [...refusals, { code: 'MaskedView', message: `the definition of ${relation.schema}.${relation.name} cannot be masked` }] : refusals,
      maskedColumns: [...analysis.maskedColumns],
      maskedReads: analysis.maskedReads,
      reads,
      isOpaque: analysis.isOpaque || analysis.maskedReads.some((read) => !isProjection(read)),
    };
  }
}

const definitionSession: SessionView = { searchPath: [], isDirty: false, temporaries: new Map() };
const tooDeep: Refusal = { code: 'TooDeep', message: `the statement is nested deeper than ${String(maximumDepth)} levels`, sqlstate: '54001' };

interface Analysed {
  readonly analysis: Analysis;
  readonly effects: readonly Effect[];
}

function analyseStatement(text: string, { node, start }: ParsedStatement, environment: Environment): Analysed {
  // PostgreSQL reads a prepared statement's names anew when the path has changed: they are written out from the start.
  const isKept = 'PrepareStmt' in node;
  const analysis = new Analysis(text, isKept ? { ...environment, session: { ...environment.session, isDirty: true } } : environment, false);
  const queries = createQueries(analysis);
  const utility = new UtilityAnalyser(queries, start);
  if ('PrepareStmt' in node) return prepare(node, analysis, queries);
  if ('DeclareCursorStmt' in node) return declareCursor(node, analysis, queries);
  if ('ExplainStmt' in node) utility.explain(node.ExplainStmt, (query) => { analyseExplained(query, utility, queries); });
  else analyseNode(node, utility, queries);
  if (secretStatements.has(unwrap(node)?.type ?? '')) hideLiterals(analysis, start);
  return { analysis, effects: analysis.effects };
}

function analyseNode(node: Node, utility: UtilityAnalyser, queries: QueryAnalyser): void {
  if ('ExecuteStmt' in node) {
    queries.expression(node.ExecuteStmt.params, { scope: childScope(undefined), clause: 'Target', depth: 1 });
    queries.analysis.effects.push({ kind: 'Execute', name: node.ExecuteStmt.name ?? '' });
    return;
  }
  const made = 'SelectStmt' in node ? withoutInto(node.SelectStmt) : undefined;
  if (made !== undefined) utility.into(made.into, 'a table', () => { queries.select(made.select, undefined, 0); });
  else if (isQuery(node)) analyseQuery(queries, node);
  else utility.analyse(node);
}

function analyseExplained(query: Node, utility: UtilityAnalyser, queries: QueryAnalyser): void {
  const inner = 'DeclareCursorStmt' in query ? query.DeclareCursorStmt.query : query;
  if (inner !== undefined) analyseNode(inner, utility, queries);
}

/** `SELECT ... INTO` makes a table; in a set operation the clause stands in the leftmost SELECT. */
function withoutInto(select: SelectStmt): { readonly into: IntoClause; readonly select: SelectStmt } | undefined {
  const path: SelectStmt[] = [select];
  for (let next = select.larg; next !== undefined; next = next.larg) path.push(next);
  const into = path.at(-1)?.intoClause;
  if (into === undefined) return undefined;
  const stripped = path.reduceRight<SelectStmt | undefined>((inner, outer) => {
    const { intoClause: _, ...rest } = outer;
    return inner === undefined ? rest : { ...rest, larg: inner };
  }, undefined);
  return stripped === undefined ? undefined : { into, select: stripped };
}

function isQuery(node: Node): boolean {
  return 'SelectStmt' in node || 'InsertStmt' in node || 'UpdateStmt' in node || 'DeleteStmt' in node || 'MergeStmt' in node;
}

function prepare(node: Extract<Node, { PrepareStmt: unknown }>, analysis: Analysis, queries: QueryAnalyser): Analysed {
  const { name, query } = node.PrepareStmt;
  if (query === undefined || !isQuery(query)) {
    analysis.refuse('Unsupported', 'only queries and writes can be prepared in SQL');
    return { analysis, effects: [] };
  }
  analyseQuery(queries, query);
  refuseDelayedPath(analysis);
  const inner = finish(query, analysis, analysis.effects);
  return { analysis, effects: [{ kind: 'Prepare', name: name ?? '', inner, innerText: analysis.text }] };
}

function declareCursor(node: Extract<Node, { DeclareCursorStmt: unknown }>, analysis: Analysis, queries: QueryAnalyser): Analysed {
  const { portalname, query, options } = node.DeclareCursorStmt;
  if (query !== undefined) analyseQuery(queries, query);
  refuseDelayedPath(analysis);
  const holdOption = 0x20;
  const inner = finish(query ?? node, analysis, analysis.effects);
  return { analysis, effects: [{ kind: 'DeclareCursor', name: portalname ?? '', isHoldable: ((options ?? 0) & holdOption) !== 0, inner }] };
}

/** A search path that changes whenever a cursor or prepared statement happens to run would make names mean anything. */
function refuseDelayedPath(analysis: Analysis): void {
  if (!analysis.effects.some(({ kind }) => kind === 'SearchPath')) return;
  analysis.refuse('SessionPinned', 'the search path cannot be set by a cursor or a statement prepared in SQL', { hint: 'Use SET search_path.' });
}

function finish(node: Node, analysis: Analysis, effects: readonly Effect[]): PlannedStatement {
  const action: SqlAction = {
    protocol: 'PostgreSQL',
    statement: statementName(node),
    touches: analysis.touches,
    functions: analysis.functions,
    settings: [...analysis.settings],
    channels: [...analysis.channels],
    operations: [...analysis.operations],
    refusals: analysis.refusals,
  };
  const isWrite = isQuery(node) && !('SelectStmt' in node);
  // Failed constraints of writes to masked relations may speak up as late as here.
  const isLateCheck = ('ConstraintsSetStmt' in node || 'TransactionStmt' in node) && !analysis.environment.masks.isEmpty;
  const copy = 'CopyStmt' in node ? (node.CopyStmt.is_from === true ? ('In' as const) : ('Out' as const)) : undefined;
  const { masks } = analysis.environment;
  const writesMasked = analysis.touches.some(({ schema, relation, operation }) => operation !== 'Select' && isMasked(analysis, schema, relation));
  return {
    action,
    effects,
    returnsRows: returnsRows(node),
    maskedColumns: [...analysis.maskedColumns].sort(),
    mustNotOriginate: masks.origins,
    withholdErrors: writesMasked || isLateCheck || analysis.maskedColumns.size > 0,
    secretParameters: [...analysis.secretParameters],
    isCountedWrite: isWrite,
    ...(copy !== undefined && { copy }),
  };
}

function isMasked(analysis: Analysis, schema: string, name: string): boolean {
  const relation = analysis.environment.lookup.relation(schema, name);
  return relation !== undefined && analysis.environment.masks.of(relation).size > 0;
}

function returnsRows(node: Node): boolean {
  if ('SelectStmt' in node) return node.SelectStmt.intoClause === undefined;
  if ('InsertStmt' in node) return node.InsertStmt.returningClause !== undefined;
  if ('UpdateStmt' in node) return node.UpdateStmt.returningClause !== undefined;
  if ('DeleteStmt' in node) return node.DeleteStmt.returningClause !== undefined;
  if ('MergeStmt' in node) return node.MergeStmt.returningClause !== undefined;
  return 'ExplainStmt' in node || 'VariableShowStmt' in node || 'FetchStmt' in node || 'ExecuteStmt' in node || 'CallStmt' in node;
}

function refuseText(text: string): Refusal | undefined {
  // The grammar would stop reading at a NUL, PostgreSQL's protocol does too, but not necessarily at the same one.
  if (text.includes('\0')) return { code: 'Unparsable', message: 'the statement contains a NUL byte', sqlstate: '22021' };
  return Buffer.byteLength(text) > maximumTextBytes ? { code: 'TooLarge', message: 'statements of more than 1 MiB are not analysed', sqlstate: '54000' } : undefined;
}

function isBlank(text: string): boolean {
  return /^[\s;]*$/.test(text);
}

function refusalOf(failure: ParseFailure, text: string): Refusal {
  if (failure.kind !== 'Syntax') return { code: failure.kind === 'Poisoned' ? 'TooDeep' : 'Unparsable', message: failure.message, sqlstate: '54001' };
  const position = byteOffset(text, failure.position ?? 0);
  return { code: 'Unparsable', message: failure.message, sqlstate: '42601', position };
}

/** Of a character's index, counted in code points. */
function byteOffset(text: string, characters: number): number {
  let at = 0;
  for (let i = 0; i < characters && at < text.length; i++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return Buffer.byteLength(text.slice(0, at));
}

function refusedPlan(text: string, refusal: Refusal): Plan {
  const action: SqlAction = { protocol: 'PostgreSQL', statement: 'UNKNOWN', touches: [], functions: [], settings: [], channels: [], operations: [], refusals: [refusal] };
  return plainPlan(text, [
    { action, effects: [], returnsRows: false, maskedColumns: [], mustNotOriginate: new Map(), withholdErrors: true, secretParameters: [], isCountedWrite: false },
  ]);
}

function plainPlan(text: string, statements: readonly PlannedStatement[]): Plan {
  return { statements, text, recordedText: statements.length === 0 ? text : withoutLiterals(text), position: (at) => at };
}

/** Nobody knows what an unreadable statement's literals are: recordings keep its shape alone. */
function withoutLiterals(text: string): string {
  const parts: string[] = [];
  let at = 0;
  for (const opening of text.matchAll(/'|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/g)) {
    if (opening.index < at) continue;
    parts.push(text.slice(at, opening.index), "'[withheld]'");
    const closing = text.indexOf(opening[0], opening.index + opening[0].length);
    // What is never closed is withheld to the end: looking further for each opening would cost the square of the text.
    if (closing < 0) return parts.join('');
    at = closing + opening[0].length;
  }
  return parts.join('') + text.slice(at);
}

function hideLiterals(analysis: Analysis, start: number): void {
  for (const token of analysis.tokens) {
    const isString = /^(?:[eEnN]|[uU]&)?'|^\$/.test(token.text);
    if (token.start >= start && isString) analysis.hideInRecord(token);
  }
}
