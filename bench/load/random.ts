/**
 * Random event ids, cheaply: the generator is sfc32 (128 bits of state, so
 * that connections with seeds of their own do not meet), the hex digits are
 * written straight into the request.
 *
 * @module
 */

/** Bytes of a UUID as text. */
export const UUID_TEXT_BYTES = 36;

const HEX_DIGITS = "0123456789abcdef";
const HEX_HIGH = new Uint8Array(256);
const HEX_LOW = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  HEX_HIGH[byte] = HEX_DIGITS.charCodeAt(byte >> 4);
  HEX_LOW[byte] = HEX_DIGITS.charCodeAt(byte & 15);
}
/** Where in the text the two digits of each of the 16 bytes stand. */
const UUID_BYTE_OFFSETS = [
  0,
  2,
  4,
  6,
  9,
  11,
  14,
  16,
  19,
  21,
  24,
  26,
  28,
  30,
  32,
  34,
] as const;
const HYPHEN_OFFSETS = [8, 13, 18, 23] as const;
const HYPHEN = 45;

/** Random numbers that a seed decides. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;
  readonly #bytes = new Uint8Array(16);
  readonly #words = new Uint32Array(this.#bytes.buffer);

  /** @param seed Two whole numbers of 32 bits; different pairs, different rows. */
  constructor(seed: readonly [number, number]) {
    this.#a = seed[0] | 0;
    this.#b = seed[1] | 0;
    this.#c = 0x9e3779b9;
    for (let round = 0; round < 16; round++) this.nextUint32();
  }

  /** 0 to 2³² − 1. */
  nextUint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return sum >>> 0;
  }

  /** Writes a random UUID (version 4) as 36 bytes of text. */
  writeUuid(target: Uint8Array, offset: number): void {
    const bytes = this.#bytes;
    for (let word = 0; word < 4; word++) this.#words[word] = this.nextUint32();
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    for (let i = 0; i < 16; i++) {
      const byte = bytes[i] ?? 0;
      const at = offset + (UUID_BYTE_OFFSETS[i] ?? 0);
      target[at] = HEX_HIGH[byte] ?? 0;
      target[at + 1] = HEX_LOW[byte] ?? 0;
    }
    for (const at of HYPHEN_OFFSETS) target[offset + at] = HYPHEN;
  }
}
