/**
 * A hash of names with 64 bits, in two halves, and that of their category.
 *
 * It is nowhere on disk. Each step is reversible, so two names of one length
 * that differ in one word never have the same hash.
 *
 * @module
 */

import type { Bytes } from "../log/bytes.ts";

const DASH = 0x2d;
const HIGH_SEED = 0x811c_9dc5 | 0;
const LOW_SEED = 0x1234_5678;
const HIGH_FACTOR = 0x85eb_ca6b | 0;
const LOW_FACTOR = 0x9e37_79b1 | 0;

export class NameHash {
  high = 0;
  low = 0;
  /** Hash of what stands before the first `-`, if that is not the first byte. */
  categoryHigh = 0;
  categoryLow = 0;
  hasCategory = false;

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

  /** Hashes the bytes of a stream's name, and of its category if it has one. */
  takeStream(bytes: Bytes, start: number, end: number): void {
    const { array } = bytes;
    let at = start;
    while (at < end && array[at] !== DASH) at++;
    this.hasCategory = at > start && at < end;
    if (this.hasCategory) {
      this.take(bytes, start, at);
      this.categoryHigh = this.high;
      this.categoryLow = this.low;
    }
    this.take(bytes, start, end);
  }
}

/** Low half of the key of a list, by its kind and the hash of its name. */
export function keyOf(kind: number, low: number): number {
  // No list has a low half of 0: that is how an empty slot is known.
  return mix(low + Math.imul(kind + 1, 0x632b_e5ab)) || 1;
}

/** Spreads 32 bits over each other. */
export function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x7feb_352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846c_a68b | 0);
  return mixed ^ (mixed >>> 16);
}
