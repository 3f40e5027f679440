/** Functions and operators that a statement runs: known harmless ones are free and pinned, others need a rule. */
import type { A_Expr, FuncCall, Node, TypeName } from '@pgsql/types';
import type { Analysis } from './analysis.ts';
import { grantableFunctions, harmlessFunctions, isHarmfulBuiltIn } from './harmless-functions.ts';
import { classifySetting } from './harmless-settings.ts';
import { isHarmlessFunction } from './lookup.ts';
import { foldIdentifier, quoteLiteral, quoteName } from './quote.ts';
import { isOwnTemporary, type RelationReferences } from './references.ts';
import { parseSearchPath } from './search-path.ts';
import { stringLiteral, strings, typeNameOf } from './tree.ts';

export function checkCall(analysis: Analysis, call: FuncCall, references: RelationReferences): void {
  const path = strings(call.funcname) ?? [];
  const name = path.at(-1) ?? '';
  const schema = path.length > 1 ? path.at(-2) : undefined;
  if (schema === 'pg_catalog' || (schema === undefined && special.has(name))) {
    if (checkSpecial(analysis, name, call, references)) {
      if (schema === undefined) pinCaptured(analysis, name, call);
      return;
    }
  }
  if (schema !== undefined && schema !== 'pg_catalog') {
    checkQualified(analysis, schema, name);
    return;
  }
  if (harmlessFunctions.has(name)) {
    if (schema === undefined) pinCaptured(analysis, name, call);
    return;
  }
  checkUnlisted(analysis, schema, name);
}

function checkQualified(analysis: Analysis, schema: string, name: string): void {
  // information_schema's own helpers compute on type modifiers.
  if (schema === 'information_schema' && harmlessFunctions.has(name)) return;
  const candidates = analysis.environment.lookup.functionsNamed(name).filter((entry) => entry.schema === schema);
  if (candidates.length > 0 && candidates.every(isHarmlessFunction)) return;
  analysis.useFunction({ schema, name, isBuiltIn: schema === 'information_schema' });
}

function checkUnlisted(analysis: Analysis, schema: string | undefined, name: string): void {
  const candidates = schema === undefined ? analysis.environment.lookup.functionsNamed(name) : [];
  const harmful = candidates.filter((entry) => !isHarmlessFunction(entry));
  if (candidates.length > 0 && harmful.length === 0 && !isHarmfulBuiltIn(name)) return;
  // A user's function of a built-in's name does not hide the built-in one.
  if (harmful.length === 0 || isHarmfulBuiltIn(name)) {
    analysis.useFunction({ schema: 'pg_catalog', name, isBuiltIn: !grantableFunctions.has(name) });
  }
  // Which overload and schema PostgreSQL chooses depends on types: each candidate must be allowed.
  for (const candidate of harmful) analysis.useFunction({ schema: candidate.schema, name, isBuiltIn: false });
}

/** A user's function of a built-in's name could be chosen by its argument types: the call is pinned. */
function pinCaptured(analysis: Analysis, name: string, call: FuncCall): void {
  if (analysis.environment.lookup.capturingFunctions(name).length === 0) return;
  if (call.funcformat !== undefined && call.funcformat !== 'COERCE_EXPLICIT_CALL') return;
  if (call.location === undefined) {
    analysis.refuse('FunctionCapture', `function ${name} also exists outside pg_catalog`, { hint: `Write pg_catalog.${name}.` });
    return;
  }
  analysis.edit(call.location, call.location, 'pg_catalog.');
}

const special: ReadonlySet<string> = new Set(['current_setting', 'set_config', 'nextval']);

/** Functions whose literal arguments say whether they are harmless. True when the call has been dealt with. */
function checkSpecial(analysis: Analysis, name: string, call: FuncCall, references: RelationReferences): boolean {
  const args = call.args ?? [];
  switch (name) {
    case 'current_setting': {
      const setting = stringLiteral(args[0]);
      if (setting === undefined) guardSetting(analysis, call);
      else if (classifySetting(setting) === 'Protected') refuseProtected(analysis, setting);
      return true;
    }
    case 'set_config': {
      checkSetConfig(analysis, args);
      return true;
    }
    case 'nextval':
      checkNextval(analysis, args, references);
      return true;
    default:
      return false;
  }
}

/**
 * A name that is only known when the statement runs, as of SQLAlchemy's parameters: it is passed through an
 * expression under which no setting of the gateway's can be meant. Names of settings are case-insensitive.
 */
function guardSetting(analysis: Analysis, { args, location }: FuncCall): void {
  const [argument] = args ?? [];
  const span = location === undefined || analysis.isDefinition ? undefined : firstArgument(analysis.tokens, analysis.tokenAt(location));
  if (argument === undefined || 'NamedArgExpr' in argument || span === undefined) {
    refuseVariable(analysis, 'current_setting');
    return;
  }
  analysis.edit(span.start, span.start, 'pg_catalog.replace(pg_catalog.lower(CAST((');
  analysis.edit(span.end, span.end, `) AS pg_catalog.text) COLLATE pg_catalog."C"), 'chaperone.', 'chaperone_hidden.')`);
}

/** From behind the opening parenthesis of a call to its first comma or its end. */
function firstArgument(tokens: Analysis['tokens'], call: number): { readonly start: number; readonly end: number } | undefined {
  const open = tokens.findIndex(({ text }, index) => index >= call && text === '(');
  let depth = 0;
  for (let at = open; open >= 0 && at < tokens.length; at++) {
    const text = tokens[at]?.text;
    if (text === '(' || text === '[') depth++;
    const isEnd = depth === 1 && (text === ',' || text === ')');
    const [first, last] = [tokens[open + 1], tokens[at - 1]];
    if (isEnd) return at === open + 1 || first === undefined || last === undefined ? undefined : { start: first.start, end: last.end };
    if (text === ')' || text === ']') depth--;
  }
  return undefined;
}

function refuseVariable(analysis: Analysis, name: string): void {
  analysis.refuse('DynamicSql', `${name} needs its arguments as literals, so that what it touches can be told`);
}

export function refuseProtected(analysis: Analysis, setting: string): void {
  analysis.refuse('ProtectedSetting', `setting ${setting.slice(0, 64)} belongs to the gateway`);
}

function checkSetConfig(analysis: Analysis, args: readonly Node[]): void {
  const [setting, value] = [stringLiteral(args[0]), stringLiteral(args[1])];
  if (setting === undefined) {
    refuseVariable(analysis, 'set_config');
    return;
  }
  checkSetting(analysis, setting);
  if (setting.toLowerCase() !== 'search_path') return;
  if (value === undefined) refuseVariable(analysis, 'set_config');
  else analysis.effects.push({ kind: 'SearchPath', path: parseSearchPath(value), isLocal: false });
}

export function checkSetting(analysis: Analysis, setting: string): void {
  switch (classifySetting(setting)) {
    case 'Harmless':
      return;
    case 'Protected':
      refuseProtected(analysis, setting);
      return;
    case 'Pinned':
      analysis.refuse('SessionPinned', `setting ${setting.slice(0, 64)} is fixed for sessions through this connection`);
      return;
    case 'Named':
      analysis.settings.add(setting.toLowerCase());
  }
}

/** Drawing a number changes the sequence: it counts as an insert into it. */
function checkNextval(analysis: Analysis, args: readonly Node[], references: RelationReferences): void {
  const written = stringLiteral(args[0]);
  const path = written === undefined ? [] : splitDotted(written);
  const name = path.at(-1);
  if (written === undefined || name === undefined || path.length > 2) {
    refuseVariable(analysis, 'nextval');
    return;
  }
  const schema = path.length === 2 ? path[0] : undefined;
  const relation = references.resolve({ relname: name, ...(schema !== undefined && { schemaname: schema }) });
  if (relation === undefined) return;
  if (isOwnTemporary(relation)) return;
  // An unqualified name inside the literal could be shadowed by what the session made.
  if (schema === undefined && analysis.environment.session.isDirty && !analysis.isDefinition) pinLiteral(analysis, args[0], quoteName(relation.schema, relation.name));
  analysis.touch('Insert', relation, []);
}

function pinLiteral(analysis: Analysis, node: Node | undefined, text: string): void {
  if (node !== undefined && 'TypeCast' in node) {
    pinLiteral(analysis, node.TypeCast.arg, text);
    return;
  }
  if (node === undefined || !('A_Const' in node)) return;
  const token = analysis.tokens[analysis.tokenAt(node.A_Const.location ?? 0)];
  if (token !== undefined) analysis.edit(token.start, token.end, quoteLiteral(text));
}

function splitDotted(written: string): readonly string[] {
  const parts: string[] = [];
  for (const [, quoted, bare] of written.matchAll(/(?:"((?:[^"]|"")*)"|([^."]+))(?:\.|$)/g)) {
    parts.push(quoted === undefined ? foldIdentifier((bare ?? '').trim()) : quoted.replaceAll('""', '"'));
  }
  return parts;
}

export function checkOperator(analysis: Analysis, { kind, name, location, lexpr, rexpr }: A_Expr): void {
  const path = strings(name) ?? [];
  const operator = path.at(-1) ?? '';
  if (path.length > 1) {
    checkQualifiedOperator(analysis, path[0] ?? '', operator);
    return;
  }
  const implied = impliedOperators(kind, operator);
  const captured = implied.filter((each) => analysis.environment.lookup.isCapturedOperator(each));
  if (captured.length === 0) return;
  if (!captured.some((each) => builtInOperators.has(each))) {
    for (const each of captured) useOperator(analysis, undefined, each);
    return;
  }
  // Row comparison and sub-select forms take no OPERATOR() syntax for their parts, plain infix does.
  if (kind === 'AEXPR_OP' && location !== undefined && rexpr !== undefined && !isRow(lexpr)) {
    analysis.edit(location, location + Buffer.byteLength(writtenOperator(analysis, location, operator)), `OPERATOR(pg_catalog.${operator})`);
    return;
  }
  refuseCaptured(analysis, captured[0] ?? operator);
}

function isRow(node: Node | undefined): boolean {
  return node !== undefined && 'RowExpr' in node;
}

/** `!=` is read as `<>`. */
function writtenOperator(analysis: Analysis, location: number, operator: string): string {
  return analysis.tokens[analysis.tokenAt(location)]?.text ?? operator;
}

function impliedOperators(kind: A_Expr['kind'], operator: string): readonly string[] {
  switch (kind) {
    case 'AEXPR_BETWEEN':
    case 'AEXPR_NOT_BETWEEN':
    case 'AEXPR_BETWEEN_SYM':
    case 'AEXPR_NOT_BETWEEN_SYM':
      return ['<', '>', '<=', '>='];
    default:
      return [operator];
  }
}

export function checkBareOperator(analysis: Analysis, operator: string, path: readonly string[] = []): void {
  if (path.length > 1) checkQualifiedOperator(analysis, path[0] ?? '', operator);
  else if (!analysis.environment.lookup.isCapturedOperator(operator)) return;
  else if (builtInOperators.has(operator)) refuseCaptured(analysis, operator);
  else useOperator(analysis, undefined, operator);
}

function refuseCaptured(analysis: Analysis, operator: string): void {
  analysis.refuse('FunctionCapture', `an operator ${operator} outside pg_catalog could be chosen here`, { hint: `Write OPERATOR(pg_catalog.${operator}) where the grammar allows it.` });
}

/** A user's operator named on purpose is a call of its function, which the policy must list by the operator's schema. */
function checkQualifiedOperator(analysis: Analysis, schema: string, operator: string): void {
  if (schema === 'pg_catalog') return;
  if (analysis.environment.lookup.isCapturedOperator(operator)) useOperator(analysis, schema, operator);
}

function useOperator(analysis: Analysis, schema: string | undefined, operator: string): void {
  const { operators, functions } = analysis.environment.lookup.catalogue;
  for (const { functionOid, schema: home, name } of operators) {
    if ((schema !== undefined && home !== schema) || name !== operator) continue;
    const entry = functions.find(({ oid }) => oid === functionOid);
    if (entry !== undefined && !isHarmlessFunction(entry)) analysis.useFunction({ schema: entry.schema, name: entry.name, isBuiltIn: false });
    // A harmful built-in function may hide behind an operator too.
    if (entry === undefined) analysis.useFunction({ schema: home, name: operator, isBuiltIn: false });
  }
}

/** Operators of pg_catalog in 13 to 18: a user's operator of another name is meant when it is written. */
const builtInOperators: ReadonlySet<string> = new Set(
  `!! !~ !~* !~~ !~~* # ## #- #> #>> % & && &< &<| &> * *< *<= *<> *= *> *>= + - -> ->> -|- / < <-> << <<= <<| <= <> <@ <^ = > >= >> >>= >^
  ? ?# ?& ?- ?-| ?| ?|| @ @-@ @> @? @@ @@@ ^ ^@ | |&> |/ |>> || ||/ ~ ~* ~<=~ ~<~ ~= ~>=~ ~>~ ~~ ~~*`.trim().split(/\s+/),
);

/** A cast that the schema's owner defined runs a function of theirs. */
export function checkCast(analysis: Analysis, type: TypeName | undefined): void {
  const { lookup } = analysis.environment;
  const { casts, functions } = lookup.catalogue;
  if (casts.length === 0) return;
  const targets = new Set(lookup.typesNamed(typeNameOf(type)).map(({ oid }) => oid));
  for (const { target, functionOid } of casts) {
    const entry = targets.has(target) ? functions.find(({ oid }) => oid === functionOid) : undefined;
    if (entry !== undefined && !isHarmlessFunction(entry)) analysis.useFunction({ schema: entry.schema, name: entry.name, isBuiltIn: false });
  }
}

/** `(expression).name` and `alias.name` call the function `name` when no column is called so, whatever the expression's type is. */
export function checkAttribute(analysis: Analysis, name: string): void {
  for (const entry of analysis.environment.lookup.capturingFunctions(name)) {
    analysis.useFunction({ schema: entry.schema, name: entry.name, isBuiltIn: false });
  }
  if (isHarmfulBuiltIn(name)) analysis.useFunction({ schema: 'pg_catalog', name, isBuiltIn: !grantableFunctions.has(name) });
}
