/**
 * Tar archives in the ustar format (POSIX.1-1988), as far as a backup needs
 * it: plain files with short names, up to 8 GiB each.
 *
 * ```
 *   0 ├ 100  name                      124 ├ 12  size, octal
 * 100 ├ 8    mode, octal               136 ├ 12  time, octal, seconds since 1970
 * 108 ├ 16   user, group               148 ├ 8   sum of all bytes, with this field blank
 * 156 ├ 1    type: "0" or 0 for a file 257 ├ 8   "ustar" 0 "00"
 * ```
 *
 * An entry is such a block of 512 bytes, then the file, filled up to whole
 * blocks with zeroes; two blocks of zeroes end the archive.
 *
 * @module
 */

import { invariant } from "../../../lib/model/errors.ts";
import { decodeUtf8Leniently, encodeUtf8 } from "../../../lib/text/utf8.ts";

export const TAR_BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;
const SIZE_MAX = 8 ** 11 - 1;

/** The header of an entry of a tar archive. */
interface TarEntry {
  readonly name: string;
  readonly bytes: number;
  readonly isFile: boolean;
}

/** The block that stands before a file. */
export function encodeTarHeader(
  entry: { readonly name: string; readonly bytes: number; seconds: number },
): Uint8Array {
  const { name, bytes, seconds } = entry;
  invariant(
    name.length <= NAME_BYTES_MAX && bytes <= SIZE_MAX,
    "A tar entry of a backup has a short name and less than 8 GiB",
  );
  const block = new Uint8Array(TAR_BLOCK_BYTES);
  const put = (text: string, at: number): void => {
    block.set(encodeUtf8(text), at);
  };
  put(name, 0);
  put("0000600\0", 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  put(octal(bytes, 11) + "\0", 124);
  put(octal(seconds, 11) + "\0", 136);
  put("        ", 148);
  put("0", 156);
  put("ustar\0" + "00", 257);
  put(octal(sumOf(block), 6) + "\0 ", 148);
  return block;
}

/** Zeroes that fill a file of that size up to whole blocks. */
export function tarPadding(bytes: number): Uint8Array {
  return new Uint8Array(tarSize(bytes) - bytes);
}

/** Bytes that a file takes in an archive, without its header. */
export function tarSize(bytes: number): number {
  return Math.ceil(bytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
}

/** The end of an archive. */
export function tarEnd(): Uint8Array {
  return new Uint8Array(2 * TAR_BLOCK_BYTES);
}

/**
 * Reads the block that stands before a file. Other programs' archives are
 * read, too, as long as their names are short.
 *
 * @returns `"end"` for a block of zeroes, `"damaged"` for one that is none.
 */
export function decodeTarHeader(
  block: Uint8Array,
): TarEntry | "end" | "damaged" {
  if (block.length < TAR_BLOCK_BYTES) return "damaged";
  if (block.every((byte) => byte === 0)) return "end";
  const isUstar = textAt(block, 257, 5) === "ustar";
  const sum = block.slice();
  sum.fill(0x20, 148, 156);
  const bytes = octalAt(block, 124, 12);
  if (!isUstar || bytes === undefined) return "damaged";
  if (octalAt(block, 148, 8) !== sumOf(sum)) return "damaged";
  const prefix = textAt(block, 345, 155);
  const name = textAt(block, 0, NAME_BYTES_MAX);
  const type = block[156];
  return {
    // GNU tar has other fields where the prefix is.
    name: prefix === "" || block[263] === 0x20 ? name : `${prefix}/${name}`,
    bytes,
    isFile: type === 0x30 || type === 0,
  };
}

function octal(value: number, digits: number): string {
  return Math.floor(value).toString(8).padStart(digits, "0");
}

function sumOf(block: Uint8Array): number {
  return block.reduce((sum, byte) => sum + byte, 0);
}

function textAt(block: Uint8Array, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return decodeUtf8Leniently(end < 0 ? field : field.subarray(0, end));
}

function octalAt(
  block: Uint8Array,
  at: number,
  length: number,
): number | undefined {
  const text = textAt(block, at, length).trim();
  return /^[0-7]+$/.test(text) ? parseInt(text, 8) : undefined;
}
