/**
 * Finds out how a segment's file is to be read whose header is damaged.
 *
 * - Its first 64 bytes say nothing that is not known otherwise: the file's name
 *   has number and generation, the segments around it say where it begins and
 *   ends.
 * - What a scavenged one says of itself behind them has a checksum of its own:
 *   where that is right, it is read as ever.
 * - Where it is not, its records still stand one after another from byte 160
 *   on, and say where in the log they belong.
 *
 * Files of the first generation are never scavenged, and one that has the
 * segment's first record where it was written is not either: what a client
 * wrote into events must not be taken for the store's own.
 *
 * @module
 */

import { type Disk, type DiskFile, readExactly } from "../disk/disk.ts";
import { getSafeUint64 } from "./bytes.ts";
import {
  checkRecord,
  RECORD_BYTES_MIN,
  RECORD_HEADER_BYTES_MAX,
} from "./record.ts";
import { readUpTo } from "./record_scanner.ts";
import {
  decodeScavengedHeader,
  SCAVENGED_HEADER_BYTES,
  ScavengedSegment,
} from "./scavenged_segment.ts";
import { positionOf, type Segment } from "./segment.ts";
import type { PlacedSegment } from "./segment_file.ts";
import { SEGMENT_HEADER_BYTES } from "./segment_header.ts";

/** The evidence for where a segment belongs. */
interface Surroundings {
  /** Where the one before it ends. */
  readonly start: number;
  /** Where the one after it begins, or the log ends, if that is known. */
  readonly end: number | undefined;
}

/** Places of records in a scavenged segment are 32 bits wide. */
const SEGMENT_BYTES_MAX = 2 ** 32 - 1024;

/** Places a segment of which the header is damaged. */
export function placeSegment(
  disk: Disk,
  segment: Segment,
  { start, end }: Surroundings,
): PlacedSegment {
  const plain = { ...segment, startPosition: start };
  if (segment.generation === 1) return plain;
  let file: DiskFile;
  try {
    file = disk.open(segment.path, "read");
  } catch {
    // Reading it will report it.
    return plain;
  }
  try {
    if (positionAt(file, SEGMENT_HEADER_BYTES) === start) return plain;
    const header = decodeScavengedHeader(
      readExactly(file, 0, SCAVENGED_HEADER_BYTES) ?? new Uint8Array(0),
    );
    const isFit = header !== undefined && header.endPosition >= start &&
      header.endPosition === (end ?? header.endPosition) &&
      header.endPosition - start < SEGMENT_BYTES_MAX &&
      header.fileBytes === file.size();
    if (isFit) {
      const { endPosition } = header;
      return { ...plain, endPosition, scavenged: new ScavengedSegment(header) };
    }
    const first = positionAt(file, SCAVENGED_HEADER_BYTES);
    const walks = first !== undefined && first >= start &&
      first !== positionOf(plain, SCAVENGED_HEADER_BYTES) &&
      (end ?? first) - start < SEGMENT_BYTES_MAX && first <= (end ?? first);
    return walks
      ? {
        ...plain,
        endPosition: end ?? start + SEGMENT_BYTES_MAX,
        walksFrom: SCAVENGED_HEADER_BYTES,
      }
      : plain;
  } catch {
    return plain;
  } finally {
    file.close();
  }
}

/** Log position of the record at an offset; undefined: there is none. */
function positionAt(file: DiskFile, offset: number): number | undefined {
  const bytes = readUpTo(file, offset, RECORD_HEADER_BYTES_MAX);
  const available = bytes.array.length;
  if (available < RECORD_BYTES_MIN) return undefined;
  const position = getSafeUint64(bytes.view, 8);
  const fault = checkRecord(bytes, 0, { available, position, withBody: false });
  return fault === undefined ? position : undefined;
}
