/**
 * Changes to a text by UTF-8 byte offsets. The original is only ever spliced, never printed anew, so what no
 * edit names reaches the target byte for byte.
 */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Applies edits in order of position; two that overlap are a bug of the analysis and give undefined. */
export function applyEdits(text: string, edits: readonly Edit[]): string | undefined {
  if (edits.length === 0) return text;
  const source = Buffer.from(text);
  const parts: string[] = [];
  let at = 0;
  for (const edit of sortedEdits(edits)) {
    if (edit.start < at || edit.end > source.length) return undefined;
    parts.push(source.toString('utf8', at, edit.start), edit.text);
    at = edit.end;
  }
  parts.push(source.toString('utf8', at));
  return parts.join('');
}

/** Maps a 1-based character position in the spliced text to one in the original; inside an inserted part, to its start. */
export function originalPosition(text: string, edits: readonly Edit[], position: number): number {
  if (edits.length === 0) return position;
  const source = Buffer.from(text);
  let original = 0;
  let spliced = 0;
  let at = 0;
  for (const edit of sortedEdits(edits)) {
    const kept = characters(source.toString('utf8', at, edit.start));
    if (position <= spliced + kept) return original + (position - spliced);
    spliced += kept;
    original += kept;
    const inserted = characters(edit.text);
    if (position <= spliced + inserted) return original + 1;
    spliced += inserted;
    original += characters(source.toString('utf8', edit.start, edit.end));
    at = edit.end;
  }
  return original + (position - spliced);
}

/** Insertions at one place keep the order in which they were made. */
function sortedEdits(edits: readonly Edit[]): readonly Edit[] {
  return [...edits].sort((a, b) => a.start - b.start || a.end - b.end);
}

/** Code points, as PostgreSQL counts characters in UTF8. */
function characters(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xdc00 || unit > 0xdfff) count++;
  }
  return count;
}
