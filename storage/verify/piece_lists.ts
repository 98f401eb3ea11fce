/**
 * The lists that have entries in one piece of the log: which number each goes
 * on with there, and how far it gets. As `ListHeads`, by hashes and without
 * names; a typed array, which goes from thread to thread as it is.
 *
 * Lists stand in the order of their keys, as they do in `ListHeads`: to go
 * through this table is to go through that one, from its start to its end.
 *
 * @module
 */

import { keyOf } from "./name_hash.ts";

/**
 * Numbers of a slot: low and high half of the key, the low half of the next
 * ordinal; then 5 bits of its high half, a bit for a stream, and 26 bits of how
 * many ordinals there are in the piece.
 */
export const PIECE_SLOT_BITS = 2;
const SLOT_WORDS = 1 << PIECE_SLOT_BITS;
export const KEY_HIGH = 1;
export const NEXT_LOW = 2;
export const PACKED = 3;
export const COUNT_MASK = 0x03ff_ffff;
export const STREAM_BIT = 0x0400_0000;
export const NEXT_HIGH_SHIFT = 27;
/** High halves of ordinals from here on do not fit. */
const ORDINAL_HIGH_MAX = 32;

const LOAD_MAX = 0.7;
const CAPACITY_BITS_MIN = 10;

export class PieceLists {
  #bits = CAPACITY_BITS_MIN;
  words: Int32Array<ArrayBuffer>;
  size = 0;
  /** What `touch()` saw: so that looking is not left out. */
  #touched = 0;
  /** Whether entries may be missing: a list may go on with a later ordinal. */
  readonly #maySkip: boolean;

  /** @param listCount About how many lists there will be. */
  constructor(options: { maySkip: boolean; listCount: number }) {
    this.#maySkip = options.maySkip;
    while (LOAD_MAX * (1 << this.#bits) < options.listCount) this.#bits++;
    this.words = new Int32Array(SLOT_WORDS << this.#bits);
  }

  /**
   * Has the slots of many lists in the CPU's cache: it waits for memory for all
   * of them at once, and not for each by itself.
   *
   * @param hashes High and low half of the hash of each name.
   */
  touch(kind: number, hashes: Int32Array, count: number): void {
    const { words } = this;
    const shift = 32 - this.#bits;
    let sum = 0;
    for (let at = 0; at < count * 2; at += 2) {
      const high = (hashes[at] ?? 0) ^ keyOf(kind, hashes[at + 1] ?? 0);
      sum ^= words[(high >>> shift) << PIECE_SLOT_BITS] ?? 0;
    }
    this.#touched ^= sum;
  }

  /**
   * Enters the next entry of a list.
   *
   * @returns Whether it may be that: the first one here, or the next one.
   */
  enter(
    kind: number,
    high: number,
    low: number,
    ordinalLow: number,
    ordinalHigh: number,
  ): boolean {
    if (ordinalHigh >= ORDINAL_HIGH_MAX) return false;
    const { words } = this;
    const keyLow = keyOf(kind, low);
    const keyHigh = high ^ keyLow;
    const mask = words.length - 1;
    let slot = (keyHigh >>> (32 - this.#bits)) << PIECE_SLOT_BITS;
    for (;; slot = (slot + SLOT_WORDS) & mask) {
      const found = words[slot];
      if (found === keyLow && words[slot + KEY_HIGH] === keyHigh) break;
      if (found !== 0) continue;
      if (this.size >= LOAD_MAX * (1 << this.#bits)) {
        this.#grow();
        return this.enter(kind, high, low, ordinalLow, ordinalHigh);
      }
      this.size++;
      words[slot] = keyLow;
      words[slot + KEY_HIGH] = keyHigh;
      words[slot + NEXT_LOW] = ordinalLow;
      words[slot + PACKED] = (ordinalHigh << NEXT_HIGH_SHIFT) |
        (kind === 0 ? STREAM_BIT : 0);
      break;
    }
    const packed = words[slot + PACKED] ?? 0;
    const isNext = words[slot + NEXT_LOW] === (ordinalLow | 0) &&
      packed >>> NEXT_HIGH_SHIFT === ordinalHigh;
    const count = packed & COUNT_MASK;
    if (!isNext || ordinalLow >>> 0 === 0xffff_ffff) {
      return this.#enterRarely(slot, ordinalLow >>> 0, ordinalHigh);
    }
    if (count === COUNT_MASK) return false;
    words[slot + NEXT_LOW] = ordinalLow + 1;
    words[slot + PACKED] = packed + 1;
    return true;
  }

  /** An ordinal that is not the next one, or that ends a low half. */
  #enterRarely(slot: number, low: number, high: number): boolean {
    const { words } = this;
    const packed = words[slot + PACKED] ?? 0;
    const next = nextAt(words, slot);
    const ordinal = high * TWO_32 + low;
    const count = (packed & COUNT_MASK) + ordinal - next + 1;
    const isFit = ordinal === next || (this.#maySkip && ordinal > next);
    const after = ordinal + 1;
    if (!isFit || count > COUNT_MASK || after >= ORDINAL_HIGH_MAX * TWO_32) {
      return false;
    }
    words[slot + NEXT_LOW] = after | 0;
    words[slot + PACKED] = (Math.floor(after / TWO_32) << NEXT_HIGH_SHIFT) |
      (packed & STREAM_BIT) | count;
    return true;
  }

  #grow(): void {
    const from = this.words;
    this.#bits++;
    const words = new Int32Array(SLOT_WORDS << this.#bits);
    const mask = words.length - 1;
    for (let at = 0; at < from.length; at += SLOT_WORDS) {
      if (from[at] === 0) continue;
      let slot = ((from[at + KEY_HIGH] ?? 0) >>> (32 - this.#bits)) <<
        PIECE_SLOT_BITS;
      while (words[slot] !== 0) slot = (slot + SLOT_WORDS) & mask;
      for (let word = 0; word < SLOT_WORDS; word++) {
        words[slot + word] = from[at + word] ?? 0;
      }
    }
    this.words = words;
  }
}

const TWO_32 = 2 ** 32;

/** Ordinal after a list's last one in the piece. */
export function nextAt(words: Int32Array, slot: number): number {
  return ((words[slot + NEXT_LOW] ?? 0) >>> 0) +
    ((words[slot + PACKED] ?? 0) >>> NEXT_HIGH_SHIFT) * TWO_32;
}
