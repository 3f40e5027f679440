import { type Bundle, bundleSchemaVersion } from './bundle.ts';
import type { Revision } from '../lib/brand.ts';
import { canonicalJson, deepFreeze, sha256Hex } from '../lib/canonical.ts';
import { CodedError, messageOf } from '../lib/coded-error.ts';
import { err, ok, type Result } from '../lib/result.ts';

/** A bundle that can no longer change, with the bytes that its revision is the digest of. */
export interface SealedBundle {
  readonly bundle: Bundle;
  readonly revision: Revision;
  readonly bytes: Uint8Array;
}

export type BundleErrorCode = 'BundleTooLarge' | 'BundleUnreadable' | 'BundleVersion' | 'BundleDigest';

/** Why bytes are no bundle, or a bundle cannot be shipped. */
export class BundleError extends CodedError {
  declare readonly code: BundleErrorCode;

  constructor(code: BundleErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(code, message, options);
    this.name = 'BundleError';
  }
}

/** An API object holds at most 1 MiB; the rest is left for the ConfigMap's own metadata. */
export const maxBundleBytes = 1024 * 1024 - 64 * 1024;

/** Freezes a bundle and gives it its canonical bytes and its revision. */
export function sealBundle(bundle: Bundle): Result<SealedBundle, BundleError> {
  const bytes = new TextEncoder().encode(canonicalJson(bundle));
  if (bytes.byteLength > maxBundleBytes) return err(tooLarge(bytes.byteLength));
  return ok({ bundle: deepFreeze(bundle), revision: sha256Hex(bytes) as Revision, bytes });
}

/**
 * Reads bytes that `sealBundle` made. The digest is checked before anything is believed, and bytes that are
 * not canonical are refused: one bundle has one revision.
 */
export function openBundle(bytes: Uint8Array, expected?: Revision): Result<SealedBundle, BundleError> {
  if (bytes.byteLength > maxBundleBytes) return err(tooLarge(bytes.byteLength));
  const revision = sha256Hex(bytes) as Revision;
  if (expected !== undefined && expected !== revision) {
    return err(new BundleError('BundleDigest', `the bundle's digest is ${revision}, expected ${expected}`));
  }
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    return err(new BundleError('BundleUnreadable', `the bundle is not JSON in UTF-8: ${messageOf(cause)}`, { cause }));
  }
  const version = schemaVersionOf(value);
  if (version !== bundleSchemaVersion) {
    return err(
      new BundleError('BundleVersion', `the bundle has schemaVersion ${String(version)}, this gateway reads ${bundleSchemaVersion}`),
    );
  }
  if (canonicalJson(value) !== text) return err(new BundleError('BundleDigest', 'the bundle is not in canonical form'));
  if (!hasBundleShape(value)) return err(new BundleError('BundleUnreadable', 'the bundle lacks parts that every bundle has'));
  return ok({ bundle: deepFreeze(value), revision, bytes });
}

function tooLarge(size: number): BundleError {
  return new BundleError('BundleTooLarge', `the bundle has ${size} bytes, at most ${maxBundleBytes} fit into one object`);
}

function schemaVersionOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'schemaVersion' in value ? value.schemaVersion : undefined;
}

/** The parts whose absence would otherwise read as "nothing is demanded". The rest is vouched for by the digest. */
function hasBundleShape(value: unknown): value is Bundle {
  if (typeof value !== 'object' || value === null) return false;
  const members = value as Readonly<Record<string, unknown>>;
  const masking = members['masking'] as Readonly<Record<string, unknown>> | null | undefined;
  return (
    ['connection', 'target', 'identity', 'gateway', 'recording'].every((part) => typeof members[part] === 'object' && members[part] !== null) &&
    ['policies', 'maskRules', 'unresolved'].every((part) => Array.isArray(members[part])) &&
    Array.isArray(masking?.['required']) &&
    Array.isArray(masking['missing'])
  );
}
