import type { OpenApiSchema } from '../../api/open-api-schema.ts';
import { nearest } from './did-you-mean.ts';
import { fieldPath, pointerSteps, valueAt } from './field-path.ts';
import type { SchemaError } from './schema-check.ts';

export interface ExplainedError {
  readonly path: string;
  readonly message: string;
}

/** Turns the validator's errors into sentences that say what to write instead. */
export function explainErrors(errors: readonly SchemaError[], object: unknown): ExplainedError[] {
  const mistyped = new Set(errors.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath));
  // A value of the wrong type fails its enum too, and each branch of an int-or-string: say it once.
  return errors
    .filter(({ schemaPath }) => !schemaPath.includes('/anyOf/'))
    .filter(({ keyword, instancePath }) => keyword !== 'enum' || !mistyped.has(instancePath))
    .map((error) => explainError(error, object));
}

function explainError(error: SchemaError, object: unknown): ExplainedError {
  const steps = pointerSteps(error.instancePath, object);
  const param = (name: string): string => String(error.params[name]);
  switch (error.keyword) {
    case 'additionalProperties': {
      const field = param('additionalProperty');
      return { path: fieldPath([...steps, field]), message: unknownField(field, error.parentSchema as OpenApiSchema) };
    }
    case 'required': {
      const field = param('missingProperty');
      const { description } = (error.parentSchema as OpenApiSchema).properties?.[field] ?? {};
      return { path: fieldPath([...steps, field]), message: `must be set${about(description)}` };
    }
    default:
      return { path: fieldPath(steps), message: explainValue(error, valueAt(steps, object)) };
  }
}

function explainValue(error: SchemaError, value: unknown): string {
  const schema = error.parentSchema as OpenApiSchema;
  const limit = String(error.params['limit']);
  switch (error.keyword) {
    case 'type':
      return `must be ${typeWords[schema.type ?? 'object']}, not ${typeOf(value)}${quoteHint(schema, value)}`;
    case 'anyOf':
      return `must be a number or a string, not ${typeOf(value)}`;
    case 'enum':
      return notListed(value, schema.enum ?? []);
    case 'pattern':
      return `has not the right form${about(schema.description)} (must match ${schema.pattern ?? ''})`;
    case 'minimum':
      return `must be at least ${limit}`;
    case 'maximum':
      return `must be at most ${limit}`;
    case 'minLength':
      return limit === '1' ? 'must not be empty' : `must have at least ${limit} characters`;
    case 'maxLength':
      return `must have at most ${limit} characters`;
    case 'minItems':
    case 'minProperties':
      return limit === '1' ? 'must not be empty' : `must have at least ${limit} items`;
    case 'maxItems':
    case 'maxProperties':
      return `must have at most ${limit} items`;
    default:
      return error.message ?? 'is not valid';
  }
}

const typeWords = { object: 'an object', array: 'a list', string: 'a string', integer: 'a whole number', boolean: 'true or false' };

function typeOf(value: unknown): string {
  if (value === undefined || value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return 'a number';
  if (typeof value === 'string') return 'a string';
  return typeof value === 'boolean' ? 'true or false' : 'an object';
}

/** YAML reads Null, no and 42 as something else than text, and a mask is called 'Null'. */
function quoteHint({ type, enum: words }: OpenApiSchema, value: unknown): string {
  if (type !== 'string' || (typeof value === 'object' && value !== null)) return '';
  if (value === null || value === undefined) return words?.includes('Null') === true ? "; write 'Null' in quotes" : '';
  return '; put it in quotes';
}

function unknownField(field: string, schema: OpenApiSchema): string {
  const known = Object.keys(schema.properties ?? {});
  const meant = nearest(field, known);
  return meant === undefined ? `unknown field; known here: ${known.join(', ')}` : `unknown field; did you mean \`${meant}\`?`;
}

function notListed(value: unknown, allowed: readonly string[]): string {
  const list = allowed.map((word) => `'${word}'`).join(', ');
  const meant = typeof value === 'string' ? nearest(value, allowed) : undefined;
  const message = allowed.length === 1 ? `must be ${list}` : `must be one of ${list}`;
  return meant === undefined || allowed.length === 1 ? message : `${message}; did you mean '${meant}'?`;
}

function about(description: string | undefined): string {
  return description === undefined ? '' : `: ${description.replace(/[.]$/, '')}`;
}
