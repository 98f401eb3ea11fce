/**
 * UUIDs as text.
 *
 * @module
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Characters of a UUID. */
export const UUID_LENGTH = 36;

const HYPHEN = 0x2d;
const NO_DIGIT = 0xff;

/** Value of each hexadecimal digit in lower case. */
const DIGIT_VALUES = new Uint8Array(256).fill(NO_DIGIT);
for (const digit of "0123456789abcdef") {
  DIGIT_VALUES[digit.charCodeAt(0)] = Number.parseInt(digit, 16);
}

/** Whether a text is a UUID of 36 characters, in lower case with hyphens. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/**
 * Reads the ASCII text of a UUID at `from` as 16 bytes, written at `to`.
 *
 * @param source Has 36 bytes from there on.
 * @returns False when it is not 36 characters in lower case with hyphens.
 */
export function parseUuid(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
): boolean {
  let wrong = 0;
  let place = from;
  for (let index = 0; index < 16; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) {
      wrong |= (source[place++] ?? 0) ^ HYPHEN;
    }
    const high = DIGIT_VALUES[source[place++] ?? 0] ?? NO_DIGIT;
    const low = DIGIT_VALUES[source[place++] ?? 0] ?? NO_DIGIT;
    wrong |= (high | low) & 0xf0;
    target[to + index] = (high << 4) | low;
  }
  return wrong === 0;
}
