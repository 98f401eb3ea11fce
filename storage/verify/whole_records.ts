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
/** Most records that are checked with one checksum. */
const RECORDS_MAX = 8 * 1024;

/** Finds the whole records of chunks. */
export class WholeRecords {
  /** Where in the chunk each one begins that was found last. */
  readonly starts = new Int32Array(RECORDS_MAX);
  /** How many there are. */
  count = 0;
  /** Whether there seemed to be some that are not whole after all. */
  isDamaged = false;

  /**
   * Finds the whole records of a chunk.
   *
   * @param options.start Where the first one begins.
   * @param options.limit Where none begins any more.
   * @param options.position The log position that the first one must have, and
   * the next ones after it; undefined where positions say nothing.
   * @returns Where records end that are whole for sure. What comes then, or
   * all, is to be checked one by one.
   */
  find(
    { array, view }: Bytes,
    options: {
      readonly start: number;
      readonly limit: number;
      readonly position: number | undefined;
    },
  ): number {
    const { start, limit, position } = options;
    const { starts } = this;
    const end = array.length;
    const isPlaced = position !== undefined;
    const first = (position ?? 0) - start;
    let count = 0;
    let at = start;
    let crc = 0;
    while (
      at < limit && at + RECORD_BYTES_MIN <= end && count < RECORDS_MAX
    ) {
      const lengthBytes = view.getUint32(at, true);
      if (lengthBytes > end - at || lengthBytes < RECORD_BYTES_MIN) break;
      if (isPlaced && getSafeUint64(view, at + 8) !== first + at) break;
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
      starts[count++] = at;
      at += lengthBytes;
    }
    const isWhole = count > 0 &&
      crc32(array.subarray(start, at)) === crc >>> 0;
    this.isDamaged = count > 0 && !isWhole;
    this.count = isWhole ? count : 0;
    return isWhole ? at : start;
  }
}
