/**
 * Text and its UTF-8 bytes: the only place that turns one into the other.
 *
 * Whatever a client stores or names comes back byte for byte. The decoders of
 * the platform drop a byte order mark (U+FEFF) at the start by default, and put
 * U+FFFD for bytes that are no UTF-8: then two names could become one, and the
 * name by which access was judged would not be the one that is stored. So a
 * mark is kept here, and what is no UTF-8 is refused.
 *
 * @module
 */

import { Buffer, isUtf8 } from "node:buffer";

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const ENCODER = new TextEncoder();

/**
 * UTF-8 bytes of a text.
 *
 * @param text Well-formed Unicode: a lone surrogate would become U+FFFD, so
 * what comes from outside is checked with `isWellFormed()` before.
 */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return ENCODER.encode(text);
}

/**
 * Writes a well-formed text as UTF-8 to the start of an array that has room
 * for three bytes a UTF-16 unit; returns how many bytes it took.
 */
export function encodeUtf8Into(text: string, array: Uint8Array): number {
  return ENCODER.encodeInto(text, array).written;
}

/** Length in bytes of a text as UTF-8. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text);
}

/** Bytes that a text, as UTF-8, or bytes take at most; nothing is counted. */
export function bytesAtMost(value: string | Uint8Array): number {
  return typeof value === "string" ? value.length * 3 : value.length;
}

/**
 * Whether texts, as UTF-8, or bytes take more than `bytesMax` together. They
 * are counted only where their lengths leave it open.
 */
export function isLongerThan(
  bytesMax: number,
  value: string | Uint8Array,
  other: string | Uint8Array = "",
): boolean {
  return bytesAtMost(value) + bytesAtMost(other) > bytesMax &&
    byteLengthOf(value) + byteLengthOf(other) > bytesMax;
}

function byteLengthOf(value: string | Uint8Array): number {
  return typeof value === "string" ? utf8Length(value) : value.length;
}

/**
 * Decodes UTF-8; a byte order mark is kept, wherever it stands.
 *
 * @throws {TypeError} If it is no UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  const text = decodeUtf8IfValid(bytes);
  if (text === undefined) throw new TypeError("Not valid UTF-8");
  return text;
}

/**
 * Decodes UTF-8; undefined where it is none. A byte order mark is kept. Not by
 * a decoder that checks as it decodes (`fatal`) nor by a `Buffer`: of ASCII the
 * former takes two to six times as long, the latter half as long again to five
 * times.
 */
export function decodeUtf8IfValid(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes) ? DECODER.decode(bytes) : undefined;
}

/**
 * Decodes bytes to be shown or looked into, never to be stored or to name
 * anything: what is no UTF-8 becomes U+FFFD. A byte order mark is kept.
 */
export function decodeUtf8Leniently(bytes: Uint8Array): string {
  return DECODER.decode(bytes);
}

/**
 * Decodes a JSON document that is to be understood, of which the bytes stay as
 * they are: a byte order mark before it means nothing (RFC 8259 §8.1), and
 * bytes that are no UTF-8 make no more of it unreadable than the text in which
 * they stand.
 */
export function decodeJsonText(bytes: Uint8Array): string {
  return withoutMark(DECODER.decode(bytes));
}

/** A text without the byte order mark that it may start with. */
export function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}
