/** Identifiers and literals as PostgreSQL reads them back, always quoted: no keyword list to keep up to date. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteName(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** What an identifier without quotes means. In UTF8 databases only ASCII letters are folded. */
export function foldIdentifier(written: string): string {
  return written.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Holds no backslash escapes, whatever `standard_conforming_strings` says. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? `E${quoted}` : quoted;
}
