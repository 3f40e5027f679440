import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { maxBundleBytes, openBundle, sealBundle } from '../../src/bundle/seal.ts';
import type { Revision } from '../../src/lib/brand.ts';
import { bundle, maskRule, policy, rule } from '../decide/sample.ts';

const given = () => bundle([policy('p', [rule('read', 'Allow', { relations: ['public.*'] })])], { maskRules: [maskRule('pii')] });
const sealed = (value = given()) => {
  const result = sealBundle(value);
  if (!result.ok) throw result.error;
  return result.value;
};
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const codeOf = (bytes: Uint8Array | string, expected?: Revision): string => {
  const result = openBundle(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, expected);
  return result.ok ? 'ok' : result.error.code;
};

describe('a sealed bundle', () => {
  test('opens to the same bundle and revision', () => {
    const { bytes, revision, bundle: value } = sealed();
    expect(openBundle(bytes, revision)).toEqual({ ok: true, value: { bundle: value, revision, bytes } });
  });

  test('has one revision, in whatever order its members were written', () => {
    const value = given();
    const turned = Object.fromEntries(Object.entries(value).toReversed()) as unknown as typeof value;
    expect(sealed(turned).revision).toBe(sealed().revision);
  });

  test('is frozen to the bottom', () => {
    expect(() => Object.assign(sealed().bundle.policies[0]!.rules[0]!.postgresql, { columns: [] })).toThrow(TypeError);
    const opened = openBundle(sealed().bytes);
    expect(opened.ok && Object.isFrozen(opened.value.bundle.policies[0]!.rules)).toBe(true);
  });

  test('is refused when any byte changes', () => {
    const { bytes, revision } = sealed();
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Uint8Array.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ flip;
        expect(codeOf(changed, revision)).toBe('BundleDigest');
      }),
    );
  });

  test('is refused when another revision was expected', () => {
    expect(codeOf(sealed().bytes, '0'.repeat(64) as Revision)).toBe('BundleDigest');
  });

  test('is refused when it is not canonical: one bundle has one revision', () => {
    expect(codeOf(` ${text(sealed().bytes)}`)).toBe('BundleDigest');
    expect(codeOf(text(sealed().bytes).replace('{', '{"schemaVersion":1,'))).toBe('BundleDigest');
  });

  test('is refused in another schema version, before anything else is read', () => {
    expect(codeOf(text(sealed().bytes).replace('"schemaVersion":1', '"schemaVersion":2'))).toBe('BundleVersion');
    expect(codeOf('null')).toBe('BundleVersion');
    expect(codeOf('[]')).toBe('BundleVersion');
  });

  test('is refused when it is no JSON, no UTF-8, or lacks a part', () => {
    expect(codeOf('{')).toBe('BundleUnreadable');
    expect(codeOf(Uint8Array.of(0x22, 0xff, 0x22))).toBe('BundleUnreadable');
    for (const part of ['policies', 'maskRules', 'masking', 'target', 'identity', 'recording', 'unresolved']) {
      const { [part]: _removed, ...rest } = JSON.parse(text(sealed().bytes)) as Record<string, unknown>;
      expect([part, codeOf(JSON.stringify(rest))]).toEqual([part, 'BundleUnreadable']);
    }
  });

  test('fits into one API object or is not made', () => {
    const large = bundle([policy('p', [], { broken: { reason: 'Invalid', message: 'x'.repeat(maxBundleBytes) } })]);
    const result = sealBundle(large);
    expect(result.ok ? 'ok' : result.error.code).toBe('BundleTooLarge');
    expect(codeOf(new Uint8Array(maxBundleBytes + 1))).toBe('BundleTooLarge');
  });
});
