/**
 * Text that is built as its UTF-8 bytes, for answers of many megabytes: no
 * strings to grow, to flatten and to encode, and nothing for the garbage
 * collector but the finished pieces.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";
import { decodeUtf8Leniently, encodeUtf8, encodeUtf8Into } from "./utf8.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Characters after the backslash by code; 0: none, 1: `\u00` and two digits. */
const ESCAPES = new Uint8Array(256);
ESCAPES.fill(1, 0, 0x20);
for (
  const [code, escape] of [[8, "b"], [9, "t"], [10, "n"], [12, "f"], [
    13,
    "r",
  ]] as const
) {
  ESCAPES[code] = escape.charCodeAt(0);
}
ESCAPES[QUOTE] = QUOTE;
ESCAPES[BACKSLASH] = BACKSLASH;

const HEX_DIGITS = encodeUtf8("0123456789abcdef");
/** Bytes of a JSON string that are written between two looks at the room. */
const RUN_BYTES = 4096;
/** Bytes that one byte takes at most, escaped. */
const ESCAPED_BYTES_MAX = 6;
/** Longer parts are copied by the engine: a loop is quicker for short ones. */
const LOOP_BYTES_MAX = 16;

/** Bytes of a text that grows. */
export class ByteText {
  /** The first `length` bytes are the text. */
  array: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacityBytes: number) {
    this.array = new Uint8Array(capacityBytes);
  }

  /** Makes room for so many bytes more. */
  reserve(byteCount: number): void {
    const needed = this.length + byteCount;
    if (needed <= this.array.length) return;
    const grown = new Uint8Array(Math.max(needed, this.array.length * 2));
    grown.set(this.array.subarray(0, this.length));
    this.array = grown;
  }

  /** Appends text. */
  pushText(text: string): void {
    this.reserve(text.length * 3);
    this.length += encodeUtf8Into(text, this.array.subarray(this.length));
  }

  /** Appends the first `length` bytes of an array: all by default. */
  pushBytes(bytes: Uint8Array, length = bytes.length): void {
    this.reserve(length);
    const { array } = this;
    const start = this.length;
    if (length > LOOP_BYTES_MAX) {
      array.set(
        length === bytes.length ? bytes : bytes.subarray(0, length),
        start,
      );
    } else {
      for (let index = 0; index < length; index++) {
        array[start + index] = bytes[index] ?? 0;
      }
    }
    this.length = start + length;
  }

  /** Appends ASCII text. */
  pushAscii(text: string): void {
    const { length } = text;
    this.reserve(length);
    const { array } = this;
    const start = this.length;
    for (let index = 0; index < length; index++) {
      array[start + index] = text.charCodeAt(index);
    }
    this.length = start + length;
  }

  /**
   * Appends UTF-8 bytes as `JSON.stringify` writes their text, without the
   * quotes; what is no UTF-8 becomes U+FFFD.
   */
  pushJsonString(bytes: Uint8Array): void {
    const { length } = this;
    let seen = 0;
    for (let from = 0; from < bytes.length; from += RUN_BYTES) {
      const to = Math.min(bytes.length, from + RUN_BYTES);
      this.reserve((to - from) * ESCAPED_BYTES_MAX);
      seen |= this.#escape(bytes, from, to);
    }
    // Whatever stands for itself outside of ASCII has been copied.
    if (seen < 0x80 || isUtf8(bytes)) return;
    this.length = length;
    this.pushText(JSON.stringify(decodeUtf8Leniently(bytes)).slice(1, -1));
  }

  /** Appends bytes, escaped; returns all bits that any of them has. */
  #escape(bytes: Uint8Array, from: number, to: number): number {
    const { array } = this;
    let at = this.length;
    let seen = 0;
    for (let index = from; index < to; index++) {
      const byte = bytes[index] ?? 0;
      seen |= byte;
      const escape = ESCAPES[byte] ?? 0;
      if (escape === 0) {
        array[at++] = byte;
        continue;
      }
      array[at] = BACKSLASH;
      if (escape !== 1) {
        array[at + 1] = escape;
        at += 2;
        continue;
      }
      array[at + 1] = 0x75;
      array[at + 2] = 0x30;
      array[at + 3] = 0x30;
      array[at + 4] = HEX_DIGITS[byte >>> 4] ?? 0;
      array[at + 5] = HEX_DIGITS[byte & 15] ?? 0;
      at += 6;
    }
    this.length = at;
    return seen;
  }

  /**
   * The text so far, which is forgotten.
   *
   * @param capacityBytes Room for what comes next.
   */
  take(capacityBytes: number): Uint8Array<ArrayBuffer> {
    const taken = this.array.subarray(0, this.length);
    this.array = new Uint8Array(capacityBytes);
    this.length = 0;
    return taken;
  }
}
