/**
 * A cache of blocks that never takes more memory than it has from the start:
 * each new block takes the place of the one that came first. For one who looks
 * at a block at once and keeps nothing of it.
 *
 * @module
 */

import {
  BLOCK_BYTES,
  BLOCK_CONTENT_BYTES,
  type BlockMemory,
  type Blocks,
} from "./block_cache.ts";

export class BlockRing implements Blocks {
  readonly #memory: Uint8Array<ArrayBuffer>;
  /** Key of the block in each place. */
  readonly #keys: (number | undefined)[];
  readonly #blocks = new Map<number, Uint8Array>();
  #next = 0;

  /** @param count Of blocks; more than are looked at together. */
  constructor(count: number) {
    this.#memory = new Uint8Array(count * BLOCK_BYTES);
    this.#keys = new Array(count).fill(undefined);
  }

  get(key: number): Uint8Array | undefined {
    return this.#blocks.get(key);
  }

  /** Memory for a block, which holds until as many others were read. */
  memoryFor(): BlockMemory {
    const place = this.#next;
    const key = this.#keys[place];
    if (key !== undefined) this.#blocks.delete(key);
    this.#keys[place] = undefined;
    this.#next = (place + 1) % this.#keys.length;
    const start = place * BLOCK_BYTES;
    return {
      block: this.#memory.subarray(start, start + BLOCK_BYTES),
      content: this.#memory.subarray(start, start + BLOCK_CONTENT_BYTES),
      recentAt: place,
    };
  }

  /** Enters a block that was read, and is whole. */
  enter(key: number, { content, recentAt }: BlockMemory): void {
    if (recentAt === undefined) return;
    this.#keys[recentAt] = key;
    this.#blocks.set(key, content);
  }
}
