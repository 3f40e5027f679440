import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { compressedSource } from './compressed-frames.ts';
import type { FramesSource } from './frames-source.ts';
import { compressedFramesFile, framesFile } from './session-folder.ts';
import { systemErrorCode } from './system-error.ts';

/** The frames of a session, compressed or not; without a frames file, an empty source. */
export function openFrames(directory: string): FramesSource {
  const plain = openSource(join(directory, framesFile));
  if (plain !== undefined) return plain;
  const compressed = openSource(join(directory, compressedFramesFile));
  return compressed === undefined ? emptySource : compressedSource(compressed);
}

function openSource(path: string): FramesSource | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
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
