/**
 * The header of a segment file.
 *
 * ```
 *   0 ├ 8   "QUIPUSEG"
 *   8 ├ u32 format: 1, or 2 for a scavenged one, of which the header goes on:
 *     see `scavenged_segment.ts`
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
import {
  decodeScavengedHeader,
  encodeScavengedHeader,
  SCAVENGED_HEADER_BYTES,
  type ScavengedHeader,
} from "./scavenged_segment.ts";
import { encodeUtf8 } from "../../lib/text/utf8.ts";

export const SEGMENT_HEADER_BYTES = 64;
const FORMAT = 1;
/** Format of a scavenged segment. */
const SCAVENGED_FORMAT = 2;
const MAGIC = encodeUtf8("QUIPUSEG");

export interface SegmentHeader {
  readonly storeId: string;
  readonly number: number;
  readonly generation: number;
  readonly startPosition: number;
  readonly previousChecksum: number;
  readonly createdAtUs: number;
  /** Set if records were taken out: the file has another format. */
  readonly isScavenged?: true;
  /** Set if `isScavenged` and all of the header was decoded. */
  readonly scavenged?: ScavengedHeader;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const { scavenged } = header;
  const array = new Uint8Array(
    scavenged === undefined ? SEGMENT_HEADER_BYTES : SCAVENGED_HEADER_BYTES,
  );
  const { view } = bytesOf(array);
  array.set(MAGIC);
  const format = scavenged === undefined ? FORMAT : SCAVENGED_FORMAT;
  view.setUint32(8, format, true);
  setUuid(array, 16, header.storeId);
  view.setUint32(32, header.number, true);
  view.setUint32(36, header.generation, true);
  setSafeUint64(view, 40, header.startPosition);
  view.setUint32(48, header.previousChecksum, true);
  setSafeUint64(view, 52, header.createdAtUs);
  const own = array.subarray(16, SEGMENT_HEADER_BYTES);
  view.setUint32(12, crc32(own), true);
  if (scavenged !== undefined) encodeScavengedHeader(array, scavenged);
  return array;
}

/**
 * Decodes a segment's header. That of a scavenged one is longer: of its first
 * 64 bytes alone all is decoded but what stayed.
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
  const format = view.getUint32(8, true);
  const fields = {
    storeId: getUuid(array, 16),
    number: view.getUint32(32, true),
    generation: view.getUint32(36, true),
    startPosition: getSafeUint64(view, 40),
    previousChecksum: view.getUint32(48, true),
    createdAtUs: getSafeUint64(view, 52),
  };
  if (format === FORMAT) return fields;
  if (format !== SCAVENGED_FORMAT) return "foreign";
  if (array.length === SEGMENT_HEADER_BYTES) {
    return { ...fields, isScavenged: true };
  }
  const scavenged = decodeScavengedHeader(array);
  return scavenged === undefined
    ? "damaged"
    : { ...fields, isScavenged: true, scavenged };
}

/** Name of a segment's file, with `extension` `seg` or `idx`. */
export function segmentFileName(
  segment: { readonly number: number; readonly generation: number },
  extension: "seg" | "idx",
): string {
  const number = String(segment.number).padStart(8, "0");
  return `${number}.g${segment.generation}.${extension}`;
}

/** Parses a file name; undefined when it is not a segment's. */
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
