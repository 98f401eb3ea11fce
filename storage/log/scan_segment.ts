/**
 * Reads a segment that has no index file, batch by batch, and finds where it ends.
 *
 * @module
 */

import type { LogRecord } from "./log_record.ts";
import { type LogFault, type SegmentFile, WalkFault } from "./segment_file.ts";

export interface ScanResult {
  /** Log position after the last whole batch. */
  readonly validEnd: number;
  /** Header CRC of its last record; the segment's own checksum if none. */
  readonly checksum: number;
  readonly lastPosition: number;
  readonly lastCreatedAtUs: number;
  /** The fault that ends the segment; undefined when it ends with a whole batch. */
  readonly fault: LogFault | undefined;
  /** Position at which the fault was found. */
  readonly faultPosition: number;
  /** Whether a record with a whole header stands behind the fault. */
  readonly isFollowed: () => boolean;
}

const SCAN_CHUNK_BYTES = 1024 * 1024;

/**
 * Scans a segment from its start up to the end of its file, which its
 * `endPosition` must say.
 *
 * @param start The time and position of the last record before those to scan,
 * the checksum that the first of them must name, and its own position: the
 * segment's start by default.
 * @param onBatch Called with the records of each whole batch.
 * @param onOlder Called with a record that is older than the one before it: it
 * counts all the same.
 */
export function scanSegment(
  source: SegmentFile,
  start: {
    checksum: number;
    lastPosition: number;
    lastCreatedAtUs: number;
    position?: number;
  },
  onBatch: (records: readonly LogRecord[]) => void,
  onOlder: (record: LogRecord) => void = () => {},
): ScanResult {
  const walk = source.walk({
    from: start.position,
    previousCrc: start.checksum,
    createdAtUs: start.lastCreatedAtUs,
    isKept: true,
    chunkBytes: SCAN_CHUNK_BYTES,
  });
  let { checksum, lastPosition, lastCreatedAtUs } = start;
  let validEnd = walk.position;
  let fault: WalkFault | undefined;
  let batch: LogRecord[] = [];
  for (const step of walk) {
    if (step instanceof WalkFault) {
      if (step.fault === "badTime" && step.record !== undefined) {
        onOlder(step.record);
        continue;
      }
      fault = step;
      break;
    }
    batch.push(step);
    if (!walk.isAtBatchEnd) continue;
    onBatch(batch);
    batch = [];
    validEnd = walk.position;
    checksum = step.headerCrc;
    lastPosition = walk.lastPosition;
    lastCreatedAtUs = Math.max(lastCreatedAtUs, walk.createdAtUs);
  }
  const { scavenged } = source.segment;
  // A scavenged segment ends where it did before records were taken out.
  if (scavenged !== undefined && fault === undefined) {
    validEnd = scavenged.header.endPosition;
    ({ checksum, lastPosition, lastCreatedAtUs } = scavenged.header);
  }
  return {
    validEnd,
    checksum,
    lastPosition,
    lastCreatedAtUs,
    fault: fault?.fault,
    faultPosition: fault?.position ?? validEnd,
    isFollowed: () => fault?.next() !== undefined,
  };
}
