import type { ObjectMeta } from '../api/object-meta.ts';
import type { MaskRule, Policy } from '../bundle/bundle.ts';
import { canonicalJson } from '../lib/canonical.ts';
import { type BaselineParts, compileBaseline } from './compile-baseline.ts';
import { compileMaskRule } from './compile-mask-rule.ts';
import { type Compiled, compilePolicy } from './compile-policy.ts';
import { selectsConnection } from './connection-selector.ts';
import { compareText, inOrder } from './order.ts';
import type { InvalidObject, World } from './world.ts';

/** The parts of the world in a fixed order, each object compiled once. */
export interface CompiledWorld {
  readonly policies: readonly Attached<Policy>[];
  readonly maskRules: readonly Attached<MaskRule>[];
  readonly baselines: readonly CompiledBaseline[];
  readonly invalid: readonly InvalidObject[];
  readonly secretNames: ReadonlySet<string>;
  readonly cluster: World['cluster'];
}

/** A compiled object that names its connections. */
export interface Attached<Part> extends Compiled<Part> {
  readonly namespace: string;
  readonly name: string;
  readonly targets: readonly string[];
}

export interface CompiledBaseline extends Compiled<BaselineParts> {
  readonly name: string;
  readonly covers: (connection: ObjectMeta) => boolean;
}

export function compileObjects(world: World): CompiledWorld {
  return {
    policies: inOrder(world.policies).map((policy) => attach(policy, compilePolicy(policy))),
    maskRules: inOrder(world.maskRules).map((rule) => attach(rule, compileMaskRule(rule))),
    baselines: inOrder(world.baselines).map((baseline) => ({
      ...compileBaseline(baseline),
      name: baseline.metadata.name,
      covers: (connection) => selectsConnection(baseline.spec.connectionSelector, connection),
    })),
    invalid: world.invalid.toSorted((a, b) => compareText(canonicalJson(a), canonicalJson(b))),
    secretNames: world.secretNames,
    cluster: world.cluster,
  };
}

interface Targeting {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly targetRefs: readonly { readonly name: string }[] };
}

function attach<Part>({ metadata, spec }: Targeting, compiled: Compiled<Part>): Attached<Part> {
  const targets = [...new Set(spec.targetRefs.map(({ name }) => name))].toSorted(compareText);
  return { ...compiled, namespace: metadata.namespace ?? '', name: metadata.name, targets };
}
