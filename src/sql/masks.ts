import type { Mask } from '../bundle/bundle.ts';
import { matchesGlob, matchesName } from '../lib/glob.ts';
import { strongest } from '../mask/strength.ts';
import type { MaskView } from '../decide/mask-view.ts';
import type { Column, Relation } from './catalogue.ts';
import type { Lookup } from './lookup.ts';
import { maskedExtensionColumns, maskedSystemColumns } from './system-relations.ts';

export interface ColumnMask {
  readonly mask: Mask;
  /** The MaskRule, or `built-in`. */
  readonly rule: string;
  readonly predicates: 'Masked' | 'Deny';
  readonly assign: 'Deny' | 'Allow';
}

export type ColumnMasks = ReadonlyMap<number, ColumnMask>;

/**
 * Where an exact mask was seen to land, by (OID, attribute number): renaming the column or its table does not
 * shake it off. Lives as long as the planner; only ever grows.
 */
export class MaskBindings {
  readonly #places = new Map<string, Set<string>>();

  bind(key: string, oid: number, attribute: number): void {
    const places = this.#places.get(key) ?? new Set<string>();
    places.add(`${oid}:${attribute}`);
    this.#places.set(key, places);
  }

  isBound(key: string, oid: number, attribute: number): boolean {
    return this.#places.get(key)?.has(`${oid}:${attribute}`) === true;
  }
}

/** Every mask that names a column of the relation itself. */
type DirectMasks = ReadonlyMap<number, readonly ColumnMask[]>;

type ViewRule = MaskView['rules'][number];

const none: ColumnMasks = new Map();
const builtIn: ColumnMask = { mask: { type: 'Null' }, rule: 'built-in', predicates: 'Masked', assign: 'Deny' };

/** The masks of one subject on one catalogue: own, inherited both ways, and those of generated columns. */
export class ResolvedMasks {
  readonly view: MaskView;
  readonly #lookup: Lookup;
  readonly #bindings: MaskBindings;
  readonly #direct = new Map<number, DirectMasks>();
  readonly #effective = new Map<number, ColumnMasks>();
  readonly #unresolved = new Map<number, string>();
  /** Masks of materialised views, found by reading their definitions; set by the planner. */
  readonly #inherited: (relation: Relation) => ColumnMasks;
  #origins: ReadonlyMap<number, ReadonlySet<number>> | undefined;

  constructor(lookup: Lookup, view: MaskView, bindings: MaskBindings, inherited: (relation: Relation) => ColumnMasks) {
    this.#lookup = lookup;
    this.view = view;
    this.#bindings = bindings;
    this.#inherited = inherited;
  }

  get isEmpty(): boolean {
    return this.view.rules.length === 0;
  }

  /** By attribute number; empty for most relations. */
  of(relation: Relation): ColumnMasks {
    let masks = this.#effective.get(relation.oid);
    if (masks === undefined) {
      masks = this.#resolve(relation);
      this.#effective.set(relation.oid, masks);
    }
    return masks;
  }

  /** Why a relation may not be read at all: an exact mask names a column that it no longer has. */
  unresolvedOf(relation: Relation): string | undefined {
    this.of(relation);
    for (const member of this.#family(relation)) {
      const reason = this.#unresolved.get(member.oid);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  /** Every masked column of every relation, for the check on result columns' origins. */
  get origins(): ReadonlyMap<number, ReadonlySet<number>> {
    this.#origins ??= this.#allOrigins();
    return this.#origins;
  }

  #allOrigins(): ReadonlyMap<number, ReadonlySet<number>> {
    const origins = new Map<number, ReadonlySet<number>>();
    for (const relation of this.#lookup.catalogue.relations.values()) {
      const masks = this.of(relation);
      if (masks.size > 0) origins.set(relation.oid, new Set(masks.keys()));
    }
    return origins;
  }

  #resolve(relation: Relation): ColumnMasks {
    const byName = new Map<string, ColumnMask[]>();
    for (const member of this.#family(relation)) collectByName(byName, member, this.#directOf(member));
    if (relation.kind === 'MaterializedView') collectByName(byName, relation, [...this.#inherited(relation)].map(([attribute, mask]) => [attribute, [mask]]));
    if (byName.size === 0) return none;
    const masks = new Map<number, ColumnMask>();
    for (const column of relation.columns) {
      const all = byName.get(column.name);
      if (all !== undefined) masks.set(column.number, combine(all));
    }
    for (const column of relation.columns) {
      const source = column.generatedFrom?.map((number) => masks.get(number)).find((mask) => mask !== undefined);
      if (source !== undefined) masks.set(column.number, { ...source, mask: { type: 'Null' } });
    }
    return masks;
  }

  /**
   * The relation with all that inherits from it, and all that any of these inherit from: a read of one may show
   * rows of the others.
   */
  #family(relation: Relation): readonly Relation[] {
    const { relations } = this.#lookup.catalogue;
    const down = closure([relation], ({ oid }) => this.#lookup.childrenOf(oid));
    return closure(down, ({ parents }) => parents.flatMap((oid) => relations.get(oid) ?? []));
  }

  #directOf(relation: Relation): DirectMasks {
    let masks = this.#direct.get(relation.oid);
    if (masks === undefined) {
      masks = relation.isSystem ? systemMasks(relation, maskedSystemColumns) : this.#userMasks(relation);
      this.#direct.set(relation.oid, masks);
    }
    return masks;
  }

  #userMasks(relation: Relation): DirectMasks {
    const masks = new Map<number, ColumnMask[]>(systemMasks(relation, maskedExtensionColumns));
    for (const rule of this.view.rules) {
      const key = `${rule.relation.schema}\n${rule.relation.name}\n${rule.column}`;
      const names = matchesName(rule.relation, relation.schema, relation.name);
      let hits = 0;
      for (const column of relation.columns) {
        const hit = names && matchesGlob(rule.column, column.name);
        if (!hit && !this.#bindings.isBound(key, relation.oid, column.number)) continue;
        hits++;
        if (isExact(rule)) this.#bindings.bind(key, relation.oid, column.number);
        append(masks, column.number, maskOf(rule));
      }
      if (names && hits === 0 && isExact(rule)) {
        this.#unresolved.set(relation.oid, `MaskRule ${rule.rule} masks column ${rule.column} of ${relation.schema}.${relation.name}, which has no such column`);
      }
    }
    return masks;
  }
}

/** Everything reachable by `next`, the roots included, each once. */
function closure(roots: readonly Relation[], next: (relation: Relation) => readonly Relation[]): readonly Relation[] {
  const found = new Map(roots.map((root) => [root.oid, root]));
  const stack = [...roots];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    for (const other of next(at)) {
      if (found.has(other.oid)) continue;
      found.set(other.oid, other);
      stack.push(other);
    }
  }
  return [...found.values()];
}

function append<K>(lists: Map<K, ColumnMask[]>, key: K, mask: ColumnMask): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [mask]);
  else list.push(mask);
}

function collectByName(byName: Map<string, ColumnMask[]>, relation: Relation, masks: Iterable<readonly [number, readonly ColumnMask[]]>): void {
  for (const [attribute, found] of masks) {
    const name = relation.columns.find(({ number }) => number === attribute)?.name;
    if (name !== undefined) for (const mask of found) append(byName, name, mask);
  }
}

function isExact(rule: ViewRule): boolean {
  return ![rule.relation.schema, rule.relation.name, rule.column].some((part) => part.includes('*'));
}

function maskOf(rule: ViewRule): ColumnMask {
  return { mask: rule.mask, rule: rule.rule, predicates: rule.predicates, assign: rule.assign };
}

function systemMasks(relation: Relation, table: ReadonlyMap<string, readonly string[]>): Map<number, ColumnMask[]> {
  const names = table.get(relation.name);
  const columns = names === undefined ? [] : relation.columns.filter(({ name }) => names.includes(name));
  return new Map(columns.map(({ number }) => [number, [builtIn]]));
}

/** All masks of one column at once: which is the strongest does not depend on pairs. */
function combine(masks: readonly ColumnMask[]): ColumnMask {
  return {
    mask: strongest(masks.map(({ mask }) => mask)),
    rule: [...new Set(masks.map(({ rule }) => rule))].join(', '),
    predicates: masks.some(({ predicates }) => predicates === 'Deny') ? 'Deny' : 'Masked',
    assign: masks.some(({ assign }) => assign === 'Deny') ? 'Deny' : 'Allow',
  };
}

export function columnNamed(relation: Relation, name: string): Column | undefined {
  return relation.columns.find((column) => column.name === name);
}
