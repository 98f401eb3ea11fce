/**
 * Where every list ends, by the hash of its kind and name: 16 bytes a list, no
 * names, so that ten million lists can be followed beside a running server.
 *
 * A hash has 64 bits: of ten million lists two share one with a probability of
 * 3 in a million, and then a verification tells of a damage that is none.
 *
 * @module
 */

/** Hash of bytes with 64 bits, and parts of it on the way. */
export class NameHash {
  high = 0;
  low = 0;
  /** Hash of what stands before the first `-`, if that is not the first byte. */
  categoryHigh = 0;
  categoryLow = 0;
  hasCategory = false;

  /** Hashes the bytes of a name; its category, too. */
  take(array: Uint8Array, start: number, end: number): void {
    let high = HIGH_SEED;
    let low = LOW_SEED;
    this.hasCategory = false;
    for (let at = start; at < end; at++) {
      const byte = array[at] ?? 0;
      if (byte === DASH && !this.hasCategory && at > start) {
        this.hasCategory = true;
        this.categoryHigh = high;
        this.categoryLow = low;
      }
      high = Math.imul(high ^ byte, 0x0100_0193);
      low = Math.imul(low + byte, 0x9e37_79b1) ^ (low >>> 15);
    }
    this.high = high;
    this.low = low;
  }
}

const DASH = 0x2d;
const HIGH_SEED = 0x811c_9dc5 | 0;
const LOW_SEED = 0x1234_5678;

const LOAD_MAX = 0.7;

/** Numbers of a slot: low and high half of the key, then of the next ordinal. */
const SLOT_BITS = 2;
const SLOT_WORDS = 1 << SLOT_BITS;
const HIGH = 1;
const NEXT_LOW = 2;
const NEXT_HIGH = 3;
const TWO_32 = 2 ** 32;

/** An open table: the next ordinal of each list. */
export class ListHeads {
  #capacity = 1 << 12;
  /** What is known of a list is together: one miss of the CPU's cache a look. */
  #words = new Int32Array(this.#capacity * SLOT_WORDS);
  /** How many lists it has. */
  size = 0;

  /**
   * The list's slot, made if it has none; it holds until the next one is made.
   */
  slotOf(kind: number, high: number, low: number): number {
    // No slot in use has a low half of 0: that is how an empty one is known.
    const keyLow = mix(low + Math.imul(kind + 1, 0x632b_e5ab)) || 1;
    const keyHigh = high ^ keyLow;
    const words = this.#words;
    const mask = words.length - 1;
    let slot = (keyHigh << SLOT_BITS) & mask;
    for (;; slot = (slot + SLOT_WORDS) & mask) {
      const found = words[slot];
      if (found === 0) break;
      if (found === keyLow && words[slot + HIGH] === keyHigh) return slot;
    }
    if (this.size >= this.#capacity * LOAD_MAX) {
      this.#grow();
      return this.slotOf(kind, high, low);
    }
    words[slot] = keyLow;
    words[slot + HIGH] = keyHigh;
    this.size++;
    return slot;
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
    let count = 0;
    for (let slot = 0; slot < this.#words.length; slot += SLOT_WORDS) {
      if (this.nextAt(slot) > 0) count++;
    }
    return count;
  }

  #grow(): void {
    const from = this.#words;
    this.#capacity *= 2;
    const words = new Int32Array(this.#capacity * SLOT_WORDS);
    const mask = words.length - 1;
    for (let at = 0; at < from.length; at += SLOT_WORDS) {
      if (from[at] === 0) continue;
      let slot = ((from[at + HIGH] ?? 0) << SLOT_BITS) & mask;
      while (words[slot] !== 0) slot = (slot + SLOT_WORDS) & mask;
      for (let word = 0; word < SLOT_WORDS; word++) {
        words[slot + word] = from[at + word] ?? 0;
      }
    }
    this.#words = words;
  }
}

/**
 * What a set of entries of lists amounts to, whatever their order: two sums of
 * hashes of list, ordinal and place. The log and its index must come to the
 * same.
 */
export class EntryDigest {
  one = 0;
  two = 0;
  count = 0;

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

  equals(other: EntryDigest): boolean {
    return this.one === other.one && this.two === other.two &&
      this.count === other.count;
  }
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x7feb_352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846c_a68b | 0);
  return mixed ^ (mixed >>> 16);
}
