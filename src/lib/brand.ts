declare const brand: unique symbol;

/** A string or object that must not be mixed with others of its shape. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** `namespace/name`. */
export type NamespacedName = Brand<string, 'NamespacedName'>;
/** sha256 of a bundle's canonical bytes, hex. */
export type Revision = Brand<string, 'Revision'>;
export type SessionId = Brand<string, 'SessionId'>;

export function namespacedName(namespace: string, name: string): NamespacedName {
  return `${namespace}/${name}` as NamespacedName;
}
