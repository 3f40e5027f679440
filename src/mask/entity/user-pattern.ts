import { RE2JS } from 're2js';
import { indexOfText } from './bytes.ts';
import type { EntityFinder, Span } from './entity-finder.ts';

/** A pattern that can match almost nothing at every place is asked so often; after that the rest counts as found. */
const maxMatches = 10_000;

/** A finder for an RE2 expression, which is matched in linear time whatever it says. Throws where it is none. */
export function userPatternFinder(pattern: string): EntityFinder {
  const expression = RE2JS.compile(pattern);
  const prefix = literalPrefix(pattern);
  return {
    mayContain: (bytes, start, end) => (prefix === '' ? end > start : indexOfText(bytes, prefix, start, end) >= 0),
    find: (bytes, start, end) => {
      const spans: Span[] = [];
      const matcher = expression.matcher(bytes.subarray(start, end));
      for (let matches = 0; matcher.find(); matches++) {
        if (matches === maxMatches) return [...spans, { start: start + matcher.start(), end }];
        if (matcher.end() > matcher.start()) spans.push({ start: start + matcher.start(), end: start + matcher.end() });
      }
      return spans;
    },
  };
}

/** The plain ASCII letters that every match begins with, as far as they are plain to see. */
function literalPrefix(pattern: string): string {
  if (pattern.includes('|')) return '';
  const literal = /^[A-Za-z0-9_ @#%&=:;,<>/~-]+/.exec(pattern)?.[0] ?? '';
  // What is repeated need not come at all.
  return /^[?*{+]/.test(pattern.slice(literal.length)) ? literal.slice(0, -1) : literal;
}
