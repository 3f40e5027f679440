import type { AccessBaseline } from '../../api/access-baseline.ts';
import type { AccessPolicy } from '../../api/access-policy.ts';
import type { AgentConnection } from '../../api/agent-connection.ts';
import type { MaskRule } from '../../api/mask-rule.ts';
import type { InvalidObject } from '../../compile/world.ts';
import type { NamespacedName } from '../../lib/brand.ts';
import { deepFreeze } from '../../lib/canonical.ts';
import { readDocuments } from './read-documents.ts';
import { readObject, type ReadObject, unreadable } from './read-object.ts';
import type { Problem, Snapshot } from './snapshot.ts';

/** A file of the directory: its text, or why it has none. */
export interface SourceFile {
  readonly name: string;
  readonly text?: string;
  readonly problem?: string;
}

type Whole = Exclude<ReadObject, { kind: 'Broken' }>;

/** Pure: the texts of a directory in, its objects and what is wrong with them out. */
export function buildSnapshot(files: readonly SourceFile[]): Snapshot {
  const read = files.flatMap(readFile);
  const problems: Problem[] = [];
  const invalid: InvalidObject[] = [];
  const whole: Whole[] = [];
  for (const result of withoutClashes(read)) {
    if (result.kind !== 'Broken') {
      whole.push(result);
      continue;
    }
    problems.push(...result.problems);
    if (result.invalid !== undefined) invalid.push(result.invalid);
  }
  const secrets = new Map(whole.flatMap((item) => (item.kind === 'Secret' ? [[item.name, item.values] as const] : [])));
  const ofKind = (type: string): unknown[] =>
    whole.flatMap((item) => (item.kind === 'Object' && item.type === type ? [deepFreeze(item.object)] : []));
  return {
    world: {
      // The schemas were checked, and the types are generated from them.
      connections: ofKind('AgentConnection') as AgentConnection[],
      policies: ofKind('AccessPolicy') as AccessPolicy[],
      maskRules: ofKind('MaskRule') as MaskRule[],
      baselines: ofKind('AccessBaseline') as AccessBaseline[],
      invalid,
      secretNames: new Set<string>(secrets.keys()),
    },
    secrets,
    problems,
  };
}

function readFile({ name, text, problem }: SourceFile): ReadObject[] {
  if (text === undefined) return [unreadable(name, problem ?? 'cannot be read')];
  const documents = readDocuments(text);
  if (!documents.ok) return [unreadable(name, documents.error)];
  return documents.value.map((document) => readObject(name, document));
}

/** Of objects that cannot all be meant none is taken: which of them was is not for us to guess. */
function withoutClashes(read: readonly ReadObject[]): ReadObject[] {
  const byName = Map.groupBy(read.filter(isWhole), (item) => `${typeOf(item)} ${item.name}`);
  const byPort = Map.groupBy(read.filter(isConnection), (item) => item.object.spec.gateway.port);
  return read.map((item) => {
    if (item.kind === 'Broken') return item;
    const twins = byName.get(`${typeOf(item)} ${item.name}`) ?? [];
    if (twins.length > 1) return clash(item, undefined, `is defined ${twins.length} times, in ${inFiles(twins)}; keep one`);
    if (isConnection(item)) return portClash(item, byPort.get(item.object.spec.gateway.port) ?? []) ?? item;
    return item;
  });
}

interface Connection {
  readonly kind: 'Object';
  readonly file: string;
  readonly type: string;
  readonly name: NamespacedName;
  readonly object: AgentConnection;
}

function portClash(item: Connection, sharers: readonly Connection[]): ReadObject | undefined {
  const others = sharers.filter(({ name }) => name !== item.name).map(({ name }) => name);
  if (others.length === 0) return undefined;
  const { port } = item.object.spec.gateway;
  return clash(item, 'spec.gateway.port', `port ${port} is also that of ${others.join(', ')}; in files mode each connection needs its own`);
}

function clash(item: Whole, path: string | undefined, message: string): ReadObject {
  const type = typeOf(item);
  const [namespace = '', name = ''] = item.name.split('/');
  const problem: Problem = { file: item.file, object: `${type} ${item.name.replace(/^[/]/, '')}`, ...(path !== undefined && { path }), message };
  if (item.kind === 'Secret') return { kind: 'Broken', problems: [problem] };
  const targetRefs = targetsOf(item.object);
  const said = path === undefined ? message : `${path}: ${message}`;
  return { kind: 'Broken', problems: [problem], invalid: { kind: type, namespace, name, message: said, ...(targetRefs && { targetRefs }) } };
}

function targetsOf(object: unknown): readonly string[] | undefined {
  const { targetRefs } = (object as { readonly spec: Partial<AccessPolicy['spec']> }).spec;
  return targetRefs?.map(({ name }) => name);
}

function isWhole(item: ReadObject): item is Whole {
  return item.kind !== 'Broken';
}

function isConnection(item: ReadObject): item is Connection {
  return item.kind === 'Object' && item.type === 'AgentConnection';
}

function typeOf(item: Whole): string {
  return item.kind === 'Secret' ? 'Secret' : item.type;
}

function inFiles(items: readonly Whole[]): string {
  return [...new Set(items.map(({ file }) => file))].join(' and ');
}
