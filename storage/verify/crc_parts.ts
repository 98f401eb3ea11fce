/**
 * The CRC-32 of bytes from those of their parts, without the bytes.
 *
 * That of two parts, one after the other, is that of the first, moved on by as
 * many zero bytes as the second has, XOR that of the second. Moving on is
 * linear, so a table for each byte of a CRC does it for one number of bytes;
 * any number is made of three digits of 6 bits, of which each has its tables.
 *
 * @module
 */

/** Most bytes by which a CRC can be moved on. */
export const CRC_SHIFT_BYTES_MAX = 2 ** 18 - 1;

const DIGIT_BITS = 6;
const DIGITS = 1 << DIGIT_BITS;
/** Four tables of 256. */
const TABLE_LENGTH = 1024;
/** Tables by place and digit, made when they are first needed: 4 KiB each. */
const TABLES = new Int32Array(3 * DIGITS * TABLE_LENGTH);
const IS_MADE = new Uint8Array(3 * DIGITS);
/** Moves on by the four bytes of a word. */
const WORD = tableOf(0, 4);

/**
 * The CRC of two parts.
 *
 * @param before CRC of the first one, as any 32 bits.
 * @param crc CRC of the second one, as any 32 bits.
 * @param byteCount Bytes of the second one, at most `CRC_SHIFT_BYTES_MAX`.
 */
export function crcAfter(
  before: number,
  crc: number,
  byteCount: number,
): number {
  let moved = before;
  const low = byteCount & (DIGITS - 1);
  if (low !== 0) moved = move(moved, tableOf(0, low));
  const middle = (byteCount >>> DIGIT_BITS) & (DIGITS - 1);
  if (middle !== 0) moved = move(moved, tableOf(1, middle));
  const high = byteCount >>> (2 * DIGIT_BITS);
  if (high !== 0) moved = move(moved, tableOf(2, high));
  return moved ^ crc;
}

/** The CRC of a part and the four bytes of a little-endian number after it. */
export function crcAfterWord(before: number, word: number): number {
  return ~move(~before ^ word, WORD);
}

/** Moves a CRC on by as many zero bytes as the table at `at` is for. */
function move(crc: number, at: number): number {
  return (TABLES[at + (crc & 0xff)] ?? 0) ^
    (TABLES[at + 256 + ((crc >>> 8) & 0xff)] ?? 0) ^
    (TABLES[at + 512 + ((crc >>> 16) & 0xff)] ?? 0) ^
    (TABLES[at + 768 + (crc >>> 24)] ?? 0);
}

/** Where the tables of a digit, 1 or more, are. */
function tableOf(place: number, digit: number): number {
  const index = place * DIGITS + digit;
  const at = index * TABLE_LENGTH;
  if (IS_MADE[index] === 1) return at;
  for (let byte = 0; byte < 4; byte++) {
    for (let value = 0; value < 256; value++) {
      TABLES[at + byte * 256 + value] = moved(
        value << (byte * 8),
        place,
        digit,
      );
    }
  }
  IS_MADE[index] = 1;
  return at;
}

/** The slow way, by which tables are made from those of smaller numbers. */
function moved(crc: number, place: number, digit: number): number {
  if (digit > 1) {
    return move(move(crc, tableOf(place, digit - 1)), tableOf(place, 1));
  }
  if (place > 0) {
    const last = tableOf(place - 1, DIGITS - 1);
    return move(move(crc, last), tableOf(place - 1, 1));
  }
  let register = crc;
  for (let bit = 0; bit < 8; bit++) {
    const isOdd = (register & 1) !== 0;
    register >>>= 1;
    if (isOdd) register ^= 0xedb8_8320;
  }
  return register;
}
