import { byteClass, hasRun, nextRun, runEnd } from './bytes.ts';
import type { EntityFinder, Span } from './entity-finder.ts';

const idLength = 20;
const secretLength = 40;
const idPrefix = /^(?:AKIA|ASIA|ABIA|ACCA)/;
/** How far before a secret its name may stand. */
const nameDistance = 40;

/** Access key ids by their form; secret access keys, which have none, where a word says that they are secret. */
export const awsKeyFinder: EntityFinder = {
  mayContain: (bytes, start, end) => hasRun(bytes, start, end, byteClass.UpperOrDigit, idLength) || hasRun(bytes, start, end, byteClass.Base64, secretLength),
  find: (bytes, start, end) => {
    const isId = (at: number): boolean => idPrefix.test(bytes.toString('latin1', at, at + 4));
    const isSecret = (at: number): boolean => /secret/i.test(bytes.toString('latin1', Math.max(start, at - nameDistance), at));
    const ids = runsOf(bytes, start, end, byteClass.UpperOrDigit, idLength).filter(({ start: at }) => isId(at));
    const secrets = runsOf(bytes, start, end, byteClass.Base64, secretLength).filter(({ start: at }) => isSecret(at));
    return [...ids, ...secrets].sort((left, right) => left.start - right.start);
  },
};

function runsOf(bytes: Buffer, start: number, end: number, wanted: number, length: number): Span[] {
  const runs: Span[] = [];
  for (let run = nextRun(bytes, start, end, wanted, length); run >= 0; ) {
    const stop = runEnd(bytes, run, end, wanted);
    if (stop - run === length) runs.push({ start: run, end: stop });
    run = nextRun(bytes, stop, end, wanted, length);
  }
  return runs;
}
