/**
 * Whether a name matches a pattern in which `*` stands for any run of characters and everything else for
 * itself. Linear in practice: one backtrack point, no regular expression, so no pattern can be made slow.
 */
export function matchesGlob(pattern: string, name: string): boolean {
  if (pattern === '*') return true;
  if (!pattern.includes('*')) return pattern === name;
  let p = 0;
  let n = 0;
  let star = -1;
  let resume = 0;
  while (n < name.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.length && pattern[p] === name[n]) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** A pattern over a schema-qualified name; each half is a glob of its own. */
export interface NamePattern {
  readonly schema: string;
  readonly name: string;
}

/**
 * Reads `schema.name`; a half that contains a dot is written in double quotes (`"a.b".c`), with `""` for a
 * quote in it. Undefined when the text is not two halves.
 */
export function parseNamePattern(text: string): NamePattern | undefined {
  const halves: string[] = [];
  let at = 0;
  while (at <= text.length) {
    let half = '';
    if (text[at] === '"') {
      at++;
      for (;;) {
        const close = text.indexOf('"', at);
        if (close < 0) return undefined;
        half += text.slice(at, close);
        at = close + 1;
        if (text[at] !== '"') break;
        half += '"';
        at++;
      }
    } else {
      const dot = text.indexOf('.', at);
      half = text.slice(at, dot < 0 ? text.length : dot);
      at += half.length;
      if (half.includes('"')) return undefined;
    }
    if (half === '') return undefined;
    halves.push(half);
    if (at === text.length) break;
    if (text[at] !== '.') return undefined;
    at++;
  }
  const [schema, name] = halves;
  if (schema === undefined || name === undefined || halves.length !== 2) return undefined;
  return { schema, name };
}

export function matchesName(pattern: NamePattern, schema: string, name: string): boolean {
  return matchesGlob(pattern.schema, schema) && matchesGlob(pattern.name, name);
}
