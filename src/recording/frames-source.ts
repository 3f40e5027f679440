/** The uncompressed bytes of a session's frames, readable anywhere. */
export interface FramesSource {
  readonly size: number;
  /** Shorter than asked for only at the end. */
  read(offset: number, length: number): Buffer;
  close(): void;
}
