/**
 * Looks for whole records after damage: a torn end of the last write has none.
 *
 * @module
 */

import { type DiskFile, readExactly } from "../disk/disk.ts";
import { bytesOf } from "../log/bytes.ts";
import { checkRecord, RECORD_BYTES_MIN } from "../log/record.ts";
import { offsetOf, positionOf, type Segment } from "../log/segment.ts";

const SEARCH_CHUNK_BYTES = 1024 * 1024;

/** Whether a whole record of the segment stands after a position. */
export function hasRecordBeyond(
  file: DiskFile,
  segment: Segment,
  faultPosition: number,
): boolean {
  const sizeBytes = file.size();
  let offset = offsetOf(segment, faultPosition) + 1;
  while (sizeBytes - offset >= RECORD_BYTES_MIN) {
    const length = Math.min(SEARCH_CHUNK_BYTES, sizeBytes - offset);
    const array = readExactly(file, offset, length);
    if (array === undefined) return false;
    const bytes = bytesOf(array);
    for (let at = 0; at + RECORD_BYTES_MIN <= length; at++) {
      const fault = checkRecord(bytes, at, {
        available: length - at,
        position: positionOf(segment, offset + at),
        withBody: false,
      });
      if (fault === undefined) return true;
    }
    offset += length - RECORD_BYTES_MIN + 1;
  }
  return false;
}
