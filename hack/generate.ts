// Generates from crds/, the one source: the TypeScript types of src/api (with kubernetes-fluent-client) and the
// schemas that the program carries. `--out DIR` writes elsewhere; a test compares that with what is committed.
//
// kubernetes-fluent-client writes enums, Dates and classes for its own client. They are turned into string unions,
// strings and read-only interfaces: types that vanish at run time, so that no bundle carries the client.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { load } from 'js-yaml';
import type { Crd, OpenApiSchema } from '../src/api/open-api-schema.ts';

interface CrdDocument {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly scope: Crd['scope'];
    readonly names: { readonly kind: string; readonly plural: string };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: OpenApiSchema } }[];
  };
}

const root = path.resolve(import.meta.dirname, '..');
const fluentClient = path.join(root, 'node_modules/kubernetes-fluent-client/dist/cli.js');
const header = '// Generated from crds/ by `make generate`. Do not edit.\n';
const run = promisify(execFile);

async function readCrds(): Promise<CrdDocument[]> {
  const files = (await readdir(path.join(root, 'crds'))).filter((file) => file.endsWith('.yaml')).sort();
  return Promise.all(
    files.map(async (file) => load(await readFile(path.join(root, 'crds', file), 'utf8')) as CrdDocument),
  );
}

function schemaOf(crd: CrdDocument): OpenApiSchema {
  const version = crd.spec.versions[0];
  if (version === undefined) throw new Error(`${crd.metadata.name} has no version`);
  return version.schema.openAPIV3Schema;
}

/** As objects are read back from the API server: a field that has a default is always there. */
function withDefaultsRequired(schema: OpenApiSchema): OpenApiSchema {
  const { properties, items, additionalProperties } = schema;
  const defaulted = Object.entries(properties ?? {}).filter(([, member]) => member.default !== undefined);
  const required = [...(schema.required ?? []), ...defaulted.map(([name]) => name)];
  return {
    ...schema,
    ...(required.length > 0 && { required: [...new Set(required)] }),
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, member]) => [name, named(name, withDefaultsRequired(member))]),
      ),
    }),
    ...(items && { items: withDefaultsRequired(items) }),
    ...(additionalProperties && { additionalProperties: withDefaultsRequired(additionalProperties) }),
  };
}

/** Names a mask's parts: left alone, quicktype calls the types of two unlike masks PurpleType and FluffyType. */
function named(field: string, schema: OpenApiSchema): OpenApiSchema {
  const type = field === 'mask' ? schema.properties?.['type'] : undefined;
  if (type === undefined) return schema;
  const title = type.enum?.includes('Null') === true ? 'Mask' : 'TextMask';
  return { ...schema, title, properties: { ...schema.properties, type: { ...type, title: `${title}Type` } } };
}

/** The types of one kind, as kubernetes-fluent-client writes them. */
async function fluentTypes(crd: CrdDocument, scratch: string): Promise<string> {
  const source = path.join(scratch, `${crd.spec.names.plural}.json`);
  const versions = crd.spec.versions.map((version) => ({
    ...version,
    schema: { openAPIV3Schema: withDefaultsRequired(version.schema.openAPIV3Schema) },
  }));
  await writeFile(source, JSON.stringify({ ...crd, spec: { ...crd.spec, versions } }));
  const out = path.join(scratch, crd.spec.names.plural);
  await run(process.execPath, [fluentClient, 'crd', '--plain', source, out]);
  const [file] = await readdir(out);
  if (file === undefined) throw new Error(`kubernetes-fluent-client generated nothing for ${crd.metadata.name}`);
  return readFile(path.join(out, file), 'utf8');
}

function unionOf(enumBody: string): string {
  const values = [...enumBody.matchAll(/= ("[^"]*")/g)].map(([, value]) => value);
  return values.join(' | ');
}

function asReadOnlyTypes(types: string, kind: string): string {
  const body = types
    .replace(/^import .*\n/gm, '')
    .replace(/(?:\/\*\*(?:(?!\*\/)[^])*\*\/\n)?export interface Metadata [^}]*}\n\n/, '')
    .replace(/export enum (\w+) \{([^}]*)\}/g, (_all, name: string, enumBody: string) => `export type ${name} = ${unionOf(enumBody)};`)
    .replace(/\bStatusObject\b/g, `${kind}Status`)
    .replace(/\bSpec\b(?=[;\s])/g, `${kind}Spec`)
    .replace(/\bDate;/g, 'string;')
    .replace(/^ {2}apiVersion\?: string;/m, "  apiVersion: 'chaperone.dev/v1alpha1';")
    .replace(/^ {2}kind\?: string;/m, `  kind: '${kind}';`)
    .replace(/^ {2}metadata\?: Metadata;/m, '  metadata: ObjectMeta;')
    .replace(/^ {2}(\w+\??: )/gm, '  readonly $1')
    .replace(/: ([^;\n]+)\[\];/g, ': readonly $1[];')
    .replace(/\{ \[key: string\]: ([^}]+?) \}/g, (_all, value: string) => `{ readonly [key: string]: ${value.endsWith('[]') ? 'readonly ' : ''}${value} }`);
  return `${header}import type { ObjectMeta } from './object-meta.ts';\n\n${body.trim()}\n`;
}

function fileName(kind: string): string {
  return kind.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
}

function embeddedCrds(crds: readonly CrdDocument[]): string {
  const lines = crds.map((crd) => {
    const { names, scope } = crd.spec;
    const embedded: Crd = { kind: names.kind, plural: names.plural, scope, schema: schemaOf(crd) };
    return `  ${JSON.stringify(embedded)},`;
  });
  return `${header}import type { Crd } from './open-api-schema.ts';\n\nexport const crds: readonly Crd[] = [\n${lines.join('\n')}\n];\n`;
}

async function generate(outDir: string): Promise<void> {
  const crds = await readCrds();
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'chaperone-generate-'));
  try {
    await mkdir(outDir, { recursive: true });
    for (const crd of crds) {
      const { kind } = crd.spec.names;
      const types = asReadOnlyTypes(await fluentTypes(crd, scratch), kind);
      await writeFile(path.join(outDir, `${fileName(kind)}.ts`), types);
    }
    await writeFile(path.join(outDir, 'crds.generated.ts'), embeddedCrds(crds));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { out: { type: 'string', default: path.join(root, 'src/api') } } });
await generate(values.out);
