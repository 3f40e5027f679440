import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../lib/coded-error.ts';
import { err, ok, type Result } from '../lib/result.ts';
import { systemErrorCode } from './system-error.ts';

export const recordsFile = 'records.jsonl';
export const framesFile = 'frames.bin';
export const compressedFramesFile = 'frames.bin.zst';

/** Where one session's recording stands: `<root>/<namespace>/<connection>/<yyyy>/<mm>/<dd>/<session>`. */
export interface SessionFolder {
  readonly session: string;
  /** `namespace/name`. */
  readonly connection: string;
  readonly directory: string;
}

/** No segment can be `.`, `..`, empty, hidden or hold a separator. */
const segment = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;
const dateSegments = [/^\d{4}$/, /^\d\d$/, /^\d\d$/];

export function isSessionId(text: string): boolean {
  return segment.test(text);
}

/** The folder for a session that starts now. Throws for names that are not plain path segments. */
export function sessionFolder(root: string, session: string, connection: string, nowMs: number): SessionFolder {
  const parts = connection.split('/');
  if (parts.length !== 2 || ![...parts, session].every((part) => segment.test(part))) {
    throw new CodedError('REC_NAME', `connection ${JSON.stringify(connection)} or session ${JSON.stringify(session)} cannot name a folder`);
  }
  const [year = '', month = '', day = ''] = new Date(nowMs).toISOString().slice(0, 10).split('-');
  return { session, connection, directory: join(root, ...parts, year, month, day, session) };
}

/** Every session of a recordings folder, oldest day first within a connection. Symbolic links are not followed. */
export function* sessionFolders(root: string): Generator<SessionFolder> {
  for (const namespace of directories(root, segment)) {
    for (const name of directories(join(root, namespace), segment)) {
      for (const day of days(join(root, namespace, name), dateSegments)) {
        for (const session of directories(day, segment)) {
          yield { session, connection: `${namespace}/${name}`, directory: join(day, session) };
        }
      }
    }
  }
}

/** The one session whose id is, or begins with, the text. */
export function findSession(root: string, id: string): Result<SessionFolder, string> {
  if (!isSessionId(id)) return err(`${JSON.stringify(id)} is not a session id`);
  const found: SessionFolder[] = [];
  for (const folder of sessionFolders(root)) {
    if (folder.session === id) return ok(folder);
    if (folder.session.startsWith(id)) found.push(folder);
  }
  const [first] = found;
  if (first === undefined) return err(`no session ${id} in ${root}`);
  if (found.length === 1) return ok(first);
  const shown = found.slice(0, 5).map((folder) => folder.session);
  return err(`${id} is the beginning of ${found.length} sessions: ${shown.join(', ')}${found.length > 5 ? ', ...' : ''}`);
}

function* days(directory: string, patterns: readonly RegExp[]): Generator<string> {
  const [pattern, ...rest] = patterns;
  if (pattern === undefined) {
    yield directory;
    return;
  }
  for (const name of directories(directory, pattern)) yield* days(join(directory, name), rest);
}

function directories(directory: string, pattern: RegExp): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && pattern.test(entry.name))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    // Pruned while we were looking.
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
