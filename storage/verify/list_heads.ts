/**
 * Where every list ends, by the hash of its kind and name: 16 bytes a list, no
 * names, so that ten million lists can be followed beside a running server.
 *
 * A hash has 64 bits: of ten million lists two share one with a probability of
 * 3 in a million, and then a verification tells of a damage that is none.
 *
 * @module
 */

import { giveBack } from "../log/bytes.ts";
import { keyOf } from "./name_hash.ts";
import {
  COUNT_MASK,
  KEY_HIGH,
  nextAt,
  PACKED,
  STREAM_BIT,
} from "./piece_lists.ts";

const LOAD_MAX = 0.7;
const CAPACITY_BITS_MIN = 12;

/** Numbers of a slot: low and high half of the key, then of the next ordinal. */
const SLOT_BITS = 2;
const SLOT_WORDS = 1 << SLOT_BITS;
const NEXT_LOW = 2;
const NEXT_HIGH = 3;
const TWO_32 = 2 ** 32;

/** Slots of a piece's table that are merged between two pauses. */
const WORDS_PER_PAUSE = 16 * 1024 * SLOT_WORDS;
/** Slots that are looked at in advance. */
const WORDS_PER_TOUCH = 2 * 1024 * SLOT_WORDS;

/** Hashes of names of lists, of which many are looked up at once. */
export interface ListKeys {
  /** How many there are. */
  count: number;
  readonly kinds: Uint8Array;
  /** Halves of the hash; of the key after they were looked up. */
  readonly highs: Int32Array;
  readonly lows: Int32Array;
}

/** An open table: the next ordinal of each list, in the order of the keys. */
export class ListHeads {
  #bits = CAPACITY_BITS_MIN;
  /** What is known of a list is together: one miss of the CPU's cache a look. */
  #words = new Int32Array(SLOT_WORDS << this.#bits);
  /** What was looked at in advance: so that looking is not left out. */
  #touched = 0;
  /** How many lists it has. */
  size = 0;

  /**
   * The list's slot, made if it has none; it holds until the next one is made.
   */
  slotOf(kind: number, high: number, low: number): number {
    const keyLow = keyOf(kind, low);
    this.reserve(1);
    return this.#make(keyLow, high ^ keyLow);
  }

  nextAt(slot: number): number {
    return ((this.#words[slot + NEXT_LOW] ?? 0) >>> 0) +
      (this.#words[slot + NEXT_HIGH] ?? 0) * TWO_32;
  }

  setNext(slot: number, next: number): void {
    this.#words[slot + NEXT_LOW] = next | 0;
    this.#words[slot + NEXT_HIGH] = next / TWO_32;
  }

  /** How many lists have an entry. */
  countUsed(): number {
    const words = this.#words;
    let count = 0;
    for (let slot = 0; slot < words.length; slot += SLOT_WORDS) {
      if (words[slot + NEXT_LOW] !== 0 || words[slot + NEXT_HIGH] !== 0) {
        count++;
      }
    }
    return count;
  }

  /**
   * Ordinals that lists go on with, 0 for one that is not there. It waits for
   * memory for all of them at once.
   */
  findAll(keys: ListKeys, next: Float64Array): void {
    const { count, kinds, highs, lows } = keys;
    const words = this.#words;
    const shift = 32 - this.#bits;
    let sum = 0;
    for (let index = 0; index < count; index++) {
      const keyLow = keyOf(kinds[index] ?? 0, lows[index] ?? 0);
      const keyHigh = (highs[index] ?? 0) ^ keyLow;
      lows[index] = keyLow;
      highs[index] = keyHigh;
      sum ^= words[(keyHigh >>> shift) << SLOT_BITS] ?? 0;
    }
    this.#touched ^= sum;
    for (let index = 0; index < count; index++) {
      const slot = this.#find(lows[index] ?? 0, highs[index] ?? 0);
      next[index] = this.nextAt(slot);
    }
  }

  /**
   * Goes on with the lists of the next piece, if each begins there where it
   * ended; if not, nothing is changed.
   *
   * @param piece Words of a `PieceLists`; they are used up.
   * @param options.listCount Lists in the piece.
   * @param options.isLenient Whether lists may go on with a later ordinal.
   * @returns Whether it did.
   */
  async merge(
    piece: Int32Array,
    options: {
      readonly listCount: number;
      readonly isLenient: boolean;
      readonly pause: () => Promise<void> | undefined;
    },
  ): Promise<boolean> {
    const { listCount, isLenient, pause } = options;
    this.reserve(listCount);
    for (let from = 0; from < piece.length; from += WORDS_PER_PAUSE) {
      const end = Math.min(piece.length, from + WORDS_PER_PAUSE);
      for (let at = from; at < end; at += WORDS_PER_TOUCH) {
        const wrongAt = this.#mergePart(piece, at, isLenient);
        if (wrongAt === undefined) continue;
        this.#takeBack(piece, wrongAt);
        return false;
      }
      await pause();
    }
    return true;
  }

  /**
   * Merges some lists, and leaves in their place in the piece what they went on
   * with before.
   *
   * @returns Where a list is that does not begin where it may.
   */
  #mergePart(
    piece: Int32Array,
    from: number,
    isLenient: boolean,
  ): number | undefined {
    const end = Math.min(piece.length, from + WORDS_PER_TOUCH);
    this.#touch(piece, from, end);
    const words = this.#words;
    for (let at = from; at < end; at += SLOT_WORDS) {
      const keyLow = piece[at] ?? 0;
      if (keyLow === 0) continue;
      const slot = this.#make(keyLow, piece[at + KEY_HIGH] ?? 0);
      const packed = piece[at + PACKED] ?? 0;
      const after = nextAt(piece, at);
      const first = after - (packed & COUNT_MASK);
      const next = this.nextAt(slot);
      // A stream that was imported may begin later than with 0.
      const isFit = first === next || first > next &&
          (isLenient || (next === 0 && (packed & STREAM_BIT) !== 0));
      if (!isFit) return at;
      piece[at + NEXT_LOW] = words[slot + NEXT_LOW] ?? 0;
      piece[at + NEXT_HIGH] = words[slot + NEXT_HIGH] ?? 0;
      this.setNext(slot, after);
    }
    return undefined;
  }

  /** Has slots in the CPU's cache: waits for memory for all of them at once. */
  #touch(piece: Int32Array, from: number, end: number): void {
    const words = this.#words;
    const shift = 32 - this.#bits;
    let sum = 0;
    for (let at = from + KEY_HIGH; at < end; at += SLOT_WORDS) {
      sum ^= words[((piece[at] ?? 0) >>> shift) << SLOT_BITS] ?? 0;
    }
    this.#touched ^= sum;
  }

  #takeBack(piece: Int32Array, end: number): void {
    for (let at = 0; at < end; at += SLOT_WORDS) {
      const keyLow = piece[at] ?? 0;
      if (keyLow === 0) continue;
      const slot = this.#find(keyLow, piece[at + KEY_HIGH] ?? 0);
      this.#words[slot + NEXT_LOW] = piece[at + NEXT_LOW] ?? 0;
      this.#words[slot + NEXT_HIGH] = piece[at + NEXT_HIGH] ?? 0;
    }
  }

  /** The slot of a key, or the empty one in which it would be. */
  #find(keyLow: number, keyHigh: number): number {
    const words = this.#words;
    const mask = words.length - 1;
    let slot = (keyHigh >>> (32 - this.#bits)) << SLOT_BITS;
    for (;; slot = (slot + SLOT_WORDS) & mask) {
      const found = words[slot];
      if (found === 0) return slot;
      if (found === keyLow && words[slot + KEY_HIGH] === keyHigh) return slot;
    }
  }

  #make(keyLow: number, keyHigh: number): number {
    const slot = this.#find(keyLow, keyHigh);
    if (this.#words[slot] === 0) {
      this.#words[slot] = keyLow;
      this.#words[slot + KEY_HIGH] = keyHigh;
      this.size++;
    }
    return slot;
  }

  /**
   * Makes room before lists are made: lists that come in the order of their
   * keys would fill the start of a smaller table.
   */
  reserve(count: number): void {
    while (this.size + count > LOAD_MAX * (1 << this.#bits)) this.#grow();
  }

  #grow(): void {
    const from = this.#words;
    this.#bits++;
    const words = new Int32Array(SLOT_WORDS << this.#bits);
    this.#words = words;
    for (let at = 0; at < from.length; at += SLOT_WORDS) {
      if (from[at] === 0) continue;
      const slot = this.#find(from[at] ?? 0, from[at + KEY_HIGH] ?? 0);
      for (let word = 0; word < SLOT_WORDS; word++) {
        words[slot + word] = from[at + word] ?? 0;
      }
    }
    giveBack(from);
  }

  /** Gives the memory back; it cannot be used any more. */
  [Symbol.dispose](): void {
    giveBack(this.#words);
  }
}
