/**
 * Entries of lists, without names: a list is known by a hash of its kind and
 * name, what a set of entries amounts to by a digest, and where each list ends
 * by a table of 16 bytes a list, so that ten million lists can be followed
 * beside a running server.
 *
 * A hash has 64 bits: of ten million lists two share one with a probability of
 * 3 in a million, and then a verification tells of a damage that is none.
 * Nothing of this is on disk.
 *
 * @module
 */

import { type Bytes, giveBack } from "../../log/bytes.ts";

const HIGH_SEED = 0x811c_9dc5 | 0;
const LOW_SEED = 0x1234_5678;
const HIGH_FACTOR = 0x85eb_ca6b | 0;
const LOW_FACTOR = 0x9e37_79b1 | 0;

/**
 * A hash of a name with 64 bits, in two halves. Each step is reversible, so two
 * names of one length that differ in one word never have the same hash.
 */
export class NameHash {
  high = 0;
  low = 0;

  /** Hashes the bytes of a name. */
  take({ array, view }: Bytes, start: number, end: number): void {
    let high = HIGH_SEED;
    let low = LOW_SEED;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word = view.getInt32(at, true);
      high = Math.imul(high ^ word, HIGH_FACTOR);
      high ^= high >>> 15;
      low = Math.imul(low + word | 0, LOW_FACTOR);
      low ^= low >>> 13;
    }
    let rest = end - start;
    for (; at < end; at++) rest = (rest << 8) | (array[at] ?? 0);
    high = Math.imul(high ^ rest, HIGH_FACTOR);
    low = Math.imul(low + rest | 0, LOW_FACTOR);
    this.high = high ^ (high >>> 15);
    this.low = low ^ (low >>> 13);
  }
}

/** Low half of the key of a list, by its kind and the hash of its name. */
function keyOf(kind: number, low: number): number {
  // No list has a low half of 0: that is how an empty slot is known.
  return mix(low + Math.imul(kind + 1, 0x632b_e5ab)) || 1;
}

/** Spreads 32 bits over each other. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x7feb_352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846c_a68b | 0);
  return mixed ^ (mixed >>> 16);
}

/**
 * A digest of a set of entries of lists, in any order: two sums of
 * hashes of list, ordinal and place. The log and its index must come to the
 * same.
 */
export class EntryDigest {
  one = 0;
  two = 0;
  count = 0;

  /** Adds an entry; of the list its kind and the hash of its name. */
  add(
    kind: number,
    high: number,
    low: number,
    ordinal: number,
    offset: number,
  ): void {
    const place = Math.imul(offset ^ high, 0x85eb_ca6b) ^ kind;
    const entry = mix(place + Math.imul((ordinal | 0) ^ low, 0xc2b2_ae35));
    this.one = this.one + entry | 0;
    this.two = this.two + Math.imul(entry ^ low, entry | 1) | 0;
    this.count++;
  }

  copy(): EntryDigest {
    const copy = new EntryDigest();
    copy.one = this.one;
    copy.two = this.two;
    copy.count = this.count;
    return copy;
  }

  equals({ one, two, count }: EntryDigest): boolean {
    return this.one === one && this.two === two && this.count === count;
  }
}

const LOAD_MAX = 0.7;
const CAPACITY_BITS_MIN = 12;

/** Numbers of a slot: low and high half of the key, then of the next ordinal. */
const SLOT_BITS = 2;
const SLOT_WORDS = 1 << SLOT_BITS;
const KEY_HIGH = 1;
const NEXT_LOW = 2;
const NEXT_HIGH = 3;
const TWO_32 = 2 ** 32;

/** An open table: the next ordinal of each list. */
export class ListHeads {
  #bits = CAPACITY_BITS_MIN;
  /** The fields of a list are adjacent: one CPU cache miss a look-up. */
  #words = new Int32Array(SLOT_WORDS << this.#bits);
  /** Slot that was asked for last, by kind: mostly it is the next one, too. */
  readonly #last = new Int32Array(8);
  /** How many lists it has. */
  size = 0;

  /**
   * The list's slot, made if it has none; it holds until the next one is made.
   *
   * @param name Hash of its name.
   */
  slotOf(kind: number, { high, low }: NameHash): number {
    const keyLow = keyOf(kind, low);
    const keyHigh = high ^ keyLow;
    const last = this.#last[kind] ?? 0;
    const isLast = this.#words[last] === keyLow &&
      this.#words[last + KEY_HIGH] === keyHigh;
    if (isLast) return last;
    this.reserve(1);
    const slot = this.#find(keyLow, keyHigh);
    if (this.#words[slot] === 0) {
      this.#words[slot] = keyLow;
      this.#words[slot + KEY_HIGH] = keyHigh;
      this.size++;
    }
    this.#last[kind] = slot;
    return slot;
  }

  /** Ordinal that a list goes on with; 0 for one that is not there. */
  nextOf(kind: number, { high, low }: NameHash): number {
    const keyLow = keyOf(kind, low);
    return this.nextAt(this.#find(keyLow, high ^ keyLow));
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

  /** Makes room before lists are made. */
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
