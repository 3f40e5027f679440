/**
 * Frames of ended sessions, compressed behind the data path: zstd frames of one block each and a seek table,
 * in zstd's seekable format, so `zstd -d` gives the original and a reader gets at any block. Digests are over the uncompressed bytes.
 */
import { open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompressSync } from 'node:zlib';
import { CodedError } from '../lib/coded-error.ts';
import type { FramesSource } from './frames-source.ts';
import { compressedFramesFile, framesFile } from './session-folder.ts';

const compress = promisify(zstdCompress);
const blockBytes = 1024 * 1024;
const skippableMagic = 0x184d2a5e;
const seekableMagic = 0x8f92eab1;
const entryBytes = 8;
const footerBytes = 9;
const headerBytes = 8;

/** Replaces `frames.bin` of an ended session by `frames.bin.zst`. At every moment one of them is whole. */
export async function compressFrames(directory: string): Promise<void> {
  const plainPath = join(directory, framesFile);
  const path = join(directory, compressedFramesFile);
  const plain = await open(plainPath, 'r');
  try {
    // Left behind by a process that died.
    const target = await open(`${path}.tmp`, 'w', 0o600);
    try {
      const table: Buffer[] = [];
      const block = Buffer.alloc(blockBytes);
      for (;;) {
        const { bytesRead } = await plain.read(block, 0, blockBytes);
        if (bytesRead === 0) break;
        const packed = await compress(block.subarray(0, bytesRead));
        await target.appendFile(packed);
        table.push(entry(packed.length, bytesRead));
      }
      await target.appendFile(seekTable(table));
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await plain.close();
  }
  await rename(`${path}.tmp`, path);
  await unlink(plainPath);
}

/** A source over compressed frames; keeps the block that was read last. */
export function compressedSource(file: FramesSource): FramesSource {
  const blocks = readSeekTable(file);
  const last = blocks.at(-1);
  const size = last === undefined ? 0 : last.start + last.length;
  let current: { readonly block: Block; readonly bytes: Buffer } | undefined;
  const bytesOf = (block: Block): Buffer => {
    if (current?.block !== block) current = { block, bytes: unpack(file, block) };
    return current.bytes;
  };
  const read = (offset: number, length: number): Buffer => {
    const end = Math.min(offset + length, size);
    const parts: Buffer[] = [];
    for (let at = offset; at < end; ) {
      const block = blocks[Math.floor(at / blockBytes)];
      if (block === undefined) break;
      const part = bytesOf(block).subarray(at - block.start, end - block.start);
      if (part.length === 0) break;
      parts.push(part);
      at += part.length;
    }
    return Buffer.concat(parts);
  };
  return { size, read, close: () => file.close() };
}

interface Block {
  /** Uncompressed. */
  readonly start: number;
  readonly length: number;
  readonly packedAt: number;
  readonly packedLength: number;
}

function unpack(file: FramesSource, block: Block): Buffer {
  return zstdDecompressSync(file.read(block.packedAt, block.packedLength), { maxOutputLength: blockBytes });
}

function entry(packedLength: number, length: number): Buffer {
  const bytes = Buffer.alloc(entryBytes);
  bytes.writeUInt32LE(packedLength, 0);
  bytes.writeUInt32LE(length, 4);
  return bytes;
}

function seekTable(entries: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(skippableMagic, 0);
  header.writeUInt32LE(entries.length * entryBytes + footerBytes, 4);
  const footer = Buffer.alloc(footerBytes);
  footer.writeUInt32LE(entries.length, 0);
  footer.writeUInt32LE(seekableMagic, 5);
  return Buffer.concat([header, ...entries, footer]);
}

/** The blocks, which but for the last are all of one size: anything else is not what we wrote. */
function readSeekTable(file: FramesSource): readonly Block[] {
  const footer = file.read(Math.max(0, file.size - footerBytes), footerBytes);
  if (footer.length !== footerBytes || footer.readUInt32LE(5) !== seekableMagic || footer[4] !== 0) throw broken('no seek table');
  const count = footer.readUInt32LE(0);
  const tableAt = file.size - footerBytes - count * entryBytes - headerBytes;
  if (tableAt < 0) throw broken('the seek table is cut');
  const table = file.read(tableAt, headerBytes + count * entryBytes);
  if (table.readUInt32LE(0) !== skippableMagic || table.readUInt32LE(4) !== count * entryBytes + footerBytes) throw broken('the seek table is none');
  const blocks: Block[] = [];
  let packedAt = 0;
  for (let at = 0; at < count; at++) {
    const packedLength = table.readUInt32LE(headerBytes + at * entryBytes);
    const length = table.readUInt32LE(headerBytes + at * entryBytes + 4);
    if (length > blockBytes || (length < blockBytes && at < count - 1)) throw broken('a block has the wrong size');
    blocks.push({ start: at * blockBytes, length, packedAt, packedLength });
    packedAt += packedLength;
  }
  if (packedAt !== tableAt) throw broken('the seek table does not fit the file');
  return blocks;
}

function broken(reason: string): CodedError {
  return new CodedError('REC_FRAMES', `compressed frames cannot be read: ${reason}`);
}
