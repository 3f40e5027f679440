import type { Catalogue, PgType, Relation, UserFunction } from './catalogue.ts';
import { extensionOperators, harmlessExtensions } from './harmless-extensions.ts';

/** Names to objects over one catalogue snapshot. Built once per snapshot. */
export class Lookup {
  readonly catalogue: Catalogue;
  readonly #relations = new Map<string, Map<string, Relation>>();
  readonly #functions = new Map<string, UserFunction[]>();
  readonly #capturedOperators = new Set<string>();
  readonly #children = new Map<number, Relation[]>();
  readonly #typeNames = new Map<string, PgType[]>();

  private constructor(catalogue: Catalogue) {
    this.catalogue = catalogue;
    for (const relation of catalogue.relations.values()) {
      const schema = this.#relations.get(relation.schema) ?? new Map<string, Relation>();
      schema.set(relation.name, relation);
      this.#relations.set(relation.schema, schema);
      for (const parent of relation.parents) append(this.#children, parent, relation);
    }
    for (const entry of catalogue.functions) append(this.#functions, entry.name, entry);
    for (const { name, extension } of catalogue.operators) {
      if (extension === undefined || !extensionOperators.has(extension)) this.#capturedOperators.add(name);
    }
    for (const type of catalogue.types.values()) append(this.#typeNames, type.name, type);
  }

  static readonly #cache = new WeakMap<Catalogue, Lookup>();

  static of(catalogue: Catalogue): Lookup {
    let lookup = Lookup.#cache.get(catalogue);
    if (lookup === undefined) {
      lookup = new Lookup(catalogue);
      Lookup.#cache.set(catalogue, lookup);
    }
    return lookup;
  }

  relation(schema: string, name: string): Relation | undefined {
    return this.#relations.get(schema)?.get(name);
  }

  /** PostgreSQL looks in pg_catalog first unless the path names it. */
  resolve(name: string, path: readonly string[]): Relation | undefined {
    const builtIn = path.includes('pg_catalog') ? undefined : this.relation('pg_catalog', name);
    if (builtIn !== undefined) return builtIn;
    for (const schema of this.effectivePath(path)) {
      const found = this.relation(schema, name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** PostgreSQL passes over schemas of a path that do not exist or may not be used. */
  effectivePath(path: readonly string[]): readonly string[] {
    const { schemas, usableSchemas, role } = this.catalogue;
    return path
      .map((schema) => (schema === '$user' ? role.name : schema))
      .filter((schema) => schema === 'pg_temp' || (schemas.has(schema) && (usableSchemas?.has(schema) ?? true)));
  }

  childrenOf(oid: number): readonly Relation[] {
    return this.#children.get(oid) ?? [];
  }

  functionsNamed(name: string): readonly UserFunction[] {
    return this.#functions.get(name) ?? [];
  }

  /** Functions of that name that are neither built in nor of a harmless extension. */
  capturingFunctions(name: string): readonly UserFunction[] {
    return this.functionsNamed(name).filter((entry) => !isHarmlessFunction(entry));
  }

  /** Whether an operator of this name exists that could be chosen instead of a built-in one and runs other code. */
  isCapturedOperator(name: string): boolean {
    return this.#capturedOperators.has(name);
  }

  typesNamed(name: string): readonly PgType[] {
    return this.#typeNames.get(name) ?? [];
  }
}

export function isHarmlessFunction(entry: UserFunction): boolean {
  return entry.extension !== undefined && !entry.isSecurityDefiner && harmlessExtensions.has(entry.extension);
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
