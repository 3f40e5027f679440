import { namespacedName } from '../../lib/brand.ts';
import { err, ok } from '../../lib/result.ts';
import type { SecretSource } from '../../gateway/ports.ts';
import type { SecretValues, Snapshot } from './snapshot.ts';

/** The Secrets of one namespace, as the newest snapshot has them. */
export interface FilesSecretSource extends SecretSource {
  /** Takes the Secrets of a new snapshot; what it returns tells the listeners which ones changed. */
  swap(snapshot: Snapshot): () => void;
}

export function filesSecretSource(namespace: string, first: Snapshot): FilesSecretSource {
  let secrets = first.secrets;
  const listeners = new Set<(secret: string) => void>();
  return {
    async read(secret, key) {
      const values = secrets.get(namespacedName(namespace, secret));
      if (values === undefined) return err({ message: `there is no Secret ${namespace}/${secret}` });
      const value = values.get(key);
      return value === undefined ? err({ message: `Secret ${namespace}/${secret} has no key '${key}'` }) : ok(value);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    swap(snapshot) {
      const changed = changedSecrets(namespace, secrets, snapshot.secrets);
      secrets = snapshot.secrets;
      return () => {
        for (const secret of changed) for (const listener of [...listeners]) listener(secret);
      };
    },
  };
}

function changedSecrets(namespace: string, before: SecretValues, after: SecretValues): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].filter((name) => name.startsWith(`${namespace}/`));
  return names.filter((name) => !isSame(before.get(name), after.get(name))).map((name) => name.slice(namespace.length + 1));
}

type Values = SecretValues extends ReadonlyMap<string, infer V> ? V : never;

function isSame(a: Values | undefined, b: Values | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.size === b.size && [...a].every(([key, value]) => b.get(key)?.reveal() === value.reveal());
}
