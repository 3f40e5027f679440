import type { AccessBaseline } from '../../api/access-baseline.ts';
import type { AccessPolicy } from '../../api/access-policy.ts';
import type { AgentConnection } from '../../api/agent-connection.ts';
import type { MaskRule } from '../../api/mask-rule.ts';

export interface World {
  readonly connections: readonly AgentConnection[];
  readonly policies: readonly AccessPolicy[];
  readonly maskRules: readonly MaskRule[];
  readonly baselines: readonly AccessBaseline[];
  readonly invalid: readonly InvalidObject[];
  readonly secretNames: ReadonlySet<string>;
}

export interface InvalidObject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly message: string;
  readonly targetRefs?: readonly string[];
}
