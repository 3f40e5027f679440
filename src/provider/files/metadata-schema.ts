import type { OpenApiSchema } from '../../api/open-api-schema.ts';

const dnsLabel = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';

/** What the API server asks of every object's metadata, and the fields that it writes itself. */
export function metadataSchema(scope: 'Namespaced' | 'Cluster', name: OpenApiSchema): OpenApiSchema {
  const text: OpenApiSchema = { type: 'string' };
  const texts: OpenApiSchema = { type: 'object', additionalProperties: text };
  const anything: OpenApiSchema = {};
  return {
    type: 'object',
    required: ['name'],
    properties: {
      name: { ...name, type: 'string', minLength: 1 },
      ...(scope === 'Namespaced' && { namespace: { type: 'string', minLength: 1, maxLength: 63, pattern: dnsLabel, description: 'Name of a namespace.' } }),
      labels: texts,
      annotations: texts,
      uid: text,
      resourceVersion: text,
      creationTimestamp: anything,
      generation: { type: 'integer' },
      managedFields: anything,
      finalizers: anything,
      ownerReferences: anything,
    },
  };
}
