import type { ObjectMeta } from '../api/object-meta.ts';
import { type NamespacedName, namespacedName } from '../lib/brand.ts';
import { canonicalJson } from '../lib/canonical.ts';

interface Named {
  readonly metadata: ObjectMeta;
}

/** By namespace and name; should two objects share them, by content, so that order still cannot matter. */
export function inOrder<T extends Named>(objects: readonly T[]): readonly T[] {
  return objects.toSorted((a, b) => compareText(nameOf(a), nameOf(b)) || compareText(canonicalJson(a), canonicalJson(b)));
}

export function nameOf({ metadata }: Named): NamespacedName {
  return namespacedName(metadata.namespace ?? '', metadata.name);
}

/** By code units, so that no locale decides what a bundle looks like. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
