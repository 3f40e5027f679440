import { apiGroup, apiVersion } from '../../api/constants.ts';
import type { InvalidObject } from '../../compile/world.ts';
import { type NamespacedName, namespacedName } from '../../lib/brand.ts';
import { nearest } from './did-you-mean.ts';
import type { ExplainedError } from './explain-error.ts';
import { kindChecks, type KindCheck } from './kinds.ts';
import { readSecret, type ReadSecret } from './read-secret.ts';
import type { Problem } from './snapshot.ts';

type Fields = Record<string, unknown>;

/** What one document turned out to be. */
export type ReadObject =
  | { readonly kind: 'Object'; readonly file: string; readonly type: string; readonly name: NamespacedName; readonly object: unknown }
  | { readonly kind: 'Secret'; readonly file: string; readonly name: NamespacedName; readonly values: ReadSecret['values'] }
  /** `invalid` is absent for what could not have denied or masked anything. */
  | { readonly kind: 'Broken'; readonly problems: readonly Problem[]; readonly invalid?: InvalidObject };

export function readObject(file: string, document: unknown): ReadObject {
  if (!isFields(document)) return unreadable(file, 'a document must be an object with apiVersion, kind and metadata');
  const { kind } = document;
  if (typeof kind !== 'string') return unreadable(file, '`kind` must be set to a string');
  if (kind === 'Secret') return readSecretObject(file, document);
  const check = kindChecks.get(kind);
  return check === undefined ? unknownKind(file, kind, document) : readKind(file, check, document);
}

function readKind(file: string, check: KindCheck, document: Fields): ReadObject {
  const fields = withoutStatus(document);
  const { namespace, name } = identify(fields, check.isNamespaced);
  if (check.isNamespaced) fillNamespace(fields);
  const errors = [...versionErrors(fields, apiVersion), ...check.check(fields)];
  const key = namespacedName(namespace, name);
  if (errors.length === 0) return { kind: 'Object', file, type: check.kind, name: key, object: fields };
  return broken(file, fields, { kind: check.kind, namespace, name }, errors);
}

/** The API server ignores a status that is written with the object. */
function withoutStatus({ status: _written, ...fields }: Fields): Fields {
  return fields;
}

function readSecretObject(file: string, fields: Fields): ReadObject {
  const { namespace, name } = identify(fields, true);
  const { values, errors } = readSecret(fields);
  const all = [...versionErrors(fields, 'v1'), ...nameErrors(fields, name), ...errors];
  if (all.length === 0) return { kind: 'Secret', file, name: namespacedName(namespace, name), values };
  return { kind: 'Broken', problems: asProblems(file, `Secret ${displayName(namespace, name)}`, all) };
}

function nameErrors(fields: Fields, name: string): ExplainedError[] {
  const isName = name.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name);
  const metadata = isFields(fields['metadata']) ? fields['metadata'] : {};
  const namespace = metadata['namespace'];
  const isNamespace = namespace === undefined || (typeof namespace === 'string' && /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace));
  return [
    ...(isName ? [] : [{ path: 'metadata.name', message: 'must be the name of a Secret: lower-case letters, digits, - and .' }]),
    ...(isNamespace ? [] : [{ path: 'metadata.namespace', message: 'must be the name of a namespace' }]),
  ];
}

function versionErrors(fields: Fields, wanted: string): ExplainedError[] {
  return fields['apiVersion'] === wanted ? [] : [{ path: 'apiVersion', message: `must be '${wanted}'` }];
}

/** A misspelt kind of ours may have been a mask, so it counts as one; a kind of another's never did anything here. */
function unknownKind(file: string, kind: string, fields: Fields): ReadObject {
  const version = fields['apiVersion'];
  const meant = nearest(kind, [...kindChecks.keys(), 'Secret']);
  const isOurs = typeof version !== 'string' || version.startsWith(`${apiGroup}/`) || meant !== undefined;
  const known = [...kindChecks.keys(), 'Secret'].join(', ');
  const fix = meant === undefined ? `files mode reads ${known}` : `did you mean '${meant}'?`;
  const { namespace, name } = identify(fields, true);
  const errors = [{ path: 'kind', message: `unknown kind '${kind}'; ${fix}` }];
  if (isOurs) return broken(file, fields, { kind, namespace, name }, errors);
  return { kind: 'Broken', problems: asProblems(file, `${kind} ${displayName(namespace, name)}`, errors) };
}

/** For a whole file or document of which nothing is known: it may have denied anything, so it denies everything. */
export function unreadable(file: string, message: string): Extract<ReadObject, { kind: 'Broken' }> {
  return {
    kind: 'Broken',
    problems: [{ file, message }],
    invalid: { kind: 'File', namespace: '', name: file, message: `${file}: ${message}` },
  };
}

function broken(
  file: string,
  fields: Fields,
  identity: Pick<InvalidObject, 'kind' | 'namespace' | 'name'>,
  errors: readonly ExplainedError[],
): ReadObject {
  const object = `${identity.kind} ${displayName(identity.namespace, identity.name)}`;
  const targetRefs = readTargetRefs(fields);
  const message = errors.map(({ path, message: text }) => (path === '' ? text : `${path}: ${text}`)).join('; ');
  return {
    kind: 'Broken',
    problems: asProblems(file, object, errors),
    invalid: { ...identity, message, ...(targetRefs && { targetRefs }) },
  };
}

function asProblems(file: string, object: string, errors: readonly ExplainedError[]): Problem[] {
  return errors.map(({ path, message }) => ({ file, object, ...(path !== '' && { path }), message }));
}

/** The connections that a broken object names; undefined unless every one of them can be read. */
function readTargetRefs(fields: Fields): readonly string[] | undefined {
  const spec = isFields(fields['spec']) ? fields['spec'] : {};
  const refs = spec['targetRefs'];
  if (!Array.isArray(refs) || refs.length === 0) return undefined;
  const names = refs.map((ref: unknown) => (isFields(ref) ? ref['name'] : undefined));
  return names.every((name) => typeof name === 'string') ? names : undefined;
}

/** Namespace and name as far as they can be read; an unreadable namespace is empty and stands for every one. */
function identify(fields: Fields, isNamespaced: boolean): { readonly namespace: string; readonly name: string } {
  const metadata = isFields(fields['metadata']) ? fields['metadata'] : {};
  const { namespace = 'default', name } = metadata;
  return {
    namespace: isNamespaced && typeof namespace === 'string' ? namespace : '',
    name: typeof name === 'string' ? name : '',
  };
}

function fillNamespace(fields: Fields): void {
  const metadata = fields['metadata'];
  if (isFields(metadata)) metadata['namespace'] ??= 'default';
}

function displayName(namespace: string, name: string): string {
  const shown = name === '' ? '(no name)' : name;
  return namespace === '' ? shown : `${namespace}/${shown}`;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
