/**
 * Names by id, as UTF-8 in one byte array: a million of them are two objects
 * for the garbage collector instead of a million, take a third of the memory,
 * and are loaded from a file in one read.
 *
 * @module
 */

import { invariant } from "../../lib/model/errors.ts";
import { readName } from "../log/bytes.ts";
import { encodeUtf8Into } from "../../lib/text/utf8.ts";

/** Offsets are 32 bits wide. */
const BYTES_MAX = 2 ** 32 - 1;

/** Names whose ids count up from 0. */
export class NameBytes {
  /** Number of names. */
  count: number;
  #bytes: Uint8Array;
  /** Where each name begins; the one after the last: where it ends. */
  #starts: Uint32Array;

  /**
   * @param loaded Names that are there already: the offset of each one's
   * start, and the offset after the last one, of `count` names in all.
   */
  constructor(
    loaded: {
      readonly count: number;
      readonly bytes: Uint8Array;
      readonly starts: Uint32Array;
    } = {
      count: 0,
      bytes: new Uint8Array(16 * 1024),
      starts: new Uint32Array(1024),
    },
  ) {
    this.count = loaded.count;
    this.#bytes = loaded.bytes;
    this.#starts = loaded.starts;
  }

  /** Bytes of all names. */
  get byteLength(): number {
    return this.#starts[this.count] ?? 0;
  }

  /** Adds a name, which must be well-formed; returns its id. */
  add(name: string): number {
    const id = this.count;
    if (id + 2 > this.#starts.length) this.#growStarts();
    const start = this.#starts[id] ?? 0;
    const lengthMax = name.length * 3;
    if (start + lengthMax > this.#bytes.length) {
      this.#growBytes(start + lengthMax);
    }
    this.#starts[id + 1] = start + this.#write(name, start);
    this.count = id + 1;
    return id;
  }

  /** The name with that id; empty when there is none. */
  nameOf(id: number): string {
    return id < this.count
      ? readName(
        this.#bytes,
        this.#starts[id] ?? 0,
        this.#starts[id + 1] ?? 0,
      )
      : "";
  }

  /** Its UTF-8 bytes: a view that holds until the next `add()`. */
  bytesOf(id: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[id], this.#starts[id + 1]);
  }

  /** Whether the id has that name. */
  isName(id: number, name: string): boolean {
    const start = this.#starts[id] ?? 0;
    const byteLength = (this.#starts[id + 1] ?? 0) - start;
    const { length } = name;
    // Outside of ASCII there are more bytes than UTF-16 units.
    if (byteLength !== length) {
      return byteLength > length && this.nameOf(id) === name;
    }
    const bytes = this.#bytes;
    for (let index = 0; index < length; index++) {
      const code = name.charCodeAt(index);
      if (code !== bytes[start + index] || code >= 0x80) return false;
    }
    return true;
  }

  /** Whether the id's name has these UTF-8 bytes. */
  hasBytes(id: number, name: Uint8Array): boolean {
    const start = this.#starts[id] ?? 0;
    const { length } = name;
    if ((this.#starts[id + 1] ?? 0) - start !== length) return false;
    const bytes = this.#bytes;
    for (let index = 0; index < length; index++) {
      if (name[index] !== bytes[start + index]) return false;
    }
    return true;
  }

  /** Whether the id's name begins with these UTF-8 bytes. */
  startsWith(id: number, prefix: Uint8Array): boolean {
    const start = this.#starts[id] ?? 0;
    if ((this.#starts[id + 1] ?? 0) - start < prefix.length) return false;
    const bytes = this.#bytes;
    for (let index = 0; index < prefix.length; index++) {
      if (prefix[index] !== bytes[start + index]) return false;
    }
    return true;
  }

  /** Less than 0, 0 or more as the id's name comes before, is or follows these bytes. */
  compare(id: number, other: Uint8Array): number {
    return this.#compare(id, other, 0, other.length);
  }

  /** As `compare`, with the name of another id. */
  compareIds(id: number, other: number): number {
    const start = this.#starts[other] ?? 0;
    const end = this.#starts[other + 1] ?? 0;
    return this.#compare(id, this.#bytes, start, end);
  }

  #compare(
    id: number,
    other: Uint8Array,
    otherStart: number,
    otherEnd: number,
  ): number {
    const start = this.#starts[id] ?? 0;
    const length = (this.#starts[id + 1] ?? 0) - start;
    const bytes = this.#bytes;
    const otherLength = otherEnd - otherStart;
    const shared = Math.min(length, otherLength);
    for (let index = 0; index < shared; index++) {
      const difference = (bytes[start + index] ?? 0) -
        (other[otherStart + index] ?? 0);
      if (difference !== 0) return difference;
    }
    return length - otherLength;
  }

  /** Bytes of names from an offset on, as they stand one after the other. */
  bytesAt(offset: number, length: number): Uint8Array {
    return this.#bytes.subarray(offset, offset + length);
  }

  /** Starts of names, from an id on. */
  startsFrom(id: number, length: number): Uint32Array {
    return this.#starts.subarray(id, id + length);
  }

  #write(name: string, start: number): number {
    const bytes = this.#bytes;
    const { length } = name;
    for (let index = 0; index < length; index++) {
      const code = name.charCodeAt(index);
      if (code >= 0x80) {
        return encodeUtf8Into(name, bytes.subarray(start));
      }
      bytes[start + index] = code;
    }
    return length;
  }

  #growStarts(): void {
    const grown = new Uint32Array(Math.ceil(this.#starts.length * 1.5));
    grown.set(this.#starts);
    this.#starts = grown;
  }

  #growBytes(needed: number): void {
    invariant(needed <= BYTES_MAX, "All names together fit in 4 GiB");
    const grown = new Uint8Array(
      Math.min(
        BYTES_MAX,
        Math.max(needed, Math.ceil(this.#bytes.length * 1.5)),
      ),
    );
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
