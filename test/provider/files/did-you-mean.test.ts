import { describe, expect, test } from '@jest/globals';
import { nearest } from '../../../src/provider/files/did-you-mean.ts';

describe('nearest', () => {
  test.each([
    ['databse', ['host', 'database'], 'database'],
    ['dtaabase', ['host', 'database'], 'database'],
    ['select', ['Insert', 'Select'], 'Select'],
    ['targetRef', ['targetRefs', 'target'], 'targetRefs'],
    ['tsl', ['tls', 'host'], 'tls'],
    ['password', ['host', 'port'], undefined],
    ['x', ['host', 'port'], undefined],
    ['x', [], undefined],
  ])('of %s among %j is %s', (written, candidates, wanted) => {
    expect(nearest(written, candidates)).toBe(wanted);
  });
});
