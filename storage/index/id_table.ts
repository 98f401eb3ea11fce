/**
 * Which records of a segment may carry an event id in a stream: a hash table
 * from the 32-bit hash of (stream, id) to offsets. It may name a record of
 * another id; callers look at the record itself.
 *
 * @module
 */

export class IdTable {
  /** Entry index + 1 by slot; 0 for an empty slot. */
  #slots = new Uint32Array(1 << 10);
  #hashes = new Uint32Array(1 << 9);
  #offsets = new Uint32Array(1 << 9);
  /** How many ids were entered. */
  size = 0;

  /** Enters the record at `offset`. */
  add(hash: number, offset: number): void {
    if (this.size === this.#hashes.length) this.reserve(this.size * 2);
    this.#hashes[this.size] = hash;
    this.#offsets[this.size] = offset;
    this.size++;
    this.#link(hash, this.size);
  }

  /**
   * Offset of the first-entered record with that hash that `matches` accepts.
   */
  find(
    hash: number,
    matches: (offset: number) => boolean,
  ): number | undefined {
    const mask = this.#slots.length - 1;
    // Nothing is ever removed, so an earlier entry comes earlier on the way.
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] ?? 0;
      if (entry === 0) return undefined;
      if (this.#hashes[entry - 1] === hash) {
        const offset = this.#offsets[entry - 1] ?? 0;
        if (matches(offset)) return offset;
      }
    }
  }

  /** Hash of the entry with that index, in the order of the log. */
  hashAt(index: number): number {
    return this.#hashes[index] ?? 0;
  }

  offsetAt(index: number): number {
    return this.#offsets[index] ?? 0;
  }

  /** Drops the newest entries, all but the first `count`. */
  truncate(count: number): void {
    if (count >= this.size) return;
    this.size = count;
    this.#slots.fill(0);
    for (let entry = 1; entry <= count; entry++) {
      this.#link(this.#hashes[entry - 1] ?? 0, entry);
    }
  }

  #link(hash: number, entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry;
  }

  /** Makes room for so many ids in all. */
  reserve(count: number): void {
    if (count <= this.#hashes.length) return;
    const capacity = 2 ** Math.ceil(Math.log2(count));
    const hashes = new Uint32Array(capacity);
    hashes.set(this.#hashes);
    const offsets = new Uint32Array(capacity);
    offsets.set(this.#offsets);
    this.#hashes = hashes;
    this.#offsets = offsets;
    this.#slots = new Uint32Array(capacity * 2);
    for (let entry = 1; entry <= this.size; entry++) {
      this.#link(this.#hashes[entry - 1] ?? 0, entry);
    }
  }
}
