import type { Mask } from '../bundle/bundle.ts';

/** The masks of one subject, asked by column. `sql` resolves inheritance, views and generated columns on top of it. */
export interface MaskView {
  /** Digest of the mask set. */
  readonly id: string;
  readonly rules: readonly ColumnMaskRule[];
}

/** One mask on the columns of one pattern. Both halves of `relation` and `column` are globs. */
export interface ColumnMaskRule {
  readonly rule: string;
  readonly relation: { readonly schema: string; readonly name: string };
  readonly column: string;
  readonly mask: Mask;
  readonly predicates: 'Masked' | 'Deny';
  readonly assign: 'Deny' | 'Allow';
}
