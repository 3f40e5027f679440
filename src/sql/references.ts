/** Mentions of relations: what they resolve to, what was read of them, and the edits that mask or pin them. */
import type { ColumnRef, RangeTableSample, RangeVar } from '@pgsql/types';
import type { Operation } from '../bundle/bundle.ts';
import { maskSql } from '../mask/mask-sql.ts';
import type { Analysis } from './analysis.ts';
import type { Column, Relation } from './catalogue.ts';
import { columnTypeOf } from './column-type.ts';
import type { ColumnMasks } from './masks.ts';
import type { Place } from './place.ts';
import { quoteIdentifier, quoteName } from './quote.ts';
import type { BaseReference, ColumnSource, Entry } from './scope.ts';
import { maskedSubselect } from './substitute.ts';
import { deniedSystemRelations } from './system-relations.ts';
import { strings } from './tree.ts';
import { isProjection } from './masked-read.ts';

interface Pending {
  readonly base: BaseReference;
  readonly range: RangeVar;
  readonly sample: RangeTableSample | undefined;
  /** SQL of the view's body where the view has to be written out. */
  readonly inlined: string | undefined;
  readonly stars: { readonly start: number | undefined; readonly end: number | undefined }[];
  /** Mentions of the whole row by its bare name. */
  readonly rows: { readonly start: number; readonly end: number }[];
  /** Schema names in front of columns, which do not reach a sub-select. */
  readonly qualifiers: { readonly start: number; readonly end: number }[];
  /** COPY reads a table without those that inherit from it, and has no ONLY to say so. */
  readonly isOnly: boolean;
}

const noMasks: ColumnMasks = new Map();

export class RelationReferences {
  readonly #analysis: Analysis;
  readonly #pending: Pending[] = [];

  constructor(analysis: Analysis) {
    this.#analysis = analysis;
  }

  mark(): number {
    return this.#pending.length;
  }

  /** Records and rewrites every reference made since the mark. */
  finish(mark: number): void {
    for (const pending of this.#pending.splice(mark)) this.#finishOne(pending);
  }

  read(range: RangeVar, sample: RangeTableSample | undefined, isOnly = range.inh !== true): Entry {
    const relation = this.resolve(range);
    if (relation === undefined) return { alias: range.alias?.aliasname ?? range.relname ?? '', columns: undefined, isTainted: false };
    this.#checkReadable(relation);
    const masks = isUnlisted(relation) ? noMasks : this.#analysis.environment.masks.of(relation);
    const inlined = this.#inline(relation);
    const shown = inlined === undefined ? noMasks : this.#analysis.environment.views.inheritedMasks(relation);
    const base = newReference(relation, masks, range, false, shown);
    this.#pending.push({ base, range, sample, inlined, stars: [], rows: [], qualifiers: [], isOnly });
    return entryOf(base, range);
  }

  /** The target of a write: never substituted, so its masked columns may not be read. */
  target(range: RangeVar): BaseReference | undefined {
    const relation = this.resolve(range);
    if (relation === undefined) return undefined;
    this.#checkReadable(relation);
    const masks = isUnlisted(relation) ? noMasks : this.#analysis.environment.masks.of(relation);
    if (relation.kind === 'View' && (masks.size > 0 || this.#inline(relation) !== undefined)) {
      this.#analysis.refuse('MaskedView', `${relation.schema}.${relation.name} is a view over masked data and cannot be written through`);
    }
    if (relation.isSystem) this.#analysis.refuse('ServerState', `${relation.schema}.${relation.name} belongs to the server and cannot be written`);
    if (relation.hasRules === true && !this.#analysis.environment.masks.isEmpty) {
      this.#analysis.refuse('MaskedWrite', `rules turn writes to ${relation.schema}.${relation.name} into other statements, which run on unmasked data`);
    }
    this.pin(range, relation);
    return newReference(relation, masks, range, true, noMasks);
  }

  /** What a name means; a name that means nothing is refused as PostgreSQL would refuse it. */
  resolve(range: RangeVar): Relation | undefined {
    const { lookup, session } = this.#analysis.environment;
    const name = range.relname ?? '';
    if (range.catalogname !== undefined && range.catalogname !== lookup.catalogue.database) {
      this.#analysis.refuse('Unsupported', 'cross-database references are not implemented', { sqlstate: '0A000', ...at(range) });
      return undefined;
    }
    const isTemporary = !this.#analysis.isDefinition && session.temporaries.has(name);
    if (range.schemaname === 'pg_temp' || (range.schemaname === undefined && isTemporary)) return this.#temporary(range, isTemporary);
    const relation = (range.schemaname === undefined ? lookup.resolve(name, this.#analysis.searchPath) : lookup.relation(range.schemaname, name)) ?? this.#created(range);
    if (relation === undefined) {
      const written = range.schemaname === undefined ? name : `${range.schemaname}.${name}`;
      this.#analysis.refuse('UnknownObject', `relation "${written}" does not exist`, { sqlstate: '42P01', ...at(range) });
    }
    return relation;
  }

  /** A relation that the open transaction made is not in the snapshot; it holds what the agent itself put in. */
  #created(range: RangeVar): Relation | undefined {
    const { lookup, session } = this.#analysis.environment;
    if (session.created === undefined || this.#analysis.isDefinition) return undefined;
    const name = range.relname ?? '';
    const schemas = range.schemaname === undefined ? lookup.effectivePath(this.#analysis.searchPath) : [range.schemaname];
    const schema = schemas.find((each) => session.created?.has(quoteName(each, name)) === true);
    return schema === undefined ? undefined : { ...temporaryRelation(name), schema };
  }

  #temporary(range: RangeVar, isKnown: boolean): Relation | undefined {
    const { session, masks } = this.#analysis.environment;
    const name = range.relname ?? '';
    if (!isKnown) {
      this.#analysis.refuse('UnknownObject', `relation "${name}" does not exist`, { sqlstate: '42P01', ...at(range) });
      return undefined;
    }
    if (session.temporaries.get(name)?.maskSet !== masks.view.id) {
      this.#analysis.refuse('StaleCatalogue', `temporary table "${name}" was filled while other masks were in force`, { hint: 'Drop it and fill it anew.' });
    }
    return temporaryRelation(name);
  }

  isSubstituted(base: BaseReference): boolean {
    if (base.isTarget) return false;
    return base.masks.size > 0 || this.#pending.some((pending) => pending.base === base && pending.inlined !== undefined);
  }

  readColumn(base: BaseReference, column: Column, place: Place, isPlain: boolean, ref: ColumnRef | undefined): void {
    // Conditions of a write go with the write; what RETURNING shows, or what is copied from column to column, is a read.
    const isCompared = base.isTarget && (place.clause === 'Where' || (place.clause === 'Assign' && base.assigned.has(column.name)));
    (isCompared ? base.compared : base.read).add(column.name);
    const mask = base.masks.get(column.number) ?? base.shown.get(column.number);
    if (mask === undefined) return;
    if (base.isTarget) {
      this.#readOfTarget(base, column, place, isPlain, ref);
      return;
    }
    const { clause, depth, targetIndex } = place;
    this.#analysis.noteMaskedRead(base, column, mask, { clause, depth, targetIndex, isPlain });
  }

  /** RETURNING may show a masked column of the target through its mask; nothing else may read it. */
  #readOfTarget(base: BaseReference, column: Column, place: Place, isPlain: boolean, ref: ColumnRef | undefined): void {
    const mask = base.masks.get(column.number);
    if (place.clause !== 'Returning' || ref?.location === undefined || mask === undefined) {
      this.refuseTargetRead(base, `column ${column.name}`);
      return;
    }
    if (mask.predicates === 'Deny' && !isPlain) {
      this.refuseTargetRead(base, `column ${column.name}`);
      return;
    }
    const tokens = this.#analysis.tokens;
    const first = this.#analysis.tokenAt(ref.location);
    const last = tokens[first + 2 * ((ref.fields?.length ?? 1) - 1)];
    if (last === undefined) return;
    const written = Buffer.from(this.#analysis.text).toString('utf8', ref.location, last.end);
    const sql = maskSql(mask.mask, written, columnTypeOf(this.#analysis.environment.lookup.catalogue, column));
    const hasName = tokens[this.#analysis.tokenAt(last.end)]?.text.toLowerCase() === 'as';
    this.#analysis.edit(ref.location, last.end, isPlain && !hasName ? `(${sql}) AS ${quoteIdentifier(column.name)}` : `(${sql})`);
    this.#analysis.maskedColumns.add(`${base.relation.schema}.${base.relation.name}.${column.name}`);
    this.#analysis.noteMaskedRead(base, column, mask, { clause: 'Returning', depth: place.depth, targetIndex: place.targetIndex, isPlain });
  }

  /** One item of a written-out `RETURNING *`. */
  returnedColumn(base: BaseReference, column: Column, qualifier: string): string {
    const name = `${quoteIdentifier(qualifier)}.${quoteIdentifier(column.name)}`;
    const mask = base.masks.get(column.number);
    if (mask === undefined) return name;
    this.#analysis.maskedColumns.add(`${base.relation.schema}.${base.relation.name}.${column.name}`);
    return `(${maskSql(mask.mask, name, columnTypeOf(this.#analysis.environment.lookup.catalogue, column))}) AS ${quoteIdentifier(column.name)}`;
  }

  refuseTargetRead(base: BaseReference, what: string): void {
    this.#analysis.refuse('MaskedWrite', `${what} of ${base.relation.schema}.${base.relation.name} is masked: a statement that writes to the table may not read it`, {
      hint: 'Select rows by columns that are not masked.',
    });
  }

  touch(operation: Operation, base: BaseReference, columns: Iterable<string> | '*', more: { readonly hasWhere?: boolean; readonly uncountable?: boolean; readonly ofCondition?: Operation } = {}): void {
    this.#analysis.touch(operation, base.relation, columns, { ...more, ...flagsOf(base.relation) });
  }

  /** A sub-select's row has no named type: the table's is given back once it is known what else the sub-select holds. */
  noteRow(base: BaseReference, start: number, end: number): void {
    this.#pending.find((pending) => pending.base === base)?.rows.push({ start, end });
  }

  /** `schema.table.column` does not reach a sub-select in the table's place: the schema is then taken off. */
  noteQualifier(base: BaseReference, start: number, end: number): void {
    this.#pending.find((pending) => pending.base === base)?.qualifiers.push({ start, end });
  }

  noteStar(base: BaseReference, start: number | undefined, end: number | undefined): void {
    this.#pending.find((pending) => pending.base === base)?.stars.push({ start, end });
  }

  /** Writes the schema in front of an unqualified name once the session could make it mean something else. */
  pin(range: RangeVar, relation: Relation): void {
    if (this.#analysis.isDefinition || !this.#analysis.environment.session.isDirty) return;
    if (range.schemaname !== undefined || range.location === undefined) return;
    this.#analysis.edit(range.location, range.location, isOwnTemporary(relation) ? 'pg_temp.' : `${quoteIdentifier(relation.schema)}.`);
  }

  #checkReadable(relation: Relation): void {
    if (relation.isSystem && (relation.kind === 'Toast' || deniedSystemRelations.has(relation.name))) {
      this.#analysis.refuse('ServerState', `${relation.schema}.${relation.name} shows data, files or settings of the server and cannot be read`);
    }
    if (relation.kind === 'Toast' || relation.schema === 'pg_toast') this.#analysis.refuse('ServerState', 'TOAST tables hold raw data and cannot be read');
    if (relation.kind === 'Index' || relation.kind === 'CompositeType') {
      this.#analysis.refuse('UnknownObject', `cannot open relation "${relation.name}"`, { sqlstate: '42809' });
    }
    if (isUnlisted(relation)) return;
    const reason = this.#analysis.environment.masks.unresolvedOf(relation) ?? this.#analysis.environment.views.refusalOf(relation);
    if (reason !== undefined) this.#analysis.refuse('MaskUnresolved', reason, { hint: 'Ask the owner of the MaskRule to update it.' });
  }

  #inline(relation: Relation): string | undefined {
    if (relation.kind !== 'View' || relation.isSystem) return undefined;
    const view = this.#analysis.environment.views.inline(relation);
    for (const use of view.functions) this.#analysis.useFunction(use);
    for (const refusal of view.refusals) this.#analysis.refusals.push(refusal);
    for (const column of view.maskedColumns) this.#analysis.maskedColumns.add(column);
    // What a view shows as it is counts where its columns are read.
    for (const read of view.sql === undefined ? [] : view.maskedReads.filter((each) => !isProjection(each))) {
      if (read.mask.predicates === 'Deny') this.#analysis.refuse('MaskedPredicate', `view ${relation.schema}.${relation.name} reads ${read.relation.schema}.${read.relation.name}.${read.column.name}, which may only be selected as it is`);
    }
    if (view.isOpaque) {
      this.#analysis.isOpaque = true;
      if (this.#analysis.storingInto !== undefined) this.#analysis.refuseStoring(`what view ${relation.schema}.${relation.name} shows`);
    }
    return view.sql;
  }

  #finishOne(pending: Pending): void {
    const { base, range } = pending;
    const columns = base.isReadWhole && base.relation.columns.length === 0 ? '*' : base.read;
    this.touch('Select', base, columns);
    if (!this.#needsMasking(pending)) {
      this.pin(range, base.relation);
      return;
    }
    for (const column of base.relation.columns) {
      if (base.masks.has(column.number)) this.#analysis.maskedColumns.add(`${base.relation.schema}.${base.relation.name}.${column.name}`);
    }
    this.#substitute(pending);
  }

  /** System catalogues stay as they are while nothing is read of them that is withheld. */
  #needsMasking({ base, inlined }: Pending): boolean {
    if (inlined !== undefined) return true;
    if (!base.relation.isSystem) return base.masks.size > 0;
    return base.relation.columns.some(({ number, name }) => base.masks.has(number) && base.read.has(name));
  }

  #substitute({ base, range, sample, inlined, stars, rows, qualifiers, isOnly }: Pending): void {
    if (range.location === undefined) {
      this.#analysis.refuse('Unsupported', 'the place of a masked relation in the statement is unknown');
      return;
    }
    const span = this.#nameSpan(range);
    if (base.systemColumns.size > 0) this.#expandStars(base, stars);
    for (const row of rows) this.#restoreRow(base, row);
    for (const { start, end } of qualifiers) this.#analysis.edit(start, end, '');
    const sampleText = sample === undefined ? undefined : this.#takeSample(sample);
    const catalogue = this.#analysis.environment.lookup.catalogue;
    const sql = maskedSubselect({
      catalogue,
      relation: base.relation,
      masks: base.masks,
      source: inlined,
      isOnly,
      sample: sampleText,
      systemColumns: [...base.systemColumns],
    });
    const alias = range.alias === undefined ? ` AS ${quoteIdentifier(range.relname ?? '')}` : ' ';
    this.#analysis.edit(span.start, span.end, `${span.isTableCommand ? 'SELECT * FROM ' : ''}${sql}${alias}`);
  }

  /** From ONLY or TABLE in front of the name to the `*` or `)` behind it. */
  #nameSpan(range: RangeVar): { readonly start: number; readonly end: number; readonly isTableCommand: boolean } {
    const { tokens } = this.#analysis;
    const parts = 1 + (range.schemaname === undefined ? 0 : 1) + (range.catalogname === undefined ? 0 : 1);
    let first = this.#analysis.tokenAt(range.location ?? 0);
    let last = first + 2 * (parts - 1);
    if (tokens[last + 1]?.text === '*') last++;
    if (range.inh !== true) {
      if (tokens[first - 1]?.text === '(') {
        first--;
        last++;
      }
      first--;
    }
    const isTableCommand = isKeyword(tokens[first - 1]?.text, 'table');
    if (isTableCommand) first--;
    return { start: tokens[first]?.start ?? 0, end: tokens[last]?.end ?? 0, isTableCommand };
  }

  /** Cuts `TABLESAMPLE method (...) [REPEATABLE (...)]` out; it can only stand behind a table, so it moves inside. */
  #takeSample(sample: RangeTableSample): string {
    const { tokens } = this.#analysis;
    const first = this.#analysis.tokenAt(sample.location ?? 0) - 1;
    let last = closingParenthesis(tokens, first + 2);
    if (isKeyword(tokens[last + 1]?.text, 'repeatable')) last = closingParenthesis(tokens, last + 2);
    const start = tokens[first]?.start ?? 0;
    const end = tokens[last]?.end ?? start;
    this.#analysis.edit(start, end, '');
    return Buffer.from(this.#analysis.text).toString('utf8', start, end);
  }

  #restoreRow(base: BaseReference, { start, end }: { readonly start: number; readonly end: number }): void {
    const type = `::${quoteName(base.relation.schema, base.relation.name)}`;
    if (base.systemColumns.size === 0) this.#analysis.edit(end, end, type);
    // A sub-select keeps the name that the item has by itself.
    else this.#analysis.edit(start, end, `(SELECT ROW(${ownColumns(base)})${type} AS ${quoteIdentifier(base.alias)})`);
  }

  #expandStars(base: BaseReference, stars: Pending['stars']): void {
    for (const { start, end } of stars) {
      if (start === undefined || end === undefined) {
        this.#analysis.refuse('Unsupported', 'system columns of a masked table cannot be read beside * over several tables', { hint: 'Name the columns.' });
        continue;
      }
      this.#analysis.edit(start, end, ownColumns(base));
    }
  }
}

function ownColumns(base: BaseReference): string {
  return base.relation.columns.map(({ name }, index) => `${quoteIdentifier(base.alias)}.${quoteIdentifier(base.renames[index] ?? name)}`).join(', ');
}

function at(range: RangeVar): { readonly position?: number } {
  return { position: range.location ?? 0 };
}

function isKeyword(text: string | undefined, keyword: string): boolean {
  return text?.toLowerCase() === keyword;
}

/** Index of the parenthesis that closes the one at `open`. */
function closingParenthesis(tokens: readonly { readonly text: string }[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    if (tokens[at]?.text === '(') depth++;
    if (tokens[at]?.text === ')' && --depth === 0) return at;
  }
  return tokens.length - 1;
}

function newReference(relation: Relation, masks: ColumnMasks, range: RangeVar, isTarget: boolean, shown: ColumnMasks): BaseReference {
  return {
    relation,
    masks,
    shown,
    renames: strings(range.alias?.colnames) ?? [],
    isTarget,
    alias: range.alias?.aliasname ?? range.relname ?? '',
    read: new Set(),
    assigned: new Set(),
    compared: new Set(),
    systemColumns: new Set(),
    isReadWhole: false,
  };
}

/** The names under which a relation's columns are visible; an alias may rename the first few. */
export function entryOf(base: BaseReference, range: RangeVar): Entry {
  const isPlainName = range.alias === undefined;
  const columns = new Map<string, readonly ColumnSource[]>();
  base.relation.columns.forEach((column, index) => {
    columns.set(base.renames[index] ?? column.name, [{ base, column }]);
  });
  return {
    alias: base.alias,
    ...(isPlainName && { schema: base.relation.schema }),
    columns: isUnlisted(base.relation) ? undefined : columns,
    base,
    isTainted: false,
  };
}

export function flagsOf(relation: Relation): { readonly isHarmlessCatalogue?: true; readonly isOwnTemporary?: true } {
  if (isOwnTemporary(relation)) return { isOwnTemporary: true };
  return relation.isSystem ? { isHarmlessCatalogue: true } : {};
}

const temporarySchema = 'pg_temp';

export function isOwnTemporary(relation: Relation): boolean {
  return relation.schema === temporarySchema;
}

/** Made by this session and in no snapshot: temporary, or of the open transaction. */
export function isUnlisted(relation: Relation): boolean {
  return relation.oid === 0;
}

/** A stand-in for a relation that the session made: its columns are PostgreSQL's business. */
export function temporaryRelation(name: string): Relation {
  return {
    oid: 0, schema: temporarySchema, name, kind: 'Table', isSystem: false, owner: '', columns: [], parents: [], hasRowSecurity: false, isSelectable: true,
  };
}
