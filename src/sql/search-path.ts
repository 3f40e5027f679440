import { foldIdentifier } from './quote.ts';

/** The schema names of a `search_path` setting, as PostgreSQL splits it: folded to lower case unless quoted. */
export function parseSearchPath(setting: string): string[] {
  const names: string[] = [];
  for (const [, quoted, plain] of setting.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,\s"]+))\s*(?:,|$)/g)) {
    if (quoted !== undefined) names.push(quoted.replaceAll('""', '"'));
    else if (plain !== undefined) names.push(foldIdentifier(plain));
  }
  return names.filter((name) => name !== '');
}
