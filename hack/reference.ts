// Writes docs/policy-reference.md from crds/. `--out FILE` writes elsewhere; a test compares that with what is committed.

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { crds } from '../src/api/crds.generated.ts';
import type { Crd, OpenApiSchema } from '../src/api/open-api-schema.ts';

const root = path.resolve(import.meta.dirname, '..');

const preface = `# Policy reference

Generated from \`crds/\` by \`make reference\`; \`kubectl explain\` says the same. Every kind is of the group \`chaperone.dev\`,
version \`v1alpha1\`. A field in bold must be set where its parent is. A duration is numbers with their units, of \`ms\`,
\`s\`, \`m\`, \`h\` and \`d\`, such as \`1h30m\`.
`;

/** The order in which one meets the kinds, not that of the alphabet. */
const order = ['AgentConnection', 'AccessPolicy', 'MaskRule', 'AccessBaseline'];

function section(crd: Crd): string {
  const { schema } = crd;
  const parts = (['spec', 'status'] as const).flatMap((name) => {
    const part = schema.properties?.[name];
    return part === undefined ? [] : [`### ${crd.kind}: ${name}\n\n${table(part, name)}\n${ruleList(part, name)}`];
  });
  const scope = crd.scope === 'Namespaced' ? 'Namespaced' : 'Cluster-scoped';
  return `## ${crd.kind}\n\n${schema.description ?? ''}\n\n${scope}; \`kubectl get ${crd.plural}\`.\n\n${parts.join('\n')}`;
}

function table(part: OpenApiSchema, name: string): string {
  const rows = fieldsOf(part, name).map(({ at, schema, isRequired }) => {
    const field = isRequired ? `**\`${at}\`**` : `\`${at}\``;
    return `| ${field} | ${typeOf(schema)} | ${cell(schema)} |`;
  });
  return ['| field | type | meaning |', '|---|---|---|', ...rows, ''].join('\n');
}

interface Field {
  readonly at: string;
  readonly schema: OpenApiSchema;
  readonly isRequired: boolean;
}

/** Every field below, parents first. Items of lists of plain values are told with their list. */
function fieldsOf(schema: OpenApiSchema, at: string): Field[] {
  const inside = schema.items === undefined ? schema : schema.items;
  const prefix = schema.items === undefined ? at : `${at}[]`;
  return Object.entries(inside.properties ?? {}).flatMap(([name, member]) => {
    const path = `${prefix}.${name}`;
    return [{ at: path, schema: member, isRequired: inside.required?.includes(name) === true }, ...fieldsOf(member, path)];
  });
}

function typeOf(schema: OpenApiSchema): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'integer or string';
  if (schema.items !== undefined) return `list of ${schema.items.type === 'object' ? 'objects' : `${schema.items.type ?? ''}s`}`;
  if (schema.additionalProperties !== undefined) return `map to ${typeOf(schema.additionalProperties)}`;
  return schema.enum === undefined ? (schema.type ?? '') : 'enum';
}

function cell(schema: OpenApiSchema): string {
  const words = schema.enum ?? schema.items?.enum;
  return [
    schema.description ?? '',
    words && `One of ${words.map((word) => `\`${word}\``).join(', ')}.`,
    bounds(schema),
    schema.default !== undefined && `Default \`${String(schema.default)}\`.`,
  ]
    .filter((part) => typeof part === 'string' && part !== '')
    .join(' ')
    .replaceAll('|', '\\|');
}

function bounds({ minimum, maximum, minItems, maxItems }: OpenApiSchema): string {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}.`;
  if (maxItems !== undefined) return `${minItems ?? 0} to ${maxItems} items.`;
  return '';
}

function ruleList(part: OpenApiSchema, name: string): string {
  const rules = rulesOf(part, name);
  if (rules.length === 0) return '';
  return `\nBeyond the form of each field:\n\n${rules.map(({ at, message }) => `- \`${at}\`: ${message}`).join('\n')}\n`;
}

function rulesOf(schema: OpenApiSchema, at: string): { readonly at: string; readonly message: string }[] {
  const own = (schema['x-kubernetes-validations'] ?? []).map(({ message }) => ({ at, message }));
  const members = Object.entries(schema.properties ?? {}).flatMap(([name, member]) => rulesOf(member, `${at}.${name}`));
  const items = schema.items === undefined ? [] : rulesOf(schema.items, `${at}[]`);
  return [...own, ...members, ...items];
}

const { values } = parseArgs({ options: { out: { type: 'string', default: path.join(root, 'docs/policy-reference.md') } } });
const sections = order.map((kind) => {
  const crd = crds.find((candidate) => candidate.kind === kind);
  if (crd === undefined) throw new Error(`there is no kind ${kind} in crds/`);
  return section(crd);
});
if (sections.length !== crds.length) throw new Error('a kind of crds/ is missing from the order of the reference');
await writeFile(values.out, `${preface}\n${sections.join('\n')}`);
