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

  touches(key: string, oid: number): boolean {
    const prefix = `${oid}:`;
    for (const place of this.#places.get(key) ?? []) if (place.startsWith(prefix)) return true;
    return false;
  }
}

type ViewRule = MaskView['rules'][number];

const none: ColumnMasks = new Map();
const builtIn: ColumnMask = { mask: { type: 'Null' }, rule: 'built-in', predicates: 'Masked', assign: 'Deny' };

/** The masks of one subject on one catalogue: own, inherited both ways, and those of generated columns. */
export class ResolvedMasks {
  readonly view: MaskView;
  readonly #lookup: Lookup;
  readonly #bindings: MaskBindings;
  readonly #direct = new Map<number, ColumnMasks>();
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
    const byName = new Map<string, ColumnMask>();
    for (const member of this.#family(relation)) {
      for (const [attribute, mask] of this.#directOf(member)) {
        const name = member.columns.find(({ number }) => number === attribute)?.name;
        if (name !== undefined) byName.set(name, combine(byName.get(name), mask));
      }
    }
    if (relation.kind === 'MaterializedView') {
      for (const [attribute, mask] of this.#inherited(relation)) {
        const name = relation.columns.find(({ number }) => number === attribute)?.name;
        if (name !== undefined) byName.set(name, combine(byName.get(name), mask));
      }
    }
    if (byName.size === 0) return none;
    const masks = new Map<number, ColumnMask>();
    for (const column of relation.columns) {
      const mask = byName.get(column.name);
      if (mask !== undefined) masks.set(column.number, mask);
    }
    for (const column of relation.columns) {
      const source = column.generatedFrom?.map((number) => masks.get(number)).find((mask) => mask !== undefined);
      if (source !== undefined) masks.set(column.number, { ...source, mask: { type: 'Null' } });
    }
    return masks;
  }

  /** The relation with all that it inherits from and all that inherits from it: a read of one may show rows of the others. */
  #family(relation: Relation): readonly Relation[] {
    const family = new Map<number, Relation>([[relation.oid, relation]]);
    const up = [relation];
    for (let next = up.pop(); next !== undefined; next = up.pop()) {
      for (const oid of next.parents) {
        const parent = this.#lookup.catalogue.relations.get(oid);
        if (parent !== undefined && !family.has(oid)) {
          family.set(oid, parent);
          up.push(parent);
        }
      }
    }
    const down = [relation];
    for (let next = down.pop(); next !== undefined; next = down.pop()) {
      for (const child of this.#lookup.childrenOf(next.oid)) {
        if (family.has(child.oid)) continue;
        family.set(child.oid, child);
        down.push(child);
      }
    }
    return [...family.values()];
  }

  #directOf(relation: Relation): ColumnMasks {
    let masks = this.#direct.get(relation.oid);
    if (masks === undefined) {
      masks = relation.isSystem ? systemMasks(relation, maskedSystemColumns) : this.#userMasks(relation);
      this.#direct.set(relation.oid, masks);
    }
    return masks;
  }

  #userMasks(relation: Relation): ColumnMasks {
    const masks = new Map<number, ColumnMask>(systemMasks(relation, maskedExtensionColumns));
    for (const rule of this.view.rules) {
      const key = `${rule.relation.schema}\n${rule.relation.name}\n${rule.column}`;
      const names = matchesName(rule.relation, relation.schema, relation.name);
      let hits = 0;
      for (const column of relation.columns) {
        const hit = names && matchesGlob(rule.column, column.name);
        if (!hit && !this.#bindings.isBound(key, relation.oid, column.number)) continue;
        hits++;
        if (isExact(rule)) this.#bindings.bind(key, relation.oid, column.number);
        masks.set(column.number, combine(masks.get(column.number), maskOf(rule)));
      }
      if (names && hits === 0 && isExact(rule)) {
        this.#unresolved.set(relation.oid, `MaskRule ${rule.rule} masks column ${rule.column} of ${relation.schema}.${relation.name}, which has no such column`);
      }
    }
    return masks.size === 0 ? none : masks;
  }
}

function isExact(rule: ViewRule): boolean {
  return ![rule.relation.schema, rule.relation.name, rule.column].some((part) => part.includes('*'));
}

function maskOf(rule: ViewRule): ColumnMask {
  return { mask: rule.mask, rule: rule.rule, predicates: rule.predicates, assign: rule.assign };
}

function systemMasks(relation: Relation, table: ReadonlyMap<string, readonly string[]>): ColumnMasks {
  const names = table.get(relation.name);
  if (names === undefined) return none;
  const masks = new Map<number, ColumnMask>();
  for (const column of relation.columns) if (names.includes(column.name)) masks.set(column.number, builtIn);
  return masks;
}

function combine(a: ColumnMask | undefined, b: ColumnMask): ColumnMask {
  if (a === undefined) return b;
  return {
    mask: strongest([a.mask, b.mask]),
    rule: a.rule === b.rule ? a.rule : `${a.rule}, ${b.rule}`,
    predicates: a.predicates === 'Deny' || b.predicates === 'Deny' ? 'Deny' : 'Masked',
    assign: a.assign === 'Deny' || b.assign === 'Deny' ? 'Deny' : 'Allow',
  };
}

export function columnNamed(relation: Relation, name: string): Column | undefined {
  return relation.columns.find((column) => column.name === name);
}
