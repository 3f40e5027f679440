import { apiGroup, type ConditionReason, conditionReasons, type ConditionType, conditionTypes } from '../api/constants.ts';
import { type NamespacedName, namespacedName } from '../lib/brand.ts';

/** A condition as compile sees it. Whoever writes it adds the generation and the time of its last transition. */
export interface CompiledCondition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False';
  readonly reason: ConditionReason;
  readonly message: string;
}

/** What became of one object. `Programmed` and `Ready` are for those who see gateways run. */
export interface ObjectStatus {
  readonly kind: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  readonly conditions: readonly CompiledCondition[];
  /** Policies and mask rules: one entry for each target, negative ones first. */
  readonly ancestors?: readonly AncestorStatus[];
  /** Baselines: how many connections they cover. */
  readonly connections?: number;
}

export interface AncestorStatus {
  readonly ancestorRef: { readonly group: string; readonly kind: 'AgentConnection'; readonly namespace: string; readonly name: string };
  readonly conditions: readonly CompiledCondition[];
}

/** Conditions are read in a terminal; the API's own bound is 32 KiB. */
const maxMessageLength = 4_096;

export function condition(type: ConditionType, isTrue: boolean, reason: ConditionReason, message: string): CompiledCondition {
  return { type, status: isTrue ? 'True' : 'False', reason, message: bounded(message, maxMessageLength) };
}

export function bounded(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 3)}...` : text;
}

export interface Attachment {
  readonly kind: 'AccessPolicy' | 'MaskRule';
  readonly namespace: string;
  readonly name: string;
  readonly targets: readonly string[];
  readonly faults: readonly string[];
  /** What people should know of an object that is in force. */
  readonly notes: readonly string[];
}

/** The status of an object that is attached to connections by `targetRefs`. */
export function attachmentStatus(attachment: Attachment, connections: ReadonlySet<NamespacedName>): ObjectStatus {
  const { kind, namespace, name, targets } = attachment;
  const found = targets.filter((target) => connections.has(namespacedName(namespace, target)));
  const lost = targets.filter((target) => !found.includes(target));
  const ancestors = [...lost, ...found].map((target): AncestorStatus => {
    const ancestorRef = { group: apiGroup, kind: 'AgentConnection' as const, namespace, name: target };
    return { ancestorRef, conditions: [found.includes(target) ? accepted(attachment) : targetNotFound([target])] };
  });
  return {
    kind,
    namespace,
    name,
    conditions: [found.length === 0 && attachment.faults.length === 0 ? targetNotFound(lost) : accepted(attachment), resolvedRefs(lost)],
    ancestors,
  };
}

function accepted({ faults, notes, kind }: Attachment): CompiledCondition {
  if (faults.length > 0) {
    const effect = kind === 'AccessPolicy' ? 'everything is denied to its subjects' : 'nothing is served on its connections';
    return condition(conditionTypes.Accepted, false, conditionReasons.Invalid, `${faults.join('; ')}; until it is repaired ${effect}`);
  }
  return condition(conditionTypes.Accepted, true, conditionReasons.Accepted, ['in force', ...notes].join('; '));
}

function targetNotFound(names: readonly string[]): CompiledCondition {
  return condition(conditionTypes.Accepted, false, conditionReasons.TargetNotFound, `no such AgentConnection in this namespace: ${names.join(', ')}`);
}

function resolvedRefs(lost: readonly string[]): CompiledCondition {
  if (lost.length === 0) return condition(conditionTypes.ResolvedRefs, true, conditionReasons.ResolvedRefs, 'every target exists');
  return condition(conditionTypes.ResolvedRefs, false, conditionReasons.RefNotFound, `no such AgentConnection in this namespace: ${lost.join(', ')}`);
}
