/**
 * Reads a blocked file from its start to its end, each block checked, in large
 * reads and without a cache.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import type { DiskFile } from "../disk/disk.ts";
import { BLOCK_BYTES, BLOCK_CONTENT_BYTES } from "../index/block_cache.ts";
import { type Bytes, bytesOf } from "../log/bytes.ts";

const BLOCKS_PER_READ = 64;

/** A block that is not as it was written. */
export class BlockDamage extends Error {
  override readonly name = "BlockDamage";
  /** Where in the file the block is. */
  readonly offset: number;

  constructor(offset: number) {
    super(`The block at offset ${offset} is damaged`);
    this.offset = offset;
  }
}

export class BlockedStream {
  readonly #file: DiskFile;
  readonly #onBytes: (count: number) => void;
  readonly #raw = bytesOf(new Uint8Array(BLOCK_BYTES * BLOCKS_PER_READ));
  readonly #newRoom: (byteCount: number) => Bytes;
  #content: Bytes;
  #contentEnd = 0;
  #fileOffset = 0;
  /** Where in `content` the next byte is. */
  at = 0;

  /** @param options.newRoom Makes memory for contents, and later on for more. */
  constructor(
    file: DiskFile,
    options: {
      readonly onBytes: (count: number) => void;
      readonly newRoom: (byteCount: number) => Bytes;
    },
  ) {
    this.#file = file;
    this.#onBytes = options.onBytes;
    this.#newRoom = options.newRoom;
    this.#content = this.#newRoom(BLOCK_CONTENT_BYTES * BLOCKS_PER_READ * 2);
  }

  /** What is in memory; it holds until more is read. */
  get bytes(): Bytes {
    return this.#content;
  }

  /** How many bytes from `at` on are in memory. */
  get available(): number {
    return this.#contentEnd - this.at;
  }

  /**
   * Has so many bytes from `at` on in memory: `at` may move.
   *
   * @returns How many there are: fewer only where the file ends.
   * @throws {BlockDamage}
   */
  need(byteCount: number): number {
    while (this.#contentEnd - this.at < byteCount && this.#readMore());
    return Math.min(byteCount, this.#contentEnd - this.at);
  }

  /** Passes over bytes. */
  skip(byteCount: number): void {
    let left = byteCount;
    while (left > 0) {
      const count = this.need(Math.min(left, BLOCK_CONTENT_BYTES));
      if (count === 0) return;
      this.at += count;
      left -= count;
    }
  }

  #readMore(): boolean {
    const count = this.#file.readAt(this.#raw.array, this.#fileOffset);
    if (count === 0) return false;
    this.#onBytes(count);
    this.#makeRoom(count);
    for (let at = 0; at < count; at += BLOCK_BYTES) {
      const content = this.#raw.array.subarray(at, at + BLOCK_CONTENT_BYTES);
      const isWhole = at + BLOCK_BYTES <= count &&
        this.#raw.view.getUint32(at + BLOCK_CONTENT_BYTES, true) ===
          crc32(content);
      if (!isWhole) throw new BlockDamage(this.#fileOffset + at);
      this.#content.array.set(content, this.#contentEnd);
      this.#contentEnd += BLOCK_CONTENT_BYTES;
    }
    this.#fileOffset += count;
    return true;
  }

  #makeRoom(count: number): void {
    const { array } = this.#content;
    array.copyWithin(0, this.at, this.#contentEnd);
    this.#contentEnd -= this.at;
    this.at = 0;
    const needed = this.#contentEnd + count;
    if (needed <= array.length) return;
    // Making room may take the old memory away.
    const kept = array.slice(0, this.#contentEnd);
    this.#content = this.#newRoom(needed * 2);
    this.#content.array.set(kept);
  }
}
