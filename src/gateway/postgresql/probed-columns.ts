/** Attribute numbers by relation. */
export type ColumnSet = Map<number, Set<number>>;

export interface ProbedRelation {
  readonly oid: number;
  readonly parents: readonly number[];
  readonly columns: readonly { readonly number: number; readonly name: string; readonly generatedFrom?: readonly number[] }[];
}

/**
 * Spreads "something looks at what is assigned here" to where it also holds: a write through a parent meets its
 * children's indexes, a child inherits its parent's constraints, and what is generated from a column tells of it.
 */
export function spreadProbed(relations: ReadonlyMap<number, ProbedRelation>, probed: ColumnSet): void {
  const families = [...relations.values()].filter(({ parents }) => parents.length > 0);
  const generating = [...relations.values()].filter(({ columns }) => columns.some(({ generatedFrom }) => generatedFrom !== undefined));
  for (let hasGrown = true; hasGrown; ) {
    hasGrown = false;
    for (const child of families) {
      for (const oid of child.parents) {
        const parent = relations.get(oid);
        if (parent === undefined) continue;
        const grew = spread(parent, child, probed);
        hasGrown = spread(child, parent, probed) || grew || hasGrown;
      }
    }
    for (const relation of generating) hasGrown = spreadToSources(relation, probed) || hasGrown;
  }
}

/** Columns of one family have one name and numbers of their own. */
function spread(from: ProbedRelation, to: ProbedRelation, probed: ColumnSet): boolean {
  const numbers = probed.get(from.oid);
  if (numbers === undefined) return false;
  const names = new Set(from.columns.filter(({ number }) => numbers.has(number)).map(({ name }) => name));
  let hasGrown = false;
  for (const { name, number } of to.columns) {
    if (names.has(name)) hasGrown = addProbed(probed, to.oid, number) || hasGrown;
  }
  return hasGrown;
}

function spreadToSources({ oid, columns }: ProbedRelation, probed: ColumnSet): boolean {
  let hasGrown = false;
  for (const { number, generatedFrom } of columns) {
    if (generatedFrom === undefined || probed.get(oid)?.has(number) !== true) continue;
    for (const source of generatedFrom) hasGrown = addProbed(probed, oid, source) || hasGrown;
  }
  return hasGrown;
}

export function addProbed(probed: ColumnSet, oid: number, number: number): boolean {
  const numbers = probed.get(oid);
  if (numbers === undefined) {
    probed.set(oid, new Set([number]));
    return true;
  }
  if (numbers.has(number)) return false;
  numbers.add(number);
  return true;
}
