/**
 * A cache of blocks that never takes more memory than it has from the start:
 * each new block takes the place of the one that came first. For one who looks
 * at a block at once and keeps nothing of it.
 *
 * @module
 */

import { BLOCK_BYTES, type Blocks } from "./blocked_file.ts";

export class BlockRing implements Blocks {
  readonly #memory: Uint8Array<ArrayBuffer>;
  /** Key of the block in each place. */
  readonly #keys: (number | undefined)[];
  readonly #blocks = new Map<number, Uint8Array>();
  #next = 0;
  /** Place of what was allocated last. */
  #allocated = 0;

  /** @param count Of blocks; more than are looked at together. */
  constructor(count: number) {
    this.#memory = new Uint8Array(count * BLOCK_BYTES);
    this.#keys = new Array(count).fill(undefined);
  }

  get(key: number): Uint8Array | undefined {
    return this.#blocks.get(key);
  }

  /** Memory for a block, which holds until as many others were allocated. */
  allocate(): Uint8Array<ArrayBuffer> {
    const place = this.#next;
    const key = this.#keys[place];
    if (key !== undefined) this.#blocks.delete(key);
    this.#keys[place] = undefined;
    this.#allocated = place;
    this.#next = (place + 1) % this.#keys.length;
    return this.#memory.subarray(
      place * BLOCK_BYTES,
      (place + 1) * BLOCK_BYTES,
    );
  }

  /** Keeps the block that was allocated last. */
  set(key: number, block: Uint8Array): void {
    this.#keys[this.#allocated] = key;
    this.#blocks.set(key, block);
  }
}
