/**
 * Turns the world's API objects into one bundle for each connection and a status for each object. Total: a
 * user's mistake is never thrown, it becomes a condition and a denial that carries the object's name, never a
 * gap. Deterministic: the order of the world's lists does not matter. Pure: no clock, no I/O.
 */
import type { AgentConnection } from '../api/agent-connection.ts';
import { conditionReasons, conditionTypes } from '../api/constants.ts';
import type { SealedBundle } from '../bundle/seal.ts';
import { type NamespacedName, namespacedName } from '../lib/brand.ts';
import { assembleBundle } from './assemble-bundle.ts';
import { type CompiledBaseline, type CompiledWorld, compileObjects } from './compiled-world.ts';
import { attachmentStatus, condition, type ObjectStatus } from './object-status.ts';
import { compareText, inOrder, nameOf } from './order.ts';
import type { InvalidObject, World } from './world.ts';

export interface Compilation {
  /** A connection without a bundle is not served: its status says why. */
  readonly bundles: ReadonlyMap<NamespacedName, SealedBundle>;
  /** In `kind/namespace/name` order. */
  readonly statuses: readonly ObjectStatus[];
}

export function compileWorld(world: World): Compilation {
  const compiled = compileObjects(world);
  const assembled = inOrder(world.connections).map((connection) => ({ name: nameOf(connection), ...assembleBundle(connection, compiled) }));
  const bundles = new Map(assembled.flatMap(({ name, sealed }) => (sealed === undefined ? [] : [[name, sealed] as const])));
  const statuses = [...assembled.map(({ status }) => status), ...objectStatuses(world, compiled)];
  return { bundles, statuses: statuses.toSorted((a, b) => compareText(statusKey(a), statusKey(b))) };
}

function objectStatuses(world: World, { policies, maskRules, baselines, invalid }: CompiledWorld): ObjectStatus[] {
  const broken = invalid.filter(({ kind }) => kind === 'AgentConnection').map(({ namespace, name }) => namespacedName(namespace, name));
  const connections = new Set([...world.connections.map(nameOf), ...broken]);
  return [
    ...policies.map((policy) => attachmentStatus({ kind: 'AccessPolicy', ...policy }, connections)),
    ...maskRules.map((rule) => attachmentStatus({ kind: 'MaskRule', ...rule }, connections)),
    ...baselines.map((baseline) => baselineStatus(baseline, world.connections)),
    ...invalid.filter(({ kind }) => ownKinds.has(kind)).map(invalidStatus),
  ];
}

const ownKinds: ReadonlySet<string> = new Set(['AgentConnection', 'AccessPolicy', 'MaskRule', 'AccessBaseline']);

function baselineStatus({ name, faults, covers }: CompiledBaseline, connections: readonly AgentConnection[]): ObjectStatus {
  const covered = connections.filter(({ metadata }) => covers(metadata)).length;
  const accepted =
    faults.length === 0
      ? condition(conditionTypes.Accepted, true, conditionReasons.Accepted, 'in force')
      : condition(conditionTypes.Accepted, false, conditionReasons.Invalid, `${faults.join('; ')}; until it is repaired everything is denied on its connections`);
  return { kind: 'AccessBaseline', namespace: '', name, conditions: [accepted], connections: covered };
}

function invalidStatus({ kind, namespace, name, message }: InvalidObject): ObjectStatus {
  return { kind, namespace, name, conditions: [condition(conditionTypes.Accepted, false, conditionReasons.Invalid, message)] };
}

function statusKey({ kind, namespace, name }: ObjectStatus): string {
  return `${kind}/${namespace}/${name}`;
}
