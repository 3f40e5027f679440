/**
 * Checks an object against the schema of its CRD as the API server does: fills in defaults, refuses unknown
 * fields (kubectl's strict validation), keeps lists of type set and map free of duplicates.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { OpenApiSchema } from '../../api/open-api-schema.ts';
import { metadataSchema } from './metadata-schema.ts';

const ajv = new Ajv({ allErrors: true, useDefaults: true, verbose: true, strictTypes: false });
addFormats.default(ajv);
ajv.addVocabulary(['x-kubernetes-int-or-string', 'x-kubernetes-validations']);
ajv.addKeyword({
  keyword: 'x-kubernetes-list-type',
  type: 'array',
  validate: (listType: string, list: readonly unknown[]) => listType !== 'set' || new Set(list).size === list.length,
  error: { message: 'must not list a value twice' },
});
ajv.addKeyword({
  keyword: 'x-kubernetes-list-map-keys',
  type: 'array',
  validate: (keys: readonly string[], list: readonly unknown[]) => new Set(list.map((item) => mapKey(keys, item))).size === list.length,
  error: { message: 'must not list an item twice' },
});

function mapKey(keys: readonly string[], item: unknown): string {
  const fields = typeof item === 'object' && item !== null ? (item as Record<string, unknown>) : {};
  return JSON.stringify(keys.map((key) => fields[key]));
}

export type SchemaError = ErrorObject<string, Record<string, unknown>>;

/** Fills `object`'s defaults in place and says what is wrong with it. */
export type SchemaCheck = (object: unknown) => readonly SchemaError[];

export function compileSchema(schema: OpenApiSchema, scope: 'Namespaced' | 'Cluster'): SchemaCheck {
  const name = schema.properties?.['metadata']?.properties?.['name'];
  const withMetadata = {
    ...schema,
    required: ['metadata', ...(schema.required ?? [])],
    properties: { ...schema.properties, metadata: metadataSchema(scope, name ?? {}) },
  };
  const validate: ValidateFunction = ajv.compile(closed(withMetadata));
  return (object) => (validate(object) ? [] : ((validate.errors ?? []) as SchemaError[]));
}

/** The schema with every object that lists its fields closed to others. */
function closed(schema: OpenApiSchema): object {
  const { properties, items, additionalProperties } = schema;
  return {
    ...schema,
    ...(items && { items: closed(items) }),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, member]) => [name, closed(member)])),
      additionalProperties: false,
    }),
    ...(additionalProperties && { additionalProperties: closed(additionalProperties) }),
  };
}
