/**
 * What a set of entries of lists amounts to, whatever their order: two sums of
 * hashes of list, ordinal and place. The log and its index must come to the
 * same.
 *
 * @module
 */

import { mix } from "./name_hash.ts";

/** The sums of a digest, as they go from thread to thread. */
export interface DigestSums {
  readonly one: number;
  readonly two: number;
  readonly count: number;
}

export class EntryDigest implements DigestSums {
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

  /** Adds all entries of another set. */
  addAll({ one, two, count }: DigestSums): void {
    this.one = this.one + one | 0;
    this.two = this.two + two | 0;
    this.count += count;
  }

  copy(): EntryDigest {
    const copy = new EntryDigest();
    copy.addAll(this);
    return copy;
  }

  equals({ one, two, count }: DigestSums): boolean {
    return this.one === one && this.two === two && this.count === count;
  }
}
