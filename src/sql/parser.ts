/**
 * PostgreSQL's own grammar (libpg_query compiled to WebAssembly). One invariant: an instance that has thrown
 * anything but a syntax error is never used again, because a stack overflow inside it leaves its stack
 * pointer where it was, and after a few dozen of those every later parse fails.
 */
import type { Node } from '@pgsql/types';
// The package's entry keeps one instance for ever; its factory is what lets us throw one away.
import createInstance from 'libpg-query/wasm/libpg-query.js';
import { err, ok, type Result } from '../lib/result.ts';

/** What the emscripten module offers, as far as we use it. */
interface Instance {
  lengthBytesUTF8(text: string): number;
  stringToUTF8(text: string, pointer: number, bytes: number): void;
  UTF8ToString(pointer: number): string;
  getValue(pointer: number, type: 'i32'): number;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  _wasm_parse_query_raw(pointer: number): number;
  _wasm_free_parse_result(pointer: number): void;
  _wasm_scan(pointer: number): number;
  _wasm_free_string(pointer: number): void;
}

export interface ParsedStatement {
  readonly node: Node;
  /** UTF-8 byte offset and length in the text; the length of the last statement may be 0, for "to the end". */
  readonly start: number;
  readonly length: number;
}

/** One token of a text; offsets are UTF-8 bytes. Comments are left out. */
export interface Token {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly isKeyword: boolean;
}

export interface ParseFailure {
  readonly kind: 'Syntax' | 'Poisoned' | 'Restarting';
  readonly message: string;
  /** 0-based character offset of a syntax error. */
  readonly position?: number;
}

export interface Parser {
  parse(text: string): Result<readonly ParsedStatement[], ParseFailure>;
  scan(text: string): Result<readonly Token[], ParseFailure>;
}

interface RawParse {
  readonly stmts?: readonly { readonly stmt: Node; readonly stmt_location?: number; readonly stmt_len?: number }[];
}

interface RawScan {
  readonly tokens: readonly { readonly start: number; readonly end: number; readonly text: string; readonly tokenName: string; readonly keywordName: string }[];
}

class SyntaxFailure extends Error {
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

/** Instances that wait beside the one in use: as many statements in a row may break theirs without anybody else noticing. */
const reserveSize = 3;

/** Loads instances ahead, so that a poisoned one costs no time. */
export async function createParser(): Promise<Parser> {
  return new ReplaceableParser(await Promise.all(Array.from({ length: 1 + reserveSize }, newInstance)));
}

async function newInstance(): Promise<Instance> {
  return createInstance();
}

class ReplaceableParser implements Parser {
  /** The first is the one in use. */
  readonly #instances: Instance[];

  constructor(instances: Instance[]) {
    this.#instances = instances;
  }

  parse(text: string): Result<readonly ParsedStatement[], ParseFailure> {
    return this.#run((instance) => {
      const parsed = parseWith(instance, text);
      return (parsed.stmts ?? []).map(({ stmt, stmt_location, stmt_len }) => ({
        node: stmt,
        start: stmt_location ?? 0,
        length: stmt_len ?? 0,
      }));
    });
  }

  scan(text: string): Result<readonly Token[], ParseFailure> {
    return this.#run((instance) =>
      scanWith(instance, text)
        .tokens.filter(({ tokenName }) => tokenName !== 'C_COMMENT' && tokenName !== 'SQL_COMMENT')
        .map(({ start, end, text: word, keywordName }) => ({ start, end, text: word, isKeyword: keywordName !== 'NO_KEYWORD' })),
    );
  }

  #run<T>(work: (instance: Instance) => T): Result<T, ParseFailure> {
    const [instance] = this.#instances;
    if (instance === undefined) return err({ kind: 'Restarting', message: 'the SQL parser is being restarted, try again' });
    try {
      return ok(work(instance));
    } catch (thrown) {
      if (thrown instanceof SyntaxFailure) {
        return err({ kind: 'Syntax', message: thrown.message, position: thrown.position });
      }
      this.#replace();
      return err({ kind: 'Poisoned', message: 'the statement is too deeply nested to be analysed' });
    }
  }

  #replace(): void {
    this.#instances.shift();
    void newInstance().then((fresh) => this.#instances.push(fresh));
  }
}

function withText<T>(instance: Instance, text: string, use: (pointer: number) => T): T {
  const bytes = instance.lengthBytesUTF8(text) + 1;
  const pointer = instance._malloc(bytes);
  try {
    instance.stringToUTF8(text, pointer, bytes);
    return use(pointer);
  } finally {
    instance._free(pointer);
  }
}

/** Reads libpg_query's PgQueryParseResult {char *tree, char *stderr, PgQueryError *error} from 32-bit memory. */
function parseWith(instance: Instance, text: string): RawParse {
  return withText(instance, text, (pointer) => {
    const result = instance._wasm_parse_query_raw(pointer);
    if (result === 0) throw new Error('out of memory');
    try {
      const error = instance.getValue(result + 8, 'i32');
      if (error !== 0) {
        const cursor = instance.getValue(error + 16, 'i32');
        throw new SyntaxFailure(instance.UTF8ToString(instance.getValue(error, 'i32')), Math.max(0, cursor - 1));
      }
      return JSON.parse(instance.UTF8ToString(instance.getValue(result, 'i32'))) as RawParse;
    } finally {
      instance._wasm_free_parse_result(result);
    }
  });
}

function scanWith(instance: Instance, text: string): RawScan {
  return withText(instance, text, (pointer) => {
    const result = instance._wasm_scan(pointer);
    try {
      const json = instance.UTF8ToString(result);
      if (!json.startsWith('{')) throw new SyntaxFailure(json, 0);
      return JSON.parse(json) as RawScan;
    } finally {
      instance._wasm_free_string(result);
    }
  });
}
