import type { Report } from '../../wire/postgresql/backend-messages.ts';
import type { Refusal } from '../session.ts';

const sqlstates: Readonly<Record<Refusal['reason'], string>> = {
  NotIdentified: '28P01',
  IdentityUnavailable: '57P03',
  NothingServed: '57P03',
  NoPolicy: '28000',
  TooManySessions: '53300',
  RecordingFailed: '58030',
  Denied: '42501',
};

/** A refusal in PostgreSQL's words. */
export function refusalReport(refusal: Refusal, severity: 'ERROR' | 'FATAL' = 'ERROR'): Report {
  const { message, detail, hint } = refusal;
  return { severity, sqlstate: refusal.sqlstate ?? sqlstates[refusal.reason], message, detail, hint };
}

export function errorReport(sqlstate: string, message: string, hint?: string): Report {
  return { severity: 'ERROR', sqlstate, message, hint };
}

export function fatalReport(sqlstate: string, message: string, hint?: string): Report {
  return { severity: 'FATAL', sqlstate, message, hint };
}

/** A session holds too much under names. */
export const tooManyNames = errorReport('53400', 'the session holds too many prepared statements, portals and cursors, or too large ones', 'close some');

/** A statement was planned without a column that it shows. */
export const catalogueChanged = {
  sqlstate: '40001', message: 'the catalogue of the target has changed while the statement was under way: its result is not shown', hint: 'run it again',
} as const;

/** Bytes that are no UTF-8 would not be what was planned. */
export const invalidEncoding = errorReport('22021', 'invalid byte sequence for encoding "UTF8"');
