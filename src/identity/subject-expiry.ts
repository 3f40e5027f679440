import type { Subject } from '../bundle/subject.ts';

/** Whether a subject's credential has run out, `now` in milliseconds since the epoch. */
export function isExpired(subject: Subject, now: number): boolean {
  return now >= subject.expiresAt;
}
