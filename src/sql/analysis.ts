import type { Operation } from '../bundle/bundle.ts';
import type { FunctionUse, Refusal, RefusalCode, Touch } from '../decide/action.ts';
import type { Column, Relation } from './catalogue.ts';
import type { Edit } from './edits.ts';
import type { Lookup } from './lookup.ts';
import type { MaskedRead } from './masked-read.ts';
import type { ColumnMask, ResolvedMasks } from './masks.ts';
import type { Parser, Token } from './parser.ts';
import type { Effect, SessionView } from './plan.ts';
import type { BaseReference } from './scope.ts';
import type { ViewInliner } from './view.ts';

/** What holds for every statement of one planning: the catalogue, the subject's masks, the session. */
export interface Environment {
  readonly parser: Parser;
  readonly lookup: Lookup;
  readonly masks: ResolvedMasks;
  readonly session: SessionView;
  readonly views: ViewInliner;
  /** Keyed digest that stands in recordings for a value that must not be kept. */
  readonly digest: (value: string) => string;
}

const rowChanges: ReadonlySet<Operation> = new Set<Operation>(['Insert', 'Update', 'Delete', 'Merge']);

interface TouchFacts {
  readonly operation: Operation;
  readonly schema: string;
  readonly relation: string;
  readonly columns: Set<string>;
  isWhole: boolean;
  hasWhere: boolean | undefined;
  isUncountable: boolean;
  readonly flags: Pick<Touch, 'isHarmlessCatalogue' | 'isOwnTemporary' | 'ofCondition'>;
}

/** Gathers what one statement does. Filled by the analysers of queries, writes and utilities; read by the planner. */
export class Analysis {
  readonly text: string;
  readonly environment: Environment;
  /** The text is a view's definition: it runs with the view's names, not the session's. */
  readonly isDefinition: boolean;
  readonly edits: Edit[] = [];
  readonly recordEdits: Edit[] = [];
  readonly effects: Effect[] = [];
  readonly maskedReads: MaskedRead[] = [];
  readonly maskedColumns = new Set<string>();
  readonly refusals: Refusal[] = [];
  readonly settings = new Set<string>();
  readonly channels = new Set<string>();
  readonly operations = new Set<Operation>();
  readonly secretParameters = new Set<number>();
  /** Set while the source of a write to a lasting relation is analysed: masked values must not end up in it. */
  storingInto: string | undefined;
  /** What is read cannot be followed to output columns: a view below compares masked columns. */
  isOpaque = false;
  /** Rows that statements of this kind change are not counted by anybody. */
  isUncounted = false;
  readonly #edited = new Set<string>();
  readonly #touches = new Map<string, TouchFacts>();
  readonly #functions = new Map<string, FunctionUse>();
  #tokens: readonly Token[] | undefined;

  constructor(text: string, environment: Environment, isDefinition: boolean) {
    this.text = text;
    this.environment = environment;
    this.isDefinition = isDefinition;
  }

  get searchPath(): readonly string[] {
    return this.isDefinition ? [] : this.environment.session.searchPath;
  }

  refuse(code: RefusalCode, message: string, more: Omit<Refusal, 'code' | 'message'> = {}): void {
    if (this.refusals.length < 20) this.refusals.push({ code, message, ...more });
  }

  /** An expression may be walked twice; its edits count once. */
  edit(start: number, end: number, text: string): void {
    const key = `${String(start)} ${String(end)} ${text}`;
    if (this.#edited.has(key)) return;
    this.#edited.add(key);
    this.edits.push({ start, end, text });
  }

  /** What stands in recordings in the place of a value that they must not hold. */
  hideInRecord({ start, end, text }: Token): void {
    if (this.recordEdits.some((edit) => edit.start === start)) return;
    this.recordEdits.push({ start, end, text: `'${this.environment.digest(text)}'` });
  }

  touch(operation: Operation, relation: Pick<Relation, 'schema' | 'name'>, columns: Iterable<string> | '*', more: Partial<Touch> = {}): void {
    const key = `${operation}\n${relation.schema}\n${relation.name}\n${more.ofCondition ?? ''}`;
    let facts = this.#touches.get(key);
    if (facts === undefined) {
      const flags = {
        ...(more.isHarmlessCatalogue === true && { isHarmlessCatalogue: true }),
        ...(more.isOwnTemporary === true && { isOwnTemporary: true }),
        ...(more.ofCondition !== undefined && { ofCondition: more.ofCondition }),
      };
      facts = { operation, schema: relation.schema, relation: relation.name, columns: new Set(), isWhole: false, hasWhere: undefined, isUncountable: false, flags };
      this.#touches.set(key, facts);
    }
    if (columns === '*') facts.isWhole = true;
    else for (const column of columns) facts.columns.add(column);
    // Two writes to one relation in one statement: the weaker of the two says.
    if (more.hasWhere !== undefined) facts.hasWhere = (facts.hasWhere ?? true) && more.hasWhere;
    if (more.uncountable === true) facts.isUncountable = true;
  }

  useFunction(use: FunctionUse): void {
    this.#functions.set(`${use.schema}\n${use.name}`, use);
  }

  get touches(): readonly Touch[] {
    return [...this.#touches.values()].map(({ operation, schema, relation, columns, isWhole, hasWhere, isUncountable, flags }) => ({
      operation,
      schema,
      relation,
      columns: isWhole ? ('*' as const) : [...columns].sort(),
      ...(hasWhere !== undefined && { hasWhere }),
      ...((isUncountable || (this.isUncounted && rowChanges.has(operation))) && { uncountable: true }),
      ...flags,
    }));
  }

  get functions(): readonly FunctionUse[] {
    return [...this.#functions.values()];
  }

  /** Tokens of the whole text, scanned when first needed. */
  get tokens(): readonly Token[] {
    if (this.#tokens === undefined) {
      const scanned = this.environment.parser.scan(this.text);
      if (!scanned.ok) this.refuse('Unsupported', 'the statement could not be split into tokens');
      this.#tokens = scanned.ok ? scanned.value : [];
      // Places are found by counting tokens, and UESCAPE makes one name of three.
      if (this.#tokens.some(({ text }) => text.toLowerCase() === 'uescape')) this.refuse('Unsupported', 'UESCAPE is not known in a statement that has to be rewritten');
    }
    return this.#tokens;
  }

  /** Index of the token that starts at or after a byte offset. */
  tokenAt(offset: number): number {
    const tokens = this.tokens;
    let low = 0;
    let high = tokens.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((tokens[middle]?.start ?? Infinity) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  noteMaskedRead(base: BaseReference, column: Column, mask: ColumnMask, place: Omit<MaskedRead, 'relation' | 'column' | 'mask'>): void {
    this.maskedReads.push({ relation: base.relation, column, mask, ...place });
    if (this.storingInto !== undefined) this.refuseStoring(`${base.relation.schema}.${base.relation.name}.${column.name}`);
    const isShown = place.isPlain && place.depth === 0 && (place.clause === 'Target' || place.clause === 'Returning');
    if (mask.predicates === 'Deny' && !isShown && !this.isDefinition) {
      this.refuse('MaskedPredicate', `column ${base.relation.schema}.${base.relation.name}.${column.name} is masked by ${mask.rule} and may only be selected as it is`, {
        hint: 'Select the column by itself, outside expressions, conditions, grouping and sorting.',
      });
    }
  }

  refuseStoring(what: string): void {
    this.refuse('MaskedCopy', `${what} is masked: a write to ${this.storingInto ?? 'a table'} may not read it, or masks would be stored as data`, {
      hint: 'Leave the masked column out, or write into a temporary table.',
    });
  }
}
