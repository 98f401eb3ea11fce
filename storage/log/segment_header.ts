/**
 * The header of a segment file.
 *
 * ```
 *   0 ├ 8   "QUIPUSEG"
 *   8 ├ u32 format (1)
 *  12 ├ u32 CRC-32 of bytes 16 to 64
 *  16 ├ 16  store id
 *  32 ├ u32 segment number
 *  36 ├ u32 generation: 1, and one more each time it is rewritten
 *  40 ├ u64 log position of its first byte after the header
 *  48 ├ u32 checksum of the segment before: the header CRC of its last record
 *  52 ├ u64 time of creation, microseconds since 1970
 *  60 └ u32 0
 * ```
 *
 * The checksum of the segment before makes the segments a chain: a swapped,
 * missing or foreign file is noticed without the KV.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import {
  bytesOf,
  getSafeUint64,
  getUuid,
  setSafeUint64,
  setUuid,
} from "./bytes.ts";

export const SEGMENT_HEADER_BYTES = 64;
const FORMAT = 1;
const MAGIC = new TextEncoder().encode("QUIPUSEG");

export interface SegmentHeader {
  readonly storeId: string;
  readonly number: number;
  readonly generation: number;
  readonly startPosition: number;
  readonly previousChecksum: number;
  readonly createdAtUs: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const array = new Uint8Array(SEGMENT_HEADER_BYTES);
  const { view } = bytesOf(array);
  array.set(MAGIC);
  view.setUint32(8, FORMAT, true);
  setUuid(array, 16, header.storeId);
  view.setUint32(32, header.number, true);
  view.setUint32(36, header.generation, true);
  setSafeUint64(view, 40, header.startPosition);
  view.setUint32(48, header.previousChecksum, true);
  setSafeUint64(view, 52, header.createdAtUs);
  view.setUint32(12, crc32(array.subarray(16)), true);
  return array;
}

/**
 * Decodes a segment's header.
 *
 * @returns The header; `"foreign"` when it is not of this program or of a
 * later format; `"damaged"` when its checksum is wrong, it is cut short, or it
 * was never written, or not all of it: zeroes.
 */
export function decodeSegmentHeader(
  array: Uint8Array | undefined,
): SegmentHeader | "foreign" | "damaged" {
  if (array === undefined || array.length < SEGMENT_HEADER_BYTES) {
    return "damaged";
  }
  const { view } = bytesOf(array);
  const isCrcRight = view.getUint32(12, true) ===
    crc32(array.subarray(16, SEGMENT_HEADER_BYTES));
  const isOurs = MAGIC.every((byte, index) => array[index] === byte);
  if (!isOurs) {
    // A write that was torn leaves zeroes where it did not get to.
    const isTorn = MAGIC.every((byte, index) =>
      array[index] === byte || array[index] === 0
    );
    return isCrcRight || isTorn ? "damaged" : "foreign";
  }
  if (!isCrcRight) return "damaged";
  if (view.getUint32(8, true) !== FORMAT) return "foreign";
  return {
    storeId: getUuid(array, 16),
    number: view.getUint32(32, true),
    generation: view.getUint32(36, true),
    startPosition: getSafeUint64(view, 40),
    previousChecksum: view.getUint32(48, true),
    createdAtUs: getSafeUint64(view, 52),
  };
}

/** Name of a segment's file, with `extension` `seg` or `idx`. */
export function segmentFileName(
  segment: { readonly number: number; readonly generation: number },
  extension: "seg" | "idx",
): string {
  const number = String(segment.number).padStart(8, "0");
  return `${number}.g${segment.generation}.${extension}`;
}

/** What a file name says; undefined when it is not a segment's. */
export function parseSegmentFileName(
  name: string,
):
  | { number: number; generation: number; extension: "seg" | "idx" }
  | undefined {
  const match = /^(\d{8,10})\.g(\d{1,9})\.(seg|idx)$/.exec(name);
  if (match === null) return undefined;
  return {
    number: Number(match[1]),
    generation: Number(match[2]),
    extension: match[3] === "seg" ? "seg" : "idx",
  };
}
