/**
 * Looks for the next record behind damage.
 *
 * @module
 */

import type { DiskFile } from "../disk/disk.ts";
import { type Bytes, bytesOf } from "../log/bytes.ts";
import { checkRecord, RECORD_HEADER_BYTES } from "../log/record.ts";

/** What is read at a time. */
const SEARCH_BYTES = 1024 * 1024;
/** More than a header with the longest names has. */
const HEADER_BYTES_MAX = 8 * 1024;

/** A place at which there may be a record. */
export interface Candidate {
  readonly bytes: Bytes;
  /** Where it is in the bytes. */
  readonly at: number;
  /** Where it is in the file. */
  readonly offset: number;
  /** Bytes from there on. */
  readonly available: number;
}

/**
 * Offset in the file of the first place in [from, end) that `isRecord`
 * accepts.
 */
function findRecord(
  file: DiskFile,
  range: { readonly from: number; readonly end: number },
  isRecord: (candidate: Candidate) => boolean,
): number | undefined {
  const bytes = bytesOf(new Uint8Array(SEARCH_BYTES));
  for (let start = range.from; start < range.end;) {
    const wanted = Math.min(SEARCH_BYTES, range.end - start);
    const count = file.readAt(bytes.array.subarray(0, wanted), start);
    if (count === 0) return undefined;
    const isEnd = start + count >= range.end;
    const end = isEnd ? count : Math.max(1, count - HEADER_BYTES_MAX);
    for (let at = 0; at < end; at++) {
      const available = count - at;
      if (available < RECORD_HEADER_BYTES) break;
      if (isRecord({ bytes, at, offset: start + at, available })) {
        return start + at;
      }
    }
    if (isEnd) return undefined;
    start += end;
  }
  return undefined;
}

/**
 * Offset in the file of the first place in [from, end) where a record with a
 * whole header begins.
 *
 * @param search.positionAt The position that a record there must have;
 * undefined where there can be none.
 */
export function findWholeRecord(
  search: {
    readonly file: DiskFile;
    readonly from: number;
    readonly end: number;
    readonly positionAt: (candidate: Candidate) => number | undefined;
  },
): number | undefined {
  return findRecord(search.file, search, (candidate) => {
    const { bytes, at, available } = candidate;
    const position = search.positionAt(candidate);
    if (position === undefined) return false;
    const options = { available, position, withBody: false };
    return checkRecord(bytes, at, options) === undefined;
  });
}
