import type { Column, Relation } from './catalogue.ts';
import type { OutputName } from './column-names.ts';
import type { ColumnMasks } from './masks.ts';

/** One mention of a relation in a FROM list or as the target of a write, with what was found to be read of it. */
export interface BaseReference {
  readonly relation: Relation;
  readonly masks: ColumnMasks;
  /** Columns of a view that show masked columns, by the masks that hold inside it. */
  readonly shown: ColumnMasks;
  readonly isTarget: boolean;
  /** The name by which the text calls it: its alias or its own name. */
  readonly alias: string;
  /** Names that the alias gives to the first columns. */
  readonly renames: readonly string[];
  readonly read: Set<string>;
  readonly assigned: Set<string>;
  /** Targets of writes: columns that only conditions read. */
  readonly compared: Set<string>;
  readonly systemColumns: Set<string>;
  isReadWhole: boolean;
}

/**
 * A visible column: of a base relation, or of something that was analysed on its own already. `Guessed`: there may
 * be no column of this name after all, so that the name may just as well mean one further out, or a function.
 */
export type ColumnSource = { readonly base: BaseReference; readonly column: Column } | 'Derived' | 'Guessed';

/** Something that column names can refer to: a relation, sub-select, function or aliased join. */
export interface Entry {
  readonly alias: string;
  /** Set when `schema.alias.column` may be written: the relation was named without an alias. */
  readonly schema?: string;
  /** Undefined when the names cannot be told: function results, temporary tables. */
  readonly columns: ReadonlyMap<string, readonly ColumnSource[]> | undefined;
  readonly base?: BaseReference;
  /** Whether masked values were read to make it. */
  readonly isTainted: boolean;
  /** A star over it does not show `columns` one by one: names occur twice, or USING merged them. */
  readonly isMerged?: boolean;
  /** A sub-select in FROM: locking it locks what it reads. */
  readonly isSubselect?: boolean;
}

export interface CommonTable {
  readonly columns: readonly OutputName[] | undefined;
  readonly isTainted: boolean;
}

export interface Scope {
  readonly parent: Scope | undefined;
  readonly entries: Entry[];
  readonly commonTables: Map<string, CommonTable>;
}

export const systemColumnNames: ReadonlySet<string> = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);

export function childScope(parent: Scope | undefined): Scope {
  return { parent, entries: [], commonTables: new Map() };
}

export function findCommonTable(scope: Scope | undefined, name: string): CommonTable | undefined {
  for (let at = scope; at !== undefined; at = at.parent) {
    const found = at.commonTables.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

export type Resolution =
  /** Every source that the name may mean: more than one where that cannot be told. */
  | { readonly kind: 'Columns'; readonly sources: readonly ColumnSource[]; readonly entry: Entry | undefined }
  | { readonly kind: 'System'; readonly bases: readonly BaseReference[]; readonly name: string }
  | { readonly kind: 'Whole'; readonly entry: Entry }
  /** `alias.name` where `name` is no column: PostgreSQL reads it as `name(alias)`. */
  | { readonly kind: 'Function'; readonly entry: Entry; readonly name: string }
  /** `alias.name` where it cannot be told whether `name` is a column. */
  | { readonly kind: 'Unlisted'; readonly name: string }
  | { readonly kind: 'Unknown' };

export function resolveColumn(scope: Scope, path: readonly string[]): Resolution {
  const name = path.at(-1) ?? '';
  return path.length === 1 ? resolveBare(scope, name) : resolveQualified(scope, path.slice(0, -1), name);
}

/** Entries that `qualifier.*` or a bare `*` covers. */
export function resolveStar(scope: Scope, qualifier: readonly string[]): readonly Entry[] {
  if (qualifier.length === 0) return scope.entries;
  const entry = findEntry(scope, qualifier);
  return entry === undefined ? [] : [entry];
}

function resolveBare(scope: Scope, name: string): Resolution {
  const sources: ColumnSource[] = [];
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    const level = at.entries.flatMap(({ columns }) => columns?.get(name) ?? []);
    sources.push(...level);
    if (level.length > 0 && !level.includes('Guessed')) return { kind: 'Columns', sources, entry: undefined };
    if (systemColumnNames.has(name)) {
      const bases = at.entries.flatMap(({ base }) => base ?? []);
      if (bases.length > 0) return { kind: 'System', bases, name };
    }
    // A column of this name may also come from an entry whose names are unknown; then outer levels are only possible.
  }
  if (sources.length > 0) return { kind: 'Columns', sources, entry: undefined };
  const whole = findEntry(scope, [name]);
  if (whole !== undefined) return { kind: 'Whole', entry: whole };
  return { kind: 'Unknown' };
}

function resolveQualified(scope: Scope, qualifier: readonly string[], name: string): Resolution {
  const entry = findEntry(scope, qualifier);
  if (entry === undefined) return { kind: 'Unknown' };
  if (entry.columns === undefined) return { kind: 'Unlisted', name };
  const sources = entry.columns.get(name);
  if (sources?.every((source) => source === 'Guessed') === true) return { kind: 'Unlisted', name };
  if (sources !== undefined) return { kind: 'Columns', sources, entry };
  if (systemColumnNames.has(name) && entry.base !== undefined) return { kind: 'System', bases: [entry.base], name };
  return { kind: 'Function', entry, name };
}

/** The nearest entry of that name; a database name in front has been checked by the caller. */
export function findEntry(scope: Scope, qualifier: readonly string[]): Entry | undefined {
  const alias = qualifier.at(-1);
  const schema = qualifier.at(-2);
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    const found = at.entries.find((entry) => entry.alias !== '' && entry.alias === alias && (schema === undefined || entry.schema === schema));
    if (found !== undefined) return found;
  }
  return undefined;
}
