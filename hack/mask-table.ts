// Writes the table of docs/masks.md from src/mask/mask-table.ts; `--check` only says whether it is current.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { maskTable, treatments, type MaskType } from '../src/mask/mask-table.ts';

const file = path.resolve(import.meta.dirname, '../docs/masks.md');
const begin = '<!-- mask table: written by hack/mask-table.ts -->';
const end = '<!-- end of the mask table -->';

const maskTypes: readonly MaskType[] = ['Redact', 'Hash', 'KeepFirst', 'KeepLast', 'Email', 'Truncate', 'Range', 'Null'];

function tableRows(): string[] {
  const byCells = new Map<string, string[]>();
  for (const [name, row] of Object.entries(maskTable)) {
    const cells = maskTypes.map((mask) => treatments[row[mask]]).join(' | ');
    byCells.set(cells, [...(byCells.get(cells) ?? []), name]);
  }
  const named = [...byCells].map(([cells, names]) => `| ${names.map((name) => `\`${name}\``).join(', ')} | ${cells} |`);
  return [...named, `| every other type | ${maskTypes.map(() => treatments.Null).join(' | ')} |`];
}

const table = [`| type | ${maskTypes.join(' | ')} |`, `|---|${maskTypes.map(() => '---|').join('')}`, ...tableRows()].join('\n');
const text = readFileSync(file, 'utf8');
const from = text.indexOf(begin);
const to = text.indexOf(end);
if (from < 0 || to < from) throw new Error(`${file} has no place for the mask table`);
const written = `${text.slice(0, from)}${begin}\n${table}\n${text.slice(to)}`;
if (!process.argv.includes('--check')) {
  writeFileSync(file, written);
} else if (written !== text) {
  console.error('docs/masks.md is not current: run node hack/mask-table.ts');
  process.exitCode = 1;
}
