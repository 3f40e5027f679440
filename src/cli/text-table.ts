import { harmless } from './terminal-text.ts';

const wide = /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const combining = /\p{M}/u;
const maxCellWidth = 120;

/** Rows under a heading, in columns as wide as their widest cell. Cells are made harmless here. */
export function textTable(heading: readonly string[], rows: readonly (readonly string[])[], indent = ''): string {
  const shown = [heading, ...rows].map((row) => row.map((cell) => shortened(harmless(cell))));
  const widths: number[] = [];
  for (const row of shown) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, displayWidth(cell));
  }
  const lines = shown.map((row) => row.map((cell, at) => cell + ' '.repeat((widths[at] ?? 0) - displayWidth(cell))).join('  '));
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return lines.map((line) => `${indent}${line}`.trimEnd()).join('\n');
}

/** Columns that a terminal gives the text; East Asian and emoji characters take two. */
function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += wide.test(character) ? 2 : combining.test(character) ? 0 : 1;
  return width;
}

function shortened(cell: string): string {
  if (cell.length <= maxCellWidth) return cell;
  return `${Array.from(cell).slice(0, maxCellWidth - 3).join('')}...`;
}
