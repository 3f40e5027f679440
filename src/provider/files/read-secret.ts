import { Secret } from '../../lib/secret.ts';
import { nearest } from './did-you-mean.ts';
import type { ExplainedError } from './explain-error.ts';

export interface ReadSecret {
  readonly values: ReadonlyMap<string, Secret<string>>;
  readonly errors: readonly ExplainedError[];
}

const fields = ['apiVersion', 'kind', 'metadata', 'type', 'immutable', 'data', 'stringData'];

/** Reads a v1 Secret. Errors name keys and never quote a value, wherever it was written. */
export function readSecret(object: Readonly<Record<string, unknown>>): ReadSecret {
  const errors: ExplainedError[] = Object.keys(object)
    .filter((field) => !fields.includes(field))
    .map((field) => ({ path: field, message: unknownField(field) }));
  const values = new Map<string, Secret<string>>();
  for (const [key, value] of entries(object, 'data', errors)) {
    const text = decodeBase64(value);
    if (text === undefined) errors.push({ path: `data.${key}`, message: 'must be UTF-8 text in base64; write plain text under `stringData`' });
    else values.set(key, new Secret(text));
  }
  // As on the API server, stringData wins over data.
  for (const [key, value] of entries(object, 'stringData', errors)) values.set(key, new Secret(value));
  return { values, errors };
}

function unknownField(field: string): string {
  const meant = nearest(field, fields);
  return meant === undefined ? 'unknown field' : `unknown field; did you mean \`${meant}\`?`;
}

function entries(object: Readonly<Record<string, unknown>>, field: string, errors: ExplainedError[]): [string, string][] {
  const map = object[field];
  if (map === undefined || map === null) return [];
  if (typeof map !== 'object' || Array.isArray(map)) {
    errors.push({ path: field, message: 'must be an object of strings' });
    return [];
  }
  const strings: [string, string][] = [];
  for (const [key, value] of Object.entries(map)) {
    if (!/^[-._a-zA-Z0-9]{1,253}$/.test(key)) errors.push({ path: field, message: 'keys must be letters, digits and the characters - _ .' });
    else if (typeof value !== 'string') errors.push({ path: `${field}.${key}`, message: 'must be a string; put it in quotes' });
    else strings.push([key, value]);
  }
  return strings;
}

function decodeBase64(text: string): string | undefined {
  const compact = text.replaceAll(/\s/g, '');
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(compact, 'base64'));
  } catch {
    return undefined;
  }
}
