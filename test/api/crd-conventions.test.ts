import { describe, expect, test } from '@jest/globals';
import { crds } from '../../src/api/crds.generated.ts';
import type { OpenApiSchema } from '../../src/api/open-api-schema.ts';

interface Node {
  readonly path: string;
  readonly schema: OpenApiSchema;
}

function nodesOf(path: string, schema: OpenApiSchema): Node[] {
  const members = Object.entries(schema.properties ?? {}).flatMap(([name, member]) => nodesOf(`${path}.${name}`, member));
  const items = schema.items === undefined ? [] : nodesOf(`${path}[]`, schema.items);
  const values = schema.additionalProperties === undefined ? [] : nodesOf(`${path}{}`, schema.additionalProperties);
  return [{ path, schema }, ...members, ...items, ...values];
}

const all = crds.flatMap(({ kind, schema }) => nodesOf(kind, schema));
/** Kubernetes owns these and bounds them itself. */
const isOurs = ({ path }: Node): boolean => !/^[A-Za-z]+[.](apiVersion|kind|metadata)$/.test(path);
const ours = all.filter(isOurs);

function pathsOf(nodes: readonly Node[]): string[] {
  return nodes.map(({ path }) => path);
}

/** Without descriptions: what two kinds share must be the same, and may be told in other words. */
function shapeOf(kind: string, path: string): unknown {
  const node = all.find((candidate) => candidate.path === `${kind}.${path}`);
  return JSON.parse(JSON.stringify(node?.schema ?? null), (key, value: unknown) => (key === 'description' ? undefined : value));
}

describe('every schema in crds/', () => {
  test('describes each field', () => {
    expect(pathsOf(ours.filter(({ schema }) => (schema.description ?? '').length < 8))).toEqual([]);
  });

  test('gives each field a type', () => {
    expect(pathsOf(ours.filter(({ schema }) => schema.type === undefined && schema['x-kubernetes-int-or-string'] !== true))).toEqual([]);
  });

  test('bounds strings', () => {
    const isBounded = ({ enum: words, maxLength, format }: OpenApiSchema): boolean =>
      words !== undefined || maxLength !== undefined || format === 'date-time';
    expect(pathsOf(ours.filter(({ schema }) => schema.type === 'string' && !isBounded(schema)))).toEqual([]);
  });

  test('bounds numbers at both ends', () => {
    expect(pathsOf(ours.filter(({ schema }) => schema.type === 'integer' && (schema.minimum === undefined || schema.maximum === undefined)))).toEqual([]);
  });

  test('bounds lists and gives them a list type', () => {
    const loose = ours.filter(({ schema }) => schema.type === 'array' && (schema.maxItems === undefined || schema['x-kubernetes-list-type'] === undefined));
    expect(pathsOf(loose)).toEqual([]);
  });

  test('bounds maps', () => {
    expect(pathsOf(ours.filter(({ schema }) => schema.additionalProperties !== undefined && schema.maxProperties === undefined))).toEqual([]);
  });

  test('requires the keys of lists of type map', () => {
    const loose = ours.filter(({ schema }) =>
      (schema['x-kubernetes-list-map-keys'] ?? []).some((key) => schema.items?.required?.includes(key) !== true),
    );
    expect(pathsOf(loose)).toEqual([]);
  });

  test('gives each CEL rule a message in words', () => {
    const messages = ours.flatMap(({ path, schema }) => (schema['x-kubernetes-validations'] ?? []).map(({ message }) => `${path}: ${message}`));
    expect(messages.length).toBeGreaterThan(30);
    expect(messages.filter((message) => !/ must | immutable/.test(message) || /[<>=]/.test(message))).toEqual([]);
  });

  test('never defaults a choice to the more permissive word', () => {
    const permissive = ['Allow', 'Continue', 'Observe', 'None', 'Disable', 'Unlimited', 'Optional', 'KeepUntilSessionDuration'];
    expect(pathsOf(ours.filter(({ schema }) => permissive.includes(String(schema.default))))).toEqual([]);
  });
});

test('kinds that share a part share its shape', () => {
  expect(shapeOf('MaskRule', 'spec.columns')).toEqual(shapeOf('AccessBaseline', 'spec.masks.columns'));
  expect(shapeOf('MaskRule', 'spec.detect')).toEqual(shapeOf('AccessBaseline', 'spec.masks.detect'));
  expect(shapeOf('MaskRule', 'spec.targetRefs')).toEqual(shapeOf('AccessPolicy', 'spec.targetRefs'));
  expect(shapeOf('MaskRule', 'spec.exemptSubjects[]')).toEqual(shapeOf('AccessPolicy', 'spec.subjects[]'));
  expect(shapeOf('AccessBaseline', 'spec.rules[].kubernetes')).toEqual(shapeOf('AccessPolicy', 'spec.rules[].kubernetes'));
  for (const kind of ['AccessPolicy', 'MaskRule', 'AccessBaseline']) {
    expect(shapeOf(kind, 'status.conditions')).toEqual(shapeOf('AgentConnection', 'status.conditions'));
  }
});
