/**
 * Reads what is whole of a segment, past damage, in the order of the log.
 *
 * @module
 */

import type { DiskFile } from "../disk/disk.ts";
import type { LogRecord } from "../log/log_record.ts";
import { RecordScanner } from "../log/record_scanner.ts";
import { RemainsScanner } from "../log/remains_scanner.ts";
import type { Segment } from "../log/segment.ts";
import { findRecordBeyond } from "../recovery/search_records.ts";
import type { LossSink } from "./loss_sink.ts";
import type { PlacedSegment } from "../recovery/place_segment.ts";
import { walkRecords } from "./walk_records.ts";

const SCAN_CHUNK_BYTES = 1024 * 1024;

/**
 * All whole records up to the segment's `endPosition`. Each is valid until the
 * next one is asked for.
 */
export function* wholeRecords(
  file: DiskFile,
  segment: PlacedSegment,
  sink: LossSink,
): Generator<LogRecord> {
  const { walksFrom } = segment;
  if (walksFrom !== undefined) {
    yield* walkRecords(file, { ...segment, walksFrom }, sink);
    return;
  }
  if (segment.remains !== undefined) {
    yield* whatStayed(file, segment, sink);
    return;
  }
  let scanner = new RecordScanner(
    file,
    segment,
    segment.startPosition,
    SCAN_CHUNK_BYTES,
  );
  for (;;) {
    const { position } = scanner;
    const record = scanner.next({ withBodies: true });
    if (record === undefined) return;
    if (typeof record !== "string") {
      yield record;
      continue;
    }
    let next: number | undefined;
    if (record === "badBody") {
      const head = new RecordScanner(file, segment, position).next({
        withBodies: false,
      });
      if (head !== undefined && typeof head !== "string") {
        sink.lostRecord(head);
        next = position + head.lengthBytes;
      }
    }
    next ??= findRecordBeyond(file, segment, position);
    const isBeyond = next === undefined || next >= segment.endPosition;
    sink.lost(position, isBeyond ? segment.endPosition : next ?? 0);
    if (isBeyond || next === undefined) return;
    scanner = new RecordScanner(file, segment, next, SCAN_CHUNK_BYTES);
  }
}

function* whatStayed(
  file: DiskFile,
  segment: Segment,
  sink: LossSink,
): Generator<LogRecord> {
  const scanner = new RemainsScanner(file, segment, segment.startPosition);
  let lostFrom: number | undefined;
  for (;;) {
    const { position } = scanner;
    const record = scanner.next({ withBodies: true });
    if (typeof record === "string") {
      lostFrom ??= position;
      if (scanner.skipDamage()) continue;
    }
    const isRecord = typeof record === "object";
    if (lostFrom !== undefined) {
      // The next record alone tells how far the damage may reach.
      sink.lost(lostFrom, isRecord ? record.logPosition : segment.endPosition);
      lostFrom = undefined;
    }
    if (!isRecord) return;
    yield record;
  }
}
