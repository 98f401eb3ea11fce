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
/** More than a header with the longest names has. */
const HEADER_BYTES_MAX = 8 * 1024;

/** Whether a whole record of the segment stands after a position. */
export function hasRecordBeyond(
  file: DiskFile,
  segment: Segment,
  faultPosition: number,
): boolean {
  return findRecordBeyond(file, segment, faultPosition) !== undefined;
}

/** Position of the next record with a whole header after a position. */
export function findRecordBeyond(
  file: DiskFile,
  segment: Segment,
  faultPosition: number,
): number | undefined {
  const sizeBytes = file.size();
  let offset = offsetOf(segment, faultPosition) + 1;
  while (sizeBytes - offset >= RECORD_BYTES_MIN) {
    const length = Math.min(SEARCH_CHUNK_BYTES, sizeBytes - offset);
    const array = readExactly(file, offset, length);
    if (array === undefined) return undefined;
    const bytes = bytesOf(array);
    const isEnd = offset + length === sizeBytes;
    const end = isEnd ? length - RECORD_BYTES_MIN : length - HEADER_BYTES_MAX;
    for (let at = 0; at <= end; at++) {
      const position = positionOf(segment, offset + at);
      const fault = checkRecord(bytes, at, {
        available: length - at,
        position,
        withBody: false,
      });
      if (fault === undefined) return position;
    }
    if (isEnd) return undefined;
    offset += end + 1;
  }
  return undefined;
}
