import type { World } from '../../compile/world.ts';
import type { NamespacedName } from '../../lib/brand.ts';
import type { Secret } from '../../lib/secret.ts';

/**
 * What a directory held at one moment. An object with a problem is never in `world` as if it were whole: it is
 * in `world.invalid`, so that what it would have denied or masked becomes a denial and not a gap.
 */
export interface Snapshot {
  readonly world: World;
  readonly secrets: SecretValues;
  readonly problems: readonly Problem[];
}

/** Values by key, by `namespace/name` of the Secret. */
export type SecretValues = ReadonlyMap<NamespacedName, ReadonlyMap<string, Secret<string>>>;

/** One fault of a file, said so that it can be mended without looking anything up. */
export interface Problem {
  /** Name of the file in the directory; empty when it is the directory itself. */
  readonly file: string;
  /** Such as `AccessPolicy team-a/read-only`; absent when the document cannot be read that far. */
  readonly object?: string;
  /** Such as `spec.rules[0].effect`; absent when it is the whole object. */
  readonly path?: string;
  readonly message: string;
}

export function describeProblem(problem: Problem): string {
  return [problem.file, problem.object, problem.path, problem.message]
    .filter((part) => part !== undefined && part !== '')
    .join(': ');
}
