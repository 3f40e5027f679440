import type { Bundle, Limits } from '../bundle/bundle.ts';
import type { Subject } from '../bundle/subject.ts';
import { matchesAnySubject } from './subject-match.ts';

const names = ['maxSessions', 'sessionDurationMs', 'idleTimeoutMs', 'statementTimeoutMs', 'rowsPerStatement'] as const satisfies readonly (keyof Limits)[];

/** The strictest of each limit over every policy that is for the subject. */
export function limitsFor(bundle: Bundle, subject: Subject): Limits {
  const strictest: { -readonly [Name in keyof Limits]: Limits[Name] } = {};
  for (const { subjects, limits } of bundle.policies) {
    if (!matchesAnySubject(subjects, subject)) continue;
    for (const name of names) {
      const limit = limits[name];
      if (limit !== undefined) strictest[name] = Math.min(limit, strictest[name] ?? limit);
    }
  }
  return Object.freeze(strictest);
}
