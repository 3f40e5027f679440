import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { globSync, readFileSync } from 'node:fs';
import { maxBundleBytes } from '../../src/bundle/seal.ts';
import { compileWorld } from '../../src/compile/compile-world.ts';
import { selectsConnection } from '../../src/compile/connection-selector.ts';
import type { World } from '../../src/compile/world.ts';
import { loadDirectory } from '../../src/provider/files/load-directory.ts';
import { readWorld } from './read-world.ts';

const worlds = globSync(`${import.meta.dirname}/golden/*.in.yaml`).map((file) => readWorld(readFileSync(file, 'utf8')));

/** Every golden case in one world, the namesakes apart by namespace. */
const everything = worlds.map((world, at) => inNamespace(world, `case-${at}`)).reduce(merged);

describe('compileWorld', () => {
  test('does not care for the order of the world', () => {
    const expected = outcome(everything);
    const shuffled = fc.tuple(...[everything.connections, everything.policies, everything.maskRules, everything.baselines, everything.invalid].map((list: readonly unknown[]) => fc.shuffledSubarray([...list], { minLength: list.length })));
    fc.assert(
      fc.property(shuffled, ([connections, policies, maskRules, baselines, invalid]) => {
        expect(outcome({ ...everything, connections, policies, maskRules, baselines, invalid } as unknown as World)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  test('does not change what it is given', () => {
    const before = JSON.stringify(everything);
    compileWorld(everything);
    expect(JSON.stringify(everything)).toBe(before);
  });

  test('an unrelated object leaves a revision as it is', () => {
    const [first, second] = worlds.map((world, at) => inNamespace({ ...world, baselines: [], invalid: [] }, `case-${at}`));
    const alone = compileWorld(first!).bundles;
    const together = compileWorld(merged(first!, second!)).bundles;
    for (const [name, { revision }] of alone) expect(together.get(name)?.revision).toBe(revision);
    expect(alone.size).toBeGreaterThan(0);
  });

  test('a connection whose bundle is too large is not served and says so', () => {
    const [whole] = worlds.filter(({ baselines }) => baselines.length === 2);
    const rules = Array.from({ length: 64 }, (_, at) => ({
      name: `r${at}`, effect: 'Allow' as const, postgresql: { operations: ['Select' as const], relations: Array.from({ length: 128 }, (_name, index) => `public.${'x'.repeat(200)}${index}`) },
    }));
    const [policy] = whole!.policies;
    const { bundles, statuses } = compileWorld({ ...whole!, policies: [{ ...policy!, spec: { ...policy!.spec, rules } }] });
    expect(bundles.size).toBe(0);
    expect(statuses.find(({ kind }) => kind === 'AgentConnection')?.conditions).toMatchObject([{ type: 'Accepted', status: 'False', message: expect.stringContaining(String(maxBundleBytes)) }]);
  });

  test('the cluster gives the issuer that a connection leaves out', () => {
    const [connection] = everything.connections;
    const { issuer: _left, jwksURL: _out, ...serviceAccounts } = connection!.spec.identity.serviceAccounts!;
    const given: World = {
      ...everything,
      connections: [{ ...connection!, spec: { ...connection!.spec, identity: { ...connection!.spec.identity, serviceAccounts } } }],
      cluster: { issuer: 'https://cluster.example.com', jwksURL: 'https://cluster.example.com/jwks' },
    };
    expect([...compileWorld(given).bundles.values()][0]?.bundle.identity.serviceAccounts).toEqual({
      audience: 'chaperone', issuer: 'https://cluster.example.com', jwksURL: 'https://cluster.example.com/jwks',
    });
  });

  test.each(globSync(`${import.meta.dirname}/../../examples/*/`))('%s compiles without a complaint', async (directory) => {
    const { world, problems } = await loadDirectory(directory);
    const { bundles, statuses } = compileWorld(world);
    expect(problems).toEqual([]);
    expect(bundles.size).toBe(world.connections.length);
    const bad = statuses.flatMap(({ kind, name, conditions }) => conditions.filter(({ type, status }) => status === 'False' && type !== 'ResolvedRefs').map(({ message }) => `${kind} ${name}: ${message}`));
    expect(bad).toEqual([]);
  });
});

describe('a connection selector', () => {
  const connection = { name: 'orders-db', namespace: 'team-a', labels: { tier: 'production', area: 'shop' } };
  test.each([
    ['every namespace', { namespaces: ['*'] }, true],
    ['its namespace among others', { namespaces: ['x', 'team-a'] }, true],
    ['another namespace', { namespaces: ['x'] }, false],
    ['all of its labels', { namespaces: ['*'], matchLabels: { tier: 'production', area: 'shop' } }, true],
    ['one label that differs', { namespaces: ['*'], matchLabels: { tier: 'production', area: 'bank' } }, false],
    ['an inherited member is no label', { namespaces: ['*'], matchExpressions: [{ key: 'constructor', operator: 'Exists' as const }] }, false],
    ['In', { namespaces: ['*'], matchExpressions: [{ key: 'tier', operator: 'In' as const, values: ['production'] }] }, true],
    ['In without the label', { namespaces: ['*'], matchExpressions: [{ key: 'x', operator: 'In' as const, values: ['y'] }] }, false],
    ['NotIn without the label', { namespaces: ['*'], matchExpressions: [{ key: 'x', operator: 'NotIn' as const, values: ['y'] }] }, true],
    ['NotIn with the value', { namespaces: ['*'], matchExpressions: [{ key: 'tier', operator: 'NotIn' as const, values: ['production'] }] }, false],
    ['DoesNotExist', { namespaces: ['*'], matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' as const }] }, false],
  ])('%s', (_sentence, selector, isSelected) => expect(selectsConnection(selector, connection)).toBe(isSelected));
});

function outcome(world: World): unknown {
  const { bundles, statuses } = compileWorld(world);
  return [[...bundles].map(([name, { revision }]) => [name, revision]), statuses];
}

function inNamespace(world: World, namespace: string): World {
  const move = <T extends { readonly metadata: { readonly namespace?: string } }>(objects: readonly T[]): T[] =>
    objects.map((object) => ({ ...object, metadata: { ...object.metadata, namespace: `${namespace}-${object.metadata.namespace ?? ''}` } }));
  return {
    ...world,
    connections: move(world.connections),
    policies: move(world.policies),
    maskRules: move(world.maskRules),
    baselines: world.baselines.map((baseline) => ({ ...baseline, metadata: { ...baseline.metadata, name: `${namespace}-${baseline.metadata.name}` } })),
    invalid: world.invalid.map((invalid) => (invalid.namespace === '' ? invalid : { ...invalid, namespace: `${namespace}-${invalid.namespace}` })),
    secretNames: new Set([...world.secretNames].map((name) => `${namespace}-${name}`)),
  };
}

function merged(a: World, b: World): World {
  return {
    connections: [...a.connections, ...b.connections],
    policies: [...a.policies, ...b.policies],
    maskRules: [...a.maskRules, ...b.maskRules],
    baselines: [...a.baselines, ...b.baselines],
    invalid: [...a.invalid, ...b.invalid],
    secretNames: new Set([...a.secretNames, ...b.secretNames]),
  };
}
