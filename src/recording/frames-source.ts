import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { framesFile } from './session-folder.ts';
import { systemErrorCode } from './system-error.ts';

/** The uncompressed bytes of a session's frames, readable anywhere. */
export interface FramesSource {
  readonly size: number;
  /** Shorter than asked for only at the end. */
  read(offset: number, length: number): Buffer;
  close(): void;
}

/** The frames of a session; without a frames file, an empty source. */
export function openFrames(directory: string): FramesSource {
  let fd: number;
  try {
    fd = openSync(join(directory, framesFile), 'r');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return emptySource;
    throw error;
  }
  return {
    size: fstatSync(fd).size,
    read: (offset, length) => readFully(fd, offset, length),
    close: () => closeSync(fd),
  };
}

const emptySource: FramesSource = { size: 0, read: () => Buffer.alloc(0), close: () => undefined };

function readFully(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const count = readSync(fd, bytes, filled, length - filled, offset + filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
