import type { AccessBaseline } from '../api/access-baseline.ts';
import type { AccessPolicy } from '../api/access-policy.ts';
import type { AgentConnection } from '../api/agent-connection.ts';
import type { MaskRule } from '../api/mask-rule.ts';

/** Everything that compile looks at: one consistent snapshot, gathered by a provider. Lists are in any order. */
export interface World {
  readonly connections: readonly AgentConnection[];
  readonly policies: readonly AccessPolicy[];
  readonly maskRules: readonly MaskRule[];
  readonly baselines: readonly AccessBaseline[];
  /** Objects that are there but cannot be read. What they may have denied or masked must not become a gap. */
  readonly invalid: readonly InvalidObject[];
  /** `namespace/name` of every Secret that exists. */
  readonly secretNames: ReadonlySet<string>;
  /** The cluster's own issuer of ServiceAccount tokens; absent where there is no cluster. */
  readonly cluster?: { readonly issuer: string; readonly jwksURL?: string };
}

/** An object, or a whole file, that could not be read. */
export interface InvalidObject {
  readonly kind: string;
  /** Empty when it is cluster-scoped or cannot be told: it then stands for every namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly message: string;
  /** Names of the connections that it is for; absent when they cannot be told: it is then for all of its namespace. */
  readonly targetRefs?: readonly string[];
}
