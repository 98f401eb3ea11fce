/**
 * Finds the id of a list by its name: open addressing on one typed array.
 * Names and their hashes are kept by the caller, by id. Unlike a `Map` it has
 * no bound at 2²⁴ entries and nothing that the garbage collector must visit.
 *
 * @module
 */

/** Names by id, and the hash of each. */
export interface NamesById {
  readonly names: readonly string[];
  readonly hashes: Uint32Array;
}

export class NameTable {
  /** Ids; 0 for an empty slot. */
  #slots = new Uint32Array(64);
  size = 0;

  /** Id of a name; 0 if there is none. */
  find(name: string, hash: number, known: NamesById): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const id = this.#slots[slot] ?? 0;
      if (id === 0) return 0;
      if (known.hashes[id] === hash && known.names[id] === name) return id;
    }
  }

  /** Enters an id, 1 or more, whose name and hash are known already. */
  add(id: number, known: NamesById): void {
    // Half of the slots stay empty, so that searches are short.
    if (this.size * 2 >= this.#slots.length) this.#grow(known);
    this.#link(id, known);
    this.size++;
  }

  #link(id: number, known: NamesById): void {
    const mask = this.#slots.length - 1;
    let slot = (known.hashes[id] ?? 0) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = id;
  }

  #grow(known: NamesById): void {
    const ids = this.#slots;
    this.#slots = new Uint32Array(ids.length * 2);
    for (const id of ids) {
      if (id !== 0) this.#link(id, known);
    }
  }
}
