/** Half open: bytes from `start` up to `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface EntityFinder {
  /** Quick. May say yes without cause, never no where `find` would find; so it also answers for bytes around a value. */
  mayContain(bytes: Buffer, start: number, end: number): boolean;
  /** In time linear to the length; spans in order, without overlap. */
  find(bytes: Buffer, start: number, end: number): readonly Span[];
}
