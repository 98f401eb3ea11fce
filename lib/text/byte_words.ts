/**
 * Bytes that are read and written four at a time, at any place: what a loop
 * over a body spends is mostly the number of its turns.
 *
 * @module
 */

/** Bytes that are read and written at once. */
export const WORD_BYTES = 4;
/** A line break and three spaces, as a word. */
export const NEWLINE_AND_SPACES = 0x2020_200a;
/** Four spaces, as a word. */
export const SPACES = 0x2020_2020;

/** Bytes with a view on all of them: words are read where no word begins. */
export interface WordMemory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Wraps bytes with a view on exactly them. */
export function wordMemoryOf(bytes: Uint8Array): WordMemory {
  return {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  };
}

/**
 * The highest bit of each byte of the word that a JSON string cannot simply
 * hold: quotes, backslashes, control characters and what is not ASCII. Bits
 * above the lowest one may be wrong.
 */
export function specialBytesOf(word: number): number {
  const quotes = word ^ 0x2222_2222;
  const backslashes = word ^ 0x5c5c_5c5c;
  // A byte less than what is taken from it borrows its highest bit.
  return (((quotes - 0x0101_0101) & ~quotes) |
    ((backslashes - 0x0101_0101) & ~backslashes) |
    ((word - 0x2020_2020) & ~word) | word) & 0x8080_8080;
}

/** Index of the word's byte, in the order of memory, in which the lowest bit is. */
export function firstByteOf(bits: number): number {
  return (31 - Math.clz32(bits & -bits)) >> 3;
}
