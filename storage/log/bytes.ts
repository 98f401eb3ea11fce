/**
 * Little-endian numbers, UUIDs and UTF-8 in byte arrays, for all formats of
 * the store.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { invariant, QuipuError } from "../../lib/model/errors.ts";
import {
  decodeUtf8IfValid,
  encodeUtf8,
  encodeUtf8Into,
} from "../../lib/text/utf8.ts";

const TWO_32 = 2 ** 32;

/** A byte array with a view on the same bytes. */
export interface Bytes {
  readonly array: Uint8Array;
  readonly view: DataView;
}

/** Wraps an array with a view on exactly its bytes. */
export function bytesOf(array: Uint8Array): Bytes {
  return {
    array,
    view: new DataView(array.buffer, array.byteOffset, array.byteLength),
  };
}

/**
 * Gives the memory of an array back, which nobody uses any more and which is
 * all of its buffer's. As garbage it would wait: the engine lets hundreds of
 * megabytes of such memory come together before it collects them.
 */
export function giveBack(
  { buffer }: { readonly buffer: ArrayBufferLike },
): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/** Reads 4 bytes, for arrays that have no view beside them. */
export function getUint32At(array: Uint8Array, offset: number): number {
  return ((array[offset] ?? 0) |
    (array[offset + 1] ?? 0) << 8 |
    (array[offset + 2] ?? 0) << 16 |
    (array[offset + 3] ?? 0) << 24) >>> 0;
}

/** Writes a safe integer, 0 or more, as 8 bytes. */
export function setSafeUint64(
  view: DataView,
  offset: number,
  value: number,
): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, Math.floor(value / TWO_32), true);
}

/** Reads 8 bytes; exact up to 2⁵³. */
export function getSafeUint64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) +
    view.getUint32(offset + 4, true) * TWO_32;
}

/** Value of each hexadecimal digit's character code; 0 for any other. */
const DIGIT_VALUES = new Uint8Array(128);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  DIGIT_VALUES[digit.charCodeAt(0)] = value;
  DIGIT_VALUES[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Character codes of hexadecimal digits. */
const HEX_CODES = encodeUtf8("0123456789abcdef");

/** Writes a UUID of 36 characters as 16 bytes. */
export function setUuid(
  array: Uint8Array,
  offset: number,
  uuid: string,
): void {
  setHex(array, offset, uuid, 0, 4);
  setHex(array, offset + 4, uuid, 9, 2);
  setHex(array, offset + 6, uuid, 14, 2);
  setHex(array, offset + 8, uuid, 19, 2);
  setHex(array, offset + 10, uuid, 24, 6);
}

/** Writes the bytes of the digits from `index` on. */
function setHex(
  array: Uint8Array,
  offset: number,
  text: string,
  index: number,
  byteCount: number,
): void {
  for (let at = 0, from = index; at < byteCount; at++, from += 2) {
    array[offset + at] = (digitAt(text, from) << 4) | digitAt(text, from + 1);
  }
}

function digitAt(text: string, index: number): number {
  return DIGIT_VALUES[text.charCodeAt(index) & 0x7f] ?? 0;
}

/** Characters of a UUID that is being read. */
const UUID_TEXT = Buffer.from("00000000-0000-0000-0000-000000000000");
/** Where each byte's two digits stand. */
const UUID_PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** Reads 16 bytes as a UUID of 36 characters in lower case. */
export function getUuid(array: Uint8Array, offset: number): string {
  for (let index = 0; index < 16; index++) {
    const byte = array[offset + index] ?? 0;
    const place = UUID_PLACES[index] ?? 0;
    UUID_TEXT[place] = HEX_CODES[byte >>> 4] ?? 0;
    UUID_TEXT[place + 1] = HEX_CODES[byte & 15] ?? 0;
  }
  return UUID_TEXT.toString("latin1");
}

/**
 * Reads a name.
 *
 * @throws {QuipuError} `corruptRecord` if it is no UTF-8: no name that was
 * written is.
 */
export function readName(
  array: Uint8Array,
  start: number,
  end: number,
): string {
  return end - start <= SHORT_BYTES_MAX
    ? readShortName(array, start, end)
    : decodeName(array.subarray(start, end));
}

function decodeName(bytes: Uint8Array): string {
  const name = decodeUtf8IfValid(bytes);
  if (name !== undefined) return name;
  throw new QuipuError("corruptRecord", "A name in the log is not UTF-8");
}

const SHORT_BYTES_MAX = 24;
/** Short texts that were read lately, at a place that follows from each. */
const SHORT_TEXTS = new Array<string>(1024).fill("");

/**
 * Names come again and again: comparing bytes with a text that is there takes
 * a fifth of making it, and leaves nothing to collect.
 */
function readShortName(array: Uint8Array, start: number, end: number): string {
  let hash = end - start;
  for (let at = start; at < end; at++) {
    const byte = array[at] ?? 0;
    if (byte >= 0x80) return decodeName(array.subarray(start, end));
    hash = Math.imul(hash ^ byte, 0x0100_0193);
  }
  const place = (hash ^ (hash >>> 15)) & (SHORT_TEXTS.length - 1);
  const known = SHORT_TEXTS[place] ?? "";
  if (isText(known, array, start, end)) return known;
  let text = "";
  for (let at = start; at < end; at++) {
    text += String.fromCharCode(array[at] ?? 0);
  }
  SHORT_TEXTS[place] = text;
  return text;
}

function isText(
  text: string,
  array: Uint8Array,
  start: number,
  end: number,
): boolean {
  const { length } = text;
  if (length !== end - start) return false;
  for (let index = 0; index < length; index++) {
    if (text.charCodeAt(index) !== array[start + index]) return false;
  }
  return true;
}

/**
 * A byte array that grows, for what is encoded in one go. Its bytes are
 * reused: a view of them holds until the next `clear()`.
 */
export class GrowingBytes {
  array: Uint8Array;
  view: DataView;
  length = 0;

  constructor(capacityBytes: number) {
    this.array = new Uint8Array(capacityBytes);
    this.view = new DataView(this.array.buffer);
  }

  /** Makes room for `byteCount` more bytes after `length`. */
  reserve(byteCount: number): void {
    const needed = this.length + byteCount;
    if (needed <= this.array.length) return;
    const grown = new Uint8Array(Math.max(needed, this.array.length * 2));
    grown.set(this.array.subarray(0, this.length));
    this.array = grown;
    this.view = new DataView(grown.buffer);
  }

  /** Appends bytes. */
  push(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.array.set(bytes, this.length);
    this.length += bytes.length;
  }

  pushUint8(value: number): void {
    this.reserve(1);
    this.view.setUint8(this.length, value);
    this.length += 1;
  }

  pushUint32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }

  pushUint64(value: number): void {
    this.reserve(8);
    setSafeUint64(this.view, this.length, value);
    this.length += 8;
  }

  /** Appends a text, its length in two bytes before it. */
  pushText(text: string): void {
    this.reserve(2 + text.length * 3);
    const written = encodeUtf8Into(text, this.array.subarray(this.length + 2));
    invariant(written < 65_536, "Text is too long for its length field");
    this.view.setUint16(this.length, written, true);
    this.length += 2 + written;
  }

  /** The bytes written so far. */
  bytes(): Uint8Array {
    return this.array.subarray(0, this.length);
  }

  /** The bytes written so far, and zeros after them. */
  bytesAndZeros(zeroCount: number): Uint8Array {
    if (zeroCount === 0) return this.bytes();
    this.reserve(zeroCount);
    const end = this.length + zeroCount;
    this.array.fill(0, this.length, end);
    return this.array.subarray(0, end);
  }

  /** Forgets what was written; gives back memory beyond `keepBytes`. */
  clear(keepBytes = Infinity): void {
    this.length = 0;
    if (this.array.length > keepBytes) {
      this.array = new Uint8Array(keepBytes);
      this.view = new DataView(this.array.buffer);
    }
  }
}
