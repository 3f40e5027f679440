/**
 * Text from agents and databases for a terminal: nothing in it moves the cursor, sets a title, changes colours
 * or reverses the direction of writing. What would is shown by its code point.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const lineFeeds = /\r?\n/;

/** On one line. */
export function harmless(text: string): string {
  return text.replace(unsafe, escaped);
}

/** Line feeds and tabs stay what they are; each line is indented. */
export function harmlessBlock(text: string, indent: string): string {
  return text
    .split(lineFeeds)
    .map((line) => indent + harmless(line.replaceAll('\t', '    ')))
    .join('\n');
}

/** JSON that is the same document to a parser and plain text to a terminal. */
export function harmlessJson(value: unknown, space?: number): string {
  return JSON.stringify(value, null, space).replace(unsafe, (character) => (character === '\n' ? character : unicodeEscapes(character)));
}

function unicodeEscapes(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}
