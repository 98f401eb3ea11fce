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
import { type Bytes, bytesOf, getUint32At } from "../log/bytes.ts";
import {
  BLOCK_BYTES,
  BLOCK_CONTENT_BYTES,
  type Blocks,
} from "./block_cache.ts";

const BLOCKS_PER_WRITE = 256;
const BLOCKS_PER_CHECK = 64;
const CHECK_BYTES = BLOCK_BYTES * BLOCKS_PER_CHECK;
/** Content that a walk through a file reads at a time. */
export const WALK_BYTES = BLOCK_CONTENT_BYTES * (BLOCKS_PER_CHECK - 1);

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

/** A blocked file as readers see it. */
export type BlockedSource = Pick<DiskFile, "path" | "readAt" | "size">;

/** Memory for long reads, one after the other. */
interface LongRead {
  readonly content: Uint8Array;
  readonly blocks: Bytes;
}

/** Makes memory for long reads of {@link WALK_BYTES} at most. */
export function createLongRead(): LongRead {
  return {
    content: new Uint8Array(WALK_BYTES),
    blocks: bytesOf(new Uint8Array(CHECK_BYTES)),
  };
}

/** Reads a blocked file at any place. */
export class BlockedReader {
  readonly #open: () => BlockedSource;
  readonly #cache: Blocks;
  readonly #cacheKey: number;
  readonly #onDamage: () => void;
  /** Where the bytes begin in what `seek()` gave. */
  at = 0;

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
   * @returns A view that must not be changed, and that is to be used before
   * more is read.
   * @throws {QuipuError} `corruptRecord` if a checksum is wrong or the file is
   * too short.
   */
  read(offset: number, length: number): Uint8Array {
    const array = this.seek(offset, length);
    return array.subarray(this.at, this.at + length);
  }

  /**
   * As `read()`, without a view for the bytes alone.
   *
   * @returns An array in which the bytes stand from {@link at} on.
   * @throws {QuipuError} As `read()`.
   */
  seek(offset: number, length: number): Uint8Array {
    const blockNumber = Math.floor(offset / BLOCK_CONTENT_BYTES);
    const at = offset - blockNumber * BLOCK_CONTENT_BYTES;
    const isInOne = at + length <= BLOCK_CONTENT_BYTES;
    this.at = isInOne ? at : 0;
    return isInOne
      ? this.block(blockNumber)
      : this.#gather(blockNumber, at, length);
  }

  #gather(blockNumber: number, at: number, length: number): Uint8Array {
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
   * The number that stands in the four bytes at `offset`.
   *
   * @throws {QuipuError} As `read()`.
   */
  uint32At(offset: number): number {
    const array = this.seek(offset, 4);
    return getUint32At(array, this.at);
  }

  /**
   * Reads much at once, past the cache.
   *
   * @param into Memory to use; what was read into it before is overwritten.
   * Default: memory of its own.
   * @throws {QuipuError} As `read()`.
   */
  readLong(
    offset: number,
    length: number,
    into?: LongRead,
  ): Uint8Array {
    const first = Math.floor(offset / BLOCK_CONTENT_BYTES);
    const end = Math.ceil((offset + length) / BLOCK_CONTENT_BYTES);
    const result = into === undefined || into.content.length < length
      ? new Uint8Array(length)
      : into.content.subarray(0, length);
    const chunk = into?.blocks ?? bytesOf(new Uint8Array(CHECK_BYTES));
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
    const chunk = bytesOf(new Uint8Array(CHECK_BYTES));
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

  /** Content of a block, as `read()` gives it. */
  block(blockNumber: number): Uint8Array {
    const key = this.#cacheKey + blockNumber;
    return this.#cache.get(key) ?? this.#readBlock(blockNumber, key);
  }

  #readBlock(blockNumber: number, key: number): Uint8Array {
    const memory = this.#cache.memoryFor(key);
    const { block, content } = memory;
    try {
      const file = this.#open();
      const count = file.readAt(block, blockNumber * BLOCK_BYTES);
      if (
        count !== BLOCK_BYTES ||
        getUint32At(block, BLOCK_CONTENT_BYTES) !== crc32(content)
      ) {
        throw new QuipuError(
          "corruptRecord",
          `Cannot read block ${blockNumber} of "${file.path}": ` +
            (count === BLOCK_BYTES
              ? "wrong checksum"
              : "the file is too short"),
        );
      }
    } catch (error) {
      this.#onDamage();
      throw error;
    }
    this.#cache.enter(key, memory);
    return content;
  }
}
