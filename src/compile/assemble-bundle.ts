import type { AgentConnection } from '../api/agent-connection.ts';
import { conditionReasons, conditionTypes } from '../api/constants.ts';
import { type Bundle, bundleSchemaVersion, type MaskRule, type Policy, type Unresolved } from '../bundle/bundle.ts';
import { type SealedBundle, sealBundle } from '../bundle/seal.ts';
import { compileConnection, type ConnectionParts } from './compile-connection.ts';
import { brokenPolicy } from './compile-policy.ts';
import type { Attached, CompiledWorld } from './compiled-world.ts';
import { type CompiledCondition, condition, type ObjectStatus } from './object-status.ts';
import { compareText } from './order.ts';
import type { InvalidObject } from './world.ts';

export interface Assembled {
  readonly sealed?: SealedBundle;
  readonly status: ObjectStatus;
}

/** Brings together everything that is for one connection. */
export function assembleBundle(connection: AgentConnection, world: CompiledWorld): Assembled {
  const { parts, faults } = compileConnection(connection, world.cluster);
  if (parts === undefined) return { status: statusOf(connection, [notAccepted(faults.join('; '))]) };
  const policies = policiesFor(connection, world);
  const masks = masksFor(connection, world);
  const secrets = missingSecrets(parts, world.secretNames);
  const { secrets: _named, hashKeySecret, ...own } = parts;
  const brokenOnes = policies.flatMap(unresolvedPolicy);
  const bundle: Bundle = {
    schemaVersion: bundleSchemaVersion,
    ...own,
    masking: {
      required: [...new Set(connection.spec.masking.required)].toSorted(),
      missing: [...new Set(masks.missing.map(missingName))].toSorted(),
      ...(hashKeySecret !== undefined && { hashKeySecret }),
    },
    policies,
    maskRules: masks.rules,
    unresolved: [...brokenOnes, ...masks.missing, ...secrets],
  };
  const sealed = sealBundle(bundle);
  if (!sealed.ok) return { status: statusOf(connection, [notAccepted(sealed.error.message)]) };
  const absent = [...masks.missing.filter(({ reason }) => reason === conditionReasons.RefNotFound), ...secrets];
  const invalid = [...brokenOnes, ...masks.missing.filter(({ reason }) => reason === conditionReasons.Invalid)];
  return {
    sealed: sealed.value,
    status: statusOf(connection, [
      condition(conditionTypes.Accepted, true, conditionReasons.Accepted, 'the connection is valid'),
      resolution(conditionTypes.ResolvedRefs, conditionReasons.ResolvedRefs, conditionReasons.RefNotFound, 'every reference resolves', absent),
      resolution(conditionTypes.PoliciesResolved, conditionReasons.Accepted, conditionReasons.Invalid, 'every policy and mask compiles', invalid),
    ]),
  };
}

/** In `kind/namespace/name` order: baselines first. */
function policiesFor({ metadata }: AgentConnection, world: CompiledWorld): Policy[] {
  const baselines = world.baselines.filter(({ covers }) => covers(metadata)).map(({ part }) => part.policy);
  const policies = world.policies.filter((policy) => targets(policy, metadata)).map(({ part }) => part);
  const unreadable = world.invalid
    .filter((invalid) => (invalid.kind === 'AccessPolicy' || invalid.kind === 'AccessBaseline') && mayConcern(invalid, metadata))
    .map((invalid) => brokenPolicy({ ...refOf(invalid), kind: invalid.kind as Policy['ref']['kind'] }, [invalid.message]));
  return [...baselines, ...policies, ...unreadable].toSorted((a, b) => compareText(policyKey(a), policyKey(b)));
}

/** The masks in force, and those that should be and are not. */
function masksFor(connection: AgentConnection, world: CompiledWorld): { readonly rules: readonly MaskRule[]; readonly missing: readonly Unresolved[] } {
  const { metadata, spec } = connection;
  const attached = world.maskRules.filter((rule) => targets(rule, metadata));
  const fromBaselines = world.baselines.filter(({ covers }) => covers(metadata)).flatMap(({ part }) => part.maskRule ?? []);
  const broken = attached.filter(({ faults }) => faults.length > 0).map(({ name, faults }) => unresolved('MaskRule', name, 'Invalid', faults.join('; ')));
  // A misspelt kind or an unreadable file may have held a mask: until that is known, nothing is served.
  const unreadable = world.invalid
    .filter((invalid) => !policyKinds.has(invalid.kind) && invalid.kind !== 'AgentConnection' && mayConcern(invalid, metadata))
    .map((invalid) => unresolved(invalid.kind, refOf(invalid).name, 'Invalid', invalid.message));
  const there = new Set([...attached, ...unreadable.filter(({ kind }) => kind === 'MaskRule')].map(({ name }) => name));
  const absent = spec.masking.required.filter((name) => !there.has(name)).toSorted();
  const elsewhere = new Set(world.maskRules.filter(({ namespace }) => namespace === metadata.namespace).map(({ name }) => name));
  return {
    rules: [...attached.filter(({ faults }) => faults.length === 0).map(({ part }) => part), ...fromBaselines].toSorted((a, b) => compareText(a.name, b.name)),
    missing: [
      ...broken,
      ...unreadable,
      ...absent.map((name) =>
        unresolved('MaskRule', name, 'RefNotFound', elsewhere.has(name) ? 'its targetRefs do not name this connection' : 'no such MaskRule in this namespace'),
      ),
    ],
  };
}

const policyKinds: ReadonlySet<string> = new Set(['AccessPolicy', 'AccessBaseline']);

function missingSecrets({ connection, secrets }: ConnectionParts, existing: ReadonlySet<string>): Unresolved[] {
  return secrets
    .filter(({ name }) => !existing.has(`${connection.namespace}/${name}`))
    .map(({ path, name }) => unresolved('Secret', name, 'RefNotFound', `no such Secret in this namespace (${path})`));
}

function targets({ namespace, targets: names }: Attached<unknown>, connection: AgentConnection['metadata']): boolean {
  return namespace === (connection.namespace ?? '') && names.includes(connection.name);
}

/** Whether an object that cannot be read could have been for a connection. */
function mayConcern({ kind, namespace, targetRefs }: InvalidObject, connection: AgentConnection['metadata']): boolean {
  if (kind === 'AccessBaseline') return true;
  return (namespace === '' || namespace === connection.namespace) && (targetRefs === undefined || targetRefs.includes(connection.name));
}

function refOf({ namespace, name }: InvalidObject): { readonly namespace: string; readonly name: string } {
  return { namespace, name: name === '' ? '(no name)' : name };
}

/** A MaskRule goes by its name, as `masking.required` has it; anything else says what it is. */
function missingName({ kind, name }: Unresolved): string {
  return kind === 'MaskRule' ? name : `${kind} ${name}`;
}

function unresolvedPolicy({ ref, broken }: Policy): Unresolved[] {
  if (broken === undefined) return [];
  const name = ref.namespace === '' ? ref.name : `${ref.namespace}/${ref.name}`;
  return [{ kind: ref.kind, name, reason: broken.reason, message: broken.message }];
}

function unresolved(kind: string, name: string, reason: 'Invalid' | 'RefNotFound', message: string): Unresolved {
  return { kind, name, reason, message };
}

function resolution(
  type: CompiledCondition['type'],
  good: CompiledCondition['reason'],
  bad: CompiledCondition['reason'],
  allWell: string,
  problems: readonly Unresolved[],
): CompiledCondition {
  if (problems.length === 0) return condition(type, true, good, allWell);
  return condition(type, false, bad, problems.map(({ kind, name, message }) => `${kind} ${name}: ${message}`).join('; '));
}

function notAccepted(message: string): CompiledCondition {
  return condition(conditionTypes.Accepted, false, conditionReasons.Invalid, `${message}; the connection is not served`);
}

function statusOf({ metadata }: AgentConnection, conditions: readonly CompiledCondition[]): ObjectStatus {
  return { kind: 'AgentConnection', namespace: metadata.namespace ?? '', name: metadata.name, conditions };
}

function policyKey({ ref }: Policy): string {
  return `${ref.kind}/${ref.namespace}/${ref.name}`;
}
