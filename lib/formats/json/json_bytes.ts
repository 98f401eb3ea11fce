/**
 * JSON as bytes: which bytes mean what, and where a number ends. Bytes beyond
 * an array's end count as 0, which is none of them.
 *
 * @module
 */

const QUOTE = 0x22;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const BACKSLASH = 0x5c;

/** 1 for JSON's white space. */
export const IS_BLANK = new Uint8Array(256);
for (const code of [0x20, 0x0a, 0x0d, 0x09]) IS_BLANK[code] = 1;

/** 1 for `"`, `\`, `b`, `f`, `n`, `r` and `t`. */
export const SHORT_ESCAPES = new Uint8Array(256);
for (const escape of '"\\bfnrt') SHORT_ESCAPES[escape.charCodeAt(0)] = 1;

/** A string's byte that is copied as it is: 0; one to look at: 1. */
export const SPECIAL_BYTES = new Uint8Array(256);
SPECIAL_BYTES.fill(1, 0, 0x20);
SPECIAL_BYTES[QUOTE] = 1;
SPECIAL_BYTES[BACKSLASH] = 1;
// First bytes of U+0085 and of U+2028 and U+2029, which Json.NET escapes.
SPECIAL_BYTES[0xc2] = 1;
SPECIAL_BYTES[0xe2] = 1;

/**
 * Finds the end of a JSON number.
 *
 * @returns Index after it, or -1 if there is none at `start`.
 */
export function numberEndAt(bytes: Uint8Array, start: number): number {
  let end = start;
  if (bytes[end] === MINUS) end++;
  if (bytes[end] === ZERO) end++;
  else {
    const digits = end;
    end = digitsEnd(bytes, end);
    if (end === digits) return -1;
  }
  if (bytes[end] === DOT) {
    const digits = end + 1;
    end = digitsEnd(bytes, digits);
    if (end === digits) return -1;
  }
  // "E" and "e" differ in one bit.
  if (((bytes[end] ?? 0) | 0x20) === 0x65) {
    let digits = end + 1;
    if (bytes[digits] === 0x2b || bytes[digits] === MINUS) digits++;
    end = digitsEnd(bytes, digits);
    if (end === digits) return -1;
  }
  return end;
}

function digitsEnd(bytes: Uint8Array, start: number): number {
  let end = start;
  let code = bytes[end] ?? 0;
  while (code >= ZERO && code <= NINE) code = bytes[++end] ?? 0;
  return end;
}
