/**
 * Reads a segment that has no index file, run by run, and finds where it ends.
 *
 * @module
 */

import type { LogRecord } from "../log/log_record.ts";
import { FLAG_RUN_END, type RecordFault } from "../log/record.ts";
import { RecordScanner } from "../log/record_scanner.ts";
import type { DiskFile } from "../disk/disk.ts";
import type { Segment } from "../log/segment.ts";

/** What ends the readable part of a segment before its file ends. */
export type ScanFault = RecordFault | "badChain" | "badRun" | "badTime";

export interface ScanResult {
  /** Log position after the last whole run. */
  readonly validEnd: number;
  /** Header CRC of its last record; the segment's own checksum if none. */
  readonly checksum: number;
  readonly lastPosition: number;
  readonly lastCreatedAtUs: number;
  /** Undefined when the file ends with a whole run. */
  readonly fault: ScanFault | undefined;
  /** Position at which the fault was found. */
  readonly faultPosition: number;
}

const SCAN_CHUNK_BYTES = 1024 * 1024;

/**
 * Scans a segment from its start up to the end of its file, which its
 * `endPosition` must say.
 *
 * @param start The time and position of the last record before those to scan,
 * the checksum that the first of them must name, and its own position: the
 * segment's start by default.
 * @param onRun Called with the records of each whole run.
 */
export function scanSegment(
  file: DiskFile,
  segment: Segment,
  start: {
    checksum: number;
    lastPosition: number;
    lastCreatedAtUs: number;
    position?: number;
  },
  onRun: (records: readonly LogRecord[]) => void,
): ScanResult {
  const { position: startPosition = segment.startPosition } = start;
  const scanner = new RecordScanner(
    file,
    segment,
    startPosition,
    SCAN_CHUNK_BYTES,
  );
  let { checksum, lastPosition, lastCreatedAtUs } = start;
  let validEnd = startPosition;
  let chainCrc = checksum;
  let runTimeUs = lastCreatedAtUs;
  let run: LogRecord[] = [];

  const ended = (
    fault: ScanFault | undefined,
    faultPosition: number,
  ): ScanResult => ({
    validEnd,
    checksum,
    lastPosition,
    lastCreatedAtUs,
    fault,
    faultPosition,
  });

  while (true) {
    const position = scanner.position;
    const record = scanner.next({ withBodies: true });
    if (record === undefined) {
      return ended(run.length > 0 ? "badRun" : undefined, position);
    }
    if (typeof record === "string") return ended(record, position);
    if (record.previousCrc !== chainCrc) return ended("badChain", position);
    if (record.indexInRun !== run.length) return ended("badRun", position);
    if (record.createdAtUs < runTimeUs) return ended("badTime", position);
    chainCrc = record.headerCrc;
    runTimeUs = record.createdAtUs;
    run.push(record);
    if ((record.flags & FLAG_RUN_END) !== 0) {
      onRun(run);
      run = [];
      validEnd = scanner.position;
      checksum = chainCrc;
      lastPosition = position;
      lastCreatedAtUs = runTimeUs;
    }
  }
}
