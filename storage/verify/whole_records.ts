/**
 * Checks the checksums of many records with one: the CRC-32 of all their bytes
 * must be the one that follows from the CRCs that they carry. A call for each
 * header and each body would take longer than all else that is checked.
 *
 * It is as strict: damage of one field, header or body always makes a
 * difference, any other does not with the chance of one CRC-32.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { type Bytes, getSafeUint64 } from "../log/bytes.ts";
import { headerEndOf, RECORD_BYTES_MIN } from "../log/record.ts";
import { CRC_SHIFT_BYTES_MAX, crcAfter, crcAfterWord } from "./crc_parts.ts";

/** Bytes of a record before those under its header's checksum. */
const FRAME_BYTES = 8;
const TRAILER_BYTES = 4;

/**
 * Finds the whole records of a chunk.
 *
 * @param options.start Where the first one begins.
 * @param options.position The log position that it must have, and the next
 * ones after it; undefined where positions say nothing.
 * @returns Where records end that are whole for sure. What comes then, or all,
 * is to be checked one by one.
 */
export function wholeRecordsEnd(
  { array, view }: Bytes,
  options: { readonly start: number; readonly position: number | undefined },
): number {
  const { start, position } = options;
  const end = array.length;
  let at = start;
  let crc = 0;
  while (at + RECORD_BYTES_MIN <= end) {
    const lengthBytes = view.getUint32(at, true);
    if (lengthBytes > end - at || lengthBytes < RECORD_BYTES_MIN) break;
    const isElsewhere = position !== undefined &&
      getSafeUint64(view, at + 8) !== position + (at - start);
    if (isElsewhere) break;
    const headerEnd = headerEndOf(view, at);
    const bodyBytes = view.getUint32(at + 72, true) +
      view.getUint32(at + 76, true);
    const isMisfit = headerEnd + bodyBytes + TRAILER_BYTES !== lengthBytes ||
      bodyBytes > CRC_SHIFT_BYTES_MAX || headerEnd > CRC_SHIFT_BYTES_MAX;
    if (isMisfit) break;
    const headerCrc = view.getUint32(at + 4, true);
    crc = crcAfterWord(crcAfterWord(crc, lengthBytes), headerCrc);
    crc = crcAfter(crc, headerCrc, headerEnd - FRAME_BYTES);
    crc = crcAfter(crc, view.getUint32(at + 68, true), bodyBytes);
    crc = crcAfterWord(crc, lengthBytes);
    at += lengthBytes;
  }
  return at > start && crc32(array.subarray(start, at)) === crc >>> 0
    ? at
    : start;
}
