/**
 * A file in blocks of 4 KiB, each with its own checksum, that reads as one run
 * of bytes:
 *
 * ```
 * block: ├ 4092 bytes of content ┼ u32 CRC-32 of them ┤
 * ```
 *
 * The last block is filled up with zeroes. "Offsets" below count content.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { QuipuError } from "../../lib/model/errors.ts";
import type { DiskFile } from "../disk/disk.ts";
import { type Bytes, bytesOf } from "../log/bytes.ts";

export const BLOCK_BYTES = 4096;
/** Bytes of content in a block. */
export const BLOCK_CONTENT_BYTES = BLOCK_BYTES - 4;
const BLOCKS_PER_WRITE = 256;
const BLOCKS_PER_CHECK = 64;
const SLAB_BYTES = 16 * BLOCK_BYTES;

/** Writes a blocked file from its start to its end. */
export class BlockedWriter {
  readonly #file: Pick<DiskFile, "writeAt">;
  #buffer = bytesOf(new Uint8Array(BLOCK_BYTES * BLOCKS_PER_WRITE));
  /** Offset of the next byte. */
  offset = 0;
  #blockInBuffer = 0;
  #atInBlock = 0;
  #fileOffset = 0;

  constructor(file: Pick<DiskFile, "writeAt">) {
    this.#file = file;
  }

  /**
   * Takes bytes.
   *
   * @returns Whether `flush()` should be called before more are taken.
   */
  push(bytes: Uint8Array): boolean {
    let from = 0;
    while (from < bytes.length) {
      const room = BLOCK_CONTENT_BYTES - this.#atInBlock;
      const count = Math.min(room, bytes.length - from);
      this.#ensureBuffer();
      this.#buffer.array.set(
        bytes.subarray(from, from + count),
        this.#blockInBuffer * BLOCK_BYTES + this.#atInBlock,
      );
      from += count;
      this.#atInBlock += count;
      this.offset += count;
      if (this.#atInBlock === BLOCK_CONTENT_BYTES) this.#endBlock();
    }
    return this.#pending.length > 0;
  }

  /** Fills the block up with zeroes, so that the next byte begins one. */
  endBlock(): void {
    if (this.#atInBlock === 0) return;
    this.offset += BLOCK_CONTENT_BYTES - this.#atInBlock;
    this.#endBlock();
  }

  /** Writes what is complete. */
  async flush(): Promise<void> {
    for (const buffer of this.#pending.splice(0)) {
      await this.#file.writeAt(buffer.array, this.#fileOffset);
      this.#fileOffset += buffer.array.length;
      buffer.array.fill(0);
      this.#spare = buffer;
    }
  }

  /** Writes everything. */
  async finish(): Promise<void> {
    this.endBlock();
    await this.flush();
    const rest = this.#buffer.array.subarray(
      0,
      this.#blockInBuffer * BLOCK_BYTES,
    );
    if (rest.length > 0) await this.#file.writeAt(rest, this.#fileOffset);
  }

  /** Full buffers that wait to be written. */
  readonly #pending: Bytes[] = [];
  /** One that was written, and is all zeroes again. */
  #spare: Bytes | undefined;

  #ensureBuffer(): void {
    if (this.#blockInBuffer < BLOCKS_PER_WRITE) return;
    this.#pending.push(this.#buffer);
    // A new one for each would be garbage as large as the file.
    this.#buffer = this.#spare ??
      bytesOf(new Uint8Array(BLOCK_BYTES * BLOCKS_PER_WRITE));
    this.#spare = undefined;
    this.#blockInBuffer = 0;
  }

  #endBlock(): void {
    const start = this.#blockInBuffer * BLOCK_BYTES;
    const end = start + BLOCK_CONTENT_BYTES;
    this.#buffer.view.setUint32(
      end,
      crc32(this.#buffer.array.subarray(start, end)),
      true,
    );
    this.#blockInBuffer++;
    this.#atInBlock = 0;
  }
}

/**
 * Checked blocks of all index files, at most about `bytesMax`. Two
 * generations: a block that was not asked for while a whole generation filled
 * is dropped.
 */
export class BlockCache {
  readonly #blocksMax: number;
  #young = new Map<number, Uint8Array>();
  #old = new Map<number, Uint8Array>();
  #slab = new Uint8Array(0);
  #slabUsed = SLAB_BYTES;
  /** How often it had what was asked for, and how often not. */
  hits = 0;
  misses = 0;

  constructor(bytesMax: number) {
    this.#blocksMax = Math.max(1, Math.floor(bytesMax / BLOCK_BYTES / 2));
  }

  get(key: number): Uint8Array | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) {
      this.hits++;
      return young;
    }
    const old = this.#old.get(key);
    if (old === undefined) this.misses++;
    else {
      this.hits++;
      // Else one block that is asked for often would keep those beside it.
      const moved = this.allocate();
      moved.set(old);
      const content = moved.subarray(0, old.length);
      this.set(key, content);
      return content;
    }
    return old;
  }

  /**
   * Memory for a block. Blocks are cut from larger arrays: an array for each
   * takes as long to make as it takes to read the block.
   */
  allocate(): Uint8Array<ArrayBuffer> {
    if (this.#slabUsed === SLAB_BYTES) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#slabUsed = 0;
    }
    const start = this.#slabUsed;
    this.#slabUsed += BLOCK_BYTES;
    return this.#slab.subarray(start, start + BLOCK_BYTES);
  }

  set(key: number, block: Uint8Array): void {
    if (this.#young.size >= this.#blocksMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, block);
  }
}

/** What a reader asks of a cache. */
export type Blocks = Pick<BlockCache, "get" | "set" | "allocate">;

/** What is asked of a blocked file. */
export type BlockedSource = Pick<DiskFile, "path" | "readAt" | "size">;

/** Reads a blocked file at any place. */
export class BlockedReader {
  readonly #open: () => BlockedSource;
  readonly #cache: Blocks;
  readonly #cacheKey: number;
  readonly #onDamage: () => void;

  /**
   * @param open Gives the open file.
   * @param cacheKey Number of the file among those that share the cache; a
   * file has fewer than 2²² blocks.
   * @param onDamage Called when a block cannot be read, before that is thrown.
   */
  constructor(
    open: () => BlockedSource,
    cache: Blocks,
    cacheKey: number,
    onDamage: () => void = () => {},
  ) {
    this.#open = open;
    this.#cache = cache;
    this.#cacheKey = cacheKey * 2 ** 22;
    this.#onDamage = onDamage;
  }

  /**
   * Reads `length` bytes at `offset`.
   *
   * @returns A view that must not be changed.
   * @throws {QuipuError} `corruptRecord` if a checksum is wrong or the file is
   * too short.
   */
  read(offset: number, length: number): Uint8Array {
    const blockNumber = Math.floor(offset / BLOCK_CONTENT_BYTES);
    const at = offset - blockNumber * BLOCK_CONTENT_BYTES;
    if (at + length <= BLOCK_CONTENT_BYTES) {
      return this.block(blockNumber).subarray(at, at + length);
    }
    const result = new Uint8Array(length);
    let have = 0;
    for (let number = blockNumber, from = at; have < length; number++) {
      const part = this.block(number).subarray(
        from,
        Math.min(BLOCK_CONTENT_BYTES, from + length - have),
      );
      result.set(part, have);
      have += part.length;
      from = 0;
    }
    return result;
  }

  /**
   * Reads much at once, past the cache.
   *
   * @throws {QuipuError} As `read()`.
   */
  readLong(offset: number, length: number): Uint8Array {
    const first = Math.floor(offset / BLOCK_CONTENT_BYTES);
    const end = Math.ceil((offset + length) / BLOCK_CONTENT_BYTES);
    const result = new Uint8Array(length);
    const chunk = bytesOf(new Uint8Array(BLOCK_BYTES * BLOCKS_PER_CHECK));
    let have = 0;
    for (let number = first; number < end; number += BLOCKS_PER_CHECK) {
      const count = Math.min(BLOCKS_PER_CHECK, end - number);
      const blocks = chunk.array.subarray(0, count * BLOCK_BYTES);
      const byteCount = this.#open().readAt(blocks, number * BLOCK_BYTES);
      for (let index = 0; index < count; index++) {
        const at = index * BLOCK_BYTES;
        const content = blocks.subarray(at, at + BLOCK_CONTENT_BYTES);
        const checksum = chunk.view.getUint32(at + BLOCK_CONTENT_BYTES, true);
        if (at + BLOCK_BYTES > byteCount || checksum !== crc32(content)) {
          // Read by itself it says what is wrong, unless it was the device's
          // mood.
          content.set(this.block(number + index));
        }
        const from = Math.max(
          0,
          offset - (number + index) * BLOCK_CONTENT_BYTES,
        );
        const part = content.subarray(from, from + length - have);
        result.set(part, have);
        have += part.length;
      }
    }
    return result;
  }

  /** Checks all blocks, in large reads and without the cache. */
  isWhole(): boolean {
    const file = this.#open();
    const sizeBytes = file.size();
    const chunk = bytesOf(new Uint8Array(BLOCK_BYTES * BLOCKS_PER_CHECK));
    for (let offset = 0; offset < sizeBytes;) {
      const count = file.readAt(chunk.array, offset);
      const end = count - count % BLOCK_BYTES;
      if (end === 0) return false;
      for (let at = 0; at < end; at += BLOCK_BYTES) {
        const content = chunk.array.subarray(at, at + BLOCK_CONTENT_BYTES);
        const checksum = chunk.view.getUint32(at + BLOCK_CONTENT_BYTES, true);
        if (checksum !== crc32(content)) return false;
      }
      offset += end;
    }
    return true;
  }

  /** Content of a block. */
  block(blockNumber: number): Uint8Array {
    const key = this.#cacheKey + blockNumber;
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    try {
      const content = this.#readBlock(blockNumber);
      this.#cache.set(key, content);
      return content;
    } catch (error) {
      this.#onDamage();
      throw error;
    }
  }

  #readBlock(blockNumber: number): Uint8Array {
    const file = this.#open();
    const block = this.#cache.allocate();
    const count = file.readAt(block, blockNumber * BLOCK_BYTES);
    const content = block.subarray(0, BLOCK_CONTENT_BYTES);
    if (count !== BLOCK_BYTES || checksumOf(block) !== crc32(content)) {
      throw new QuipuError(
        "corruptRecord",
        `Cannot read block ${blockNumber} of "${file.path}": ` +
          (count === BLOCK_BYTES ? "wrong checksum" : "the file is too short"),
      );
    }
    return content;
  }
}

/** The checksum that a block ends with. */
function checksumOf(block: Uint8Array): number {
  return ((block[BLOCK_CONTENT_BYTES] ?? 0) |
    (block[BLOCK_CONTENT_BYTES + 1] ?? 0) << 8 |
    (block[BLOCK_CONTENT_BYTES + 2] ?? 0) << 16 |
    (block[BLOCK_CONTENT_BYTES + 3] ?? 0) << 24) >>> 0;
}
