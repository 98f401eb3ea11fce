/**
 * Finds the id of a list by its name: open addressing on one typed array.
 * Names and their hashes are kept by the caller, by id. Unlike a `Map` it has
 * no bound at 2²⁴ entries and nothing that the garbage collector must visit.
 *
 * @module
 */

import type { NameBytes } from "./name_bytes.ts";

/** Names by id, and the hash of each. */
export interface NamesById {
  readonly names: NameBytes;
  readonly hashes: Uint32Array;
}

export class NameTable {
  /** Ids; 0 for an empty slot. */
  #slots = new Uint32Array(64);
  size = 0;

  /** Id of a name; 0 if there is none. */
  find(name: string, hash: number, known: NamesById): number {
    const slots = this.#slots;
    const { hashes, names } = known;
    const mask = slots.length - 1;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const id = slots[slot] ?? 0;
      if (id === 0) return 0;
      if (hashes[id] === hash && names.isName(id, name)) return id;
    }
  }

  /** Enters an id, 1 or more, whose name and hash are known already. */
  add(id: number, known: NamesById): void {
    // Half of the slots stay empty, so that searches are short.
    if (this.size * 2 >= this.#slots.length) {
      this.#grow(this.#slots.length * 2, known);
    }
    link(this.#slots, id, known.hashes);
    this.size++;
  }

  /** Makes room for so many names in all. */
  reserve(count: number, known: NamesById): void {
    const slotCount = 2 ** Math.ceil(Math.log2(Math.max(1, count) * 2));
    if (slotCount > this.#slots.length) this.#grow(slotCount, known);
  }

  #grow(slotCount: number, { hashes }: NamesById): void {
    const ids = this.#slots;
    const slots = new Uint32Array(slotCount);
    for (let index = 0; index < ids.length; index++) {
      const id = ids[index] ?? 0;
      if (id !== 0) link(slots, id, hashes);
    }
    this.#slots = slots;
  }
}

function link(slots: Uint32Array, id: number, hashes: Uint32Array): void {
  const mask = slots.length - 1;
  let slot = (hashes[id] ?? 0) & mask;
  while (slots[slot] !== 0) slot = (slot + 1) & mask;
  slots[slot] = id;
}
