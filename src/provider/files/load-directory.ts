/**
 * Where API objects come from without a cluster: a directory of YAML, read as `kubectl apply -f DIR` reads it
 * (its own .yaml and .yml files, none of its folders') and checked as the API server checks. The one
 * invariant: nothing in the directory is silently left out; what is not whole is a problem and a denial.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../../lib/coded-error.ts';
import { buildSnapshot, type SourceFile } from './build-snapshot.ts';
import type { Snapshot } from './snapshot.ts';

const maxFileBytes = 8 * 1024 * 1024;

export async function loadDirectory(directory: string): Promise<Snapshot> {
  return buildSnapshot(await readSources(directory));
}

/** The YAML files of a directory in the order of their names. What cannot be read is there with the reason. */
export async function readSources(directory: string): Promise<readonly SourceFile[]> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (thrown) {
    return [{ name: '', problem: `the directory cannot be read: ${reasonOf(thrown)}` }];
  }
  const manifests = names.filter((name) => /^[^.].*[.]ya?ml$/.test(name)).sort();
  return Promise.all(manifests.map((name) => readSource(directory, name)));
}

async function readSource(directory: string, name: string): Promise<SourceFile> {
  const file = path.join(directory, name);
  try {
    const { size } = await stat(file);
    if (size > maxFileBytes) return { name, problem: `has more than ${maxFileBytes / 1024 / 1024} MiB` };
    return { name, text: new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file)) };
  } catch (thrown) {
    return { name, problem: `cannot be read: ${reasonOf(thrown)}` };
  }
}

function reasonOf(thrown: unknown): string {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String(thrown.code) : '';
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or directory',
    ENOTDIR: 'it is not a directory',
    EISDIR: 'it is a directory',
    EACCES: 'permission denied',
    ELOOP: 'it links to itself',
    ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
  };
  return words[code] ?? messageOf(thrown);
}
