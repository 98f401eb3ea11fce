/**
 * Which records of a segment may carry an event id in a stream: a hash table
 * from the 32-bit hash of (stream, id) to offsets. It may name a record of
 * another id; callers look at the record itself.
 *
 * @module
 */

import { giveBack } from "../log/bytes.ts";

export class IdTable {
  /**
   * Entry index + 1 by slot; 0 for an empty slot. There are none before the
   * first id gets one: in a table that is only written down none does.
   */
  #slots = new Uint32Array(0);
  #hashes = new Uint32Array(1 << 9);
  #offsets = new Uint32Array(1 << 9);
  /** How many ids were entered. */
  size = 0;
  /** How many of them, the first ones, are in slots. */
  #linked = 0;

  /** Enters the record at `offset`. */
  add(hash: number, offset: number): void {
    this.addLater(hash, offset);
    this.link(LINKS_PER_ADD);
  }

  /**
   * Enters the record at `offset`, and leaves it to `link()` or the next
   * `find()` to give it a slot: a start that enters a million records has
   * other things to do first.
   */
  addLater(hash: number, offset: number): void {
    if (this.size === this.#hashes.length) this.reserve(this.size * 2);
    this.#hashes[this.size] = hash;
    this.#offsets[this.size] = offset;
    this.size++;
  }

  /**
   * Takes the first `size` of equally long columns of ids, by offset; they get
   * slots later.
   *
   * @param hashes As long as a power of two.
   */
  restore(
    hashes: Uint32Array<ArrayBuffer>,
    offsets: Uint32Array<ArrayBuffer>,
    size: number,
  ): void {
    this.size = size;
    this.#hashes = hashes;
    this.#offsets = offsets;
    this.#slots = new Uint32Array(0);
    this.#linked = 0;
  }

  /**
   * Hashes of all ids, and the offsets of their records, by offset: views that
   * hold until the next id is entered.
   */
  columns(): { readonly hashes: Uint32Array; readonly offsets: Uint32Array } {
    return {
      hashes: this.#hashes.subarray(0, this.size),
      offsets: this.#offsets.subarray(0, this.size),
    };
  }

  /**
   * Gives slots to at most `count` ids that have none.
   *
   * @returns Whether all have one now.
   */
  link(count: number): boolean {
    // At most half of the slots are ever taken.
    const slotCount = this.#hashes.length * 2;
    if (this.#slots.length < slotCount) {
      giveBack(this.#slots);
      this.#slots = new Uint32Array(slotCount);
    }
    const end = Math.min(this.size, this.#linked + count);
    const mask = this.#slots.length - 1;
    for (let index = this.#linked; index < end; index++) {
      let slot = (this.#hashes[index] ?? 0) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = index + 1;
    }
    this.#linked = end;
    return end === this.size;
  }

  /**
   * Offset of the first-entered record with that hash that `matches` accepts.
   */
  find(
    hash: number,
    matches: (offset: number) => boolean,
  ): number | undefined {
    this.link(this.size);
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
    this.#linked = 0;
  }

  /** Gives the memory back; it cannot be used any more. */
  giveBack(): void {
    for (const array of [this.#slots, this.#hashes, this.#offsets]) {
      giveBack(array);
    }
  }

  /** Makes room for so many ids in all. */
  reserve(count: number): void {
    if (count <= this.#hashes.length) return;
    const capacity = 2 ** Math.ceil(Math.log2(count));
    const hashes = new Uint32Array(capacity);
    hashes.set(this.#hashes);
    const offsets = new Uint32Array(capacity);
    offsets.set(this.#offsets);
    giveBack(this.#hashes);
    giveBack(this.#offsets);
    this.#hashes = hashes;
    this.#offsets = offsets;
    if (this.#slots.length === 0) return;
    giveBack(this.#slots);
    this.#slots = new Uint32Array(capacity * 2);
    const linked = this.#linked;
    this.#linked = 0;
    this.link(linked);
  }
}

/** A backlog of ids without slots shrinks by one with each id that is added. */
const LINKS_PER_ADD = 2;
