/**
 * Finds in any value what looks like something to hide, and hides that part of it. The invariants: work is
 * linear in the length of the value, bytes outside a match are never touched, and a second pass over the result
 * changes nothing. It is a net under the column masks, not in their place: an agent that may compute can encode.
 */
import type { DetectedEntity, Detector, Mask } from '../bundle/bundle.ts';
import type { Secret } from '../lib/secret.ts';
import { awsKeyFinder } from './entity/aws-key.ts';
import { creditCardFinder } from './entity/credit-card.ts';
import { emailFinder } from './entity/email.ts';
import type { EntityFinder, Span } from './entity/entity-finder.ts';
import { ibanFinder } from './entity/iban.ts';
import { jwtFinder } from './entity/jwt.ts';
import { phoneNumberFinder } from './entity/phone-number.ts';
import { privateKeyFinder } from './entity/private-key.ts';
import { ssnFinder } from './entity/ssn.ts';
import { userPatternFinder } from './entity/user-pattern.ts';
import { maskValue } from './mask-value.ts';
import { stars } from './stars.ts';
import { strongest } from './strength.ts';

const finders: Readonly<Record<DetectedEntity, EntityFinder>> = {
  Email: emailFinder,
  CreditCard: creditCardFinder,
  Iban: ibanFinder,
  Ssn: ssnFinder,
  PhoneNumber: phoneNumberFinder,
  AwsKey: awsKeyFinder,
  Jwt: jwtFinder,
  PrivateKey: privateKeyFinder,
};

export interface ValueDetector {
  /** Whether any value among these bytes may need `rewrite`; they may hold many values and what is between. */
  mayFind(bytes: Buffer, start: number, end: number): boolean;
  /** The value with what was found masked; undefined when nothing was. */
  rewrite(bytes: Buffer, start: number, end: number): Buffer | undefined;
  /** The same for the text of an error or notice. */
  rewriteText(text: string): string;
}

interface ArmedDetector {
  readonly finder: EntityFinder;
  readonly mask: Mask;
}

interface Found extends Span {
  readonly mask: Mask;
}

/** A value is searched in windows of this size, so that what a window needs in memory is bounded. */
const windowBytes = 1024 * 1024;
/** What is longer than this and lies across the border of two windows is found in part. */
const overlapBytes = 64 * 1024;
/** How often what a mask left may in turn be found and hidden whole. */
const maxRounds = 3;

/** Undefined when there is nothing to look for. Throws where a user's pattern is no RE2 expression. */
export function createDetector(detectors: readonly Detector[], hashKey?: Secret<string>): ValueDetector | undefined {
  if (detectors.length === 0) return undefined;
  const armed = detectors.map((detector) => ({
    finder: detector.kind === 'Entity' ? finders[detector.entity] : userPatternFinder(detector.pattern),
    mask: detector.mask,
  }));
  const rewrite = (bytes: Buffer, start: number, end: number): Buffer | undefined => {
    const found = search(armed, bytes, start, end);
    return found.length === 0 ? undefined : settle(armed, replace(bytes, start, end, found, hashKey), hashKey);
  };
  return {
    mayFind: (bytes, start, end) => {
      for (const { finder } of armed) if (finder.mayContain(bytes, start, end)) return true;
      return false;
    },
    rewrite,
    rewriteText: (text) => {
      const bytes = Buffer.from(text);
      return rewrite(bytes, 0, bytes.length)?.toString() ?? text;
    },
  };
}

/** A pattern may match what its own mask left of it; then all of that is hidden. */
function settle(armed: readonly ArmedDetector[], masked: Buffer, hashKey: Secret<string> | undefined): Buffer {
  let current = masked;
  for (let round = 0; round < maxRounds; round++) {
    const found = search(armed, current, 0, current.length);
    if (found.length === 0 || replace(current, 0, current.length, found, hashKey).equals(current)) return current;
    const hidden = found.map(({ start, end }): Found => ({ start, end, mask: { type: 'Redact' } }));
    current = replace(current, 0, current.length, hidden, hashKey);
  }
  return Buffer.from(stars);
}

function search(armed: readonly ArmedDetector[], bytes: Buffer, start: number, end: number): readonly Found[] {
  let found: Found[] | undefined;
  for (const { finder, mask } of armed) {
    for (let from = start; from < end; from += windowBytes - overlapBytes) {
      const to = Math.min(from + windowBytes, end);
      if (!finder.mayContain(bytes, from, to)) continue;
      for (const span of finder.find(bytes, from, to)) (found ??= []).push({ ...span, mask });
      if (to === end) break;
    }
  }
  return found === undefined ? [] : merge(found);
}

/** Matches that overlap become one, under the stronger of their masks. */
function merge(found: Found[]): readonly Found[] {
  found.sort((left, right) => left.start - right.start);
  const merged: Found[] = [];
  for (const next of found) {
    const last = merged.at(-1);
    if (last === undefined || next.start >= last.end) merged.push(next);
    else merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, next.end), mask: strongest([last.mask, next.mask]) };
  }
  return merged;
}

function replace(bytes: Buffer, start: number, end: number, found: readonly Found[], hashKey: Secret<string> | undefined): Buffer {
  const parts: Buffer[] = [];
  let at = start;
  for (const span of found) {
    parts.push(bytes.subarray(at, span.start));
    // A part of a value cannot be NULL.
    parts.push(Buffer.from(maskValue(span.mask, bytes.toString('utf8', span.start, span.end), hashKey) ?? stars));
    at = span.end;
  }
  parts.push(bytes.subarray(at, end));
  return Buffer.concat(parts);
}
