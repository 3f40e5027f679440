import type { ReportFields } from '../../wire/postgresql/backend-messages.ts';

/** Classes of SQLSTATE whose messages speak of names, limits and states, never of what a row holds. */
const safeClasses: ReadonlySet<string> = new Set(['08', '0A', '0B', '25', '26', '28', '2D', '34', '3B', '3D', '3F', '40', '42', '53', '54', '55', '57', '58']);
const integrityClass = '23';
/** Severity, SQLSTATE, position, and the names of the object at fault. */
const plainFields = ['S', 'V', 'C'] as const;
const placeFields = ['P', 's', 't', 'c', 'd', 'n'] as const;
/** Function bodies choose both the SQLSTATE and the words of what they raise. */
const raisedBy = 'exec_stmt_raise';

/**
 * What may be said of an error or notice that masked values could stand in (DESIGN section 5, rule 6): DETAIL,
 * CONTEXT and internal queries are dropped, and the message too unless its class cannot carry data.
 */
export function withheldReport(fields: ReportFields): ReportFields {
  const kept = new Map<string, string>();
  const copy = (code: string): void => {
    const value = fields.get(code);
    if (value !== undefined) kept.set(code, value);
  };
  plainFields.forEach(copy);
  kept.set('M', safeMessage(fields));
  placeFields.forEach(copy);
  return kept;
}

function safeMessage(fields: ReportFields): string {
  const sqlstate = fields.get('C') ?? '';
  const wasRaised = fields.get('R') === raisedBy || fields.has('W') || fields.has('q');
  if (safeClasses.has(sqlstate.slice(0, 2)) && !wasRaised) return fields.get('M') ?? '';
  if (sqlstate.startsWith(integrityClass) && !wasRaised) return integrityMessage(fields);
  return 'the message is withheld: values of masked columns could stand in it';
}

function integrityMessage(fields: ReportFields): string {
  const constraint = fields.get('n');
  const column = fields.get('c');
  const table = fields.get('t');
  const what = constraint !== undefined ? `constraint "${constraint}"` : column !== undefined ? `column "${column}"` : 'a constraint';
  return table === undefined ? `${what} does not allow it` : `${what} of relation "${table}" does not allow it`;
}
