/**
 * The whole records of a segment, past damage, in the order of the log.
 *
 * Of a scavenged segment whose header is damaged nothing is known but that its
 * records stand one after another. Behind a damaged record header the rest of
 * such a segment is lost. Whether all of its records were found the places
 * behind them say: they follow from the records.
 *
 * @module
 */

import { type DiskFile, readExactly } from "../../disk/disk.ts";
import { LIST_KINDS } from "../../index/list_directory.ts";
import { bytesOf, getSafeUint64, readName } from "../../log/bytes.ts";
import { LogRecord } from "../../log/log_record.ts";
import { type ListEnd, STRETCH_BYTES } from "../../log/scavenged_segment.ts";
import type { RecordPlace, SegmentFile } from "../../log/segment_file.ts";

const PLACE_BYTES = 8;

/** Is told what cannot be read. */
interface LossSink {
  /** Positions [from, to) have no record that could be read. */
  lost(from: number, to: number): void;
  /** A record of which the header alone could be read. */
  lostRecord(record: LogRecord): void;
  /** Nothing of it is lost, but a record is not the one that belongs there. */
  exchanged?(): void;
  /** Of a segment whose header is damaged: where a list ended in it. */
  listEnd?(end: ListEnd): void;
  /** Of one: no record of it was missed. */
  complete?(): void;
}

/**
 * All whole records up to the segment's `endPosition`. Each is valid until the
 * next one is asked for.
 *
 * @param previousCrc What the first record must name; undefined: anything.
 */
export function* wholeRecords(
  source: SegmentFile,
  sink: LossSink,
  previousCrc?: number,
): Generator<LogRecord> {
  const { file, segment } = source;
  const walk = source.walk({ previousCrc });
  const isHeadless = segment.walksFrom !== undefined;
  const places: RecordPlace[] = [];
  let end: RecordPlace | undefined;
  for (const step of walk) {
    const isPassed = step instanceof LogRecord || step.fault === "badBody";
    if (isPassed && isHeadless) {
      const { recordOffset: offset, lastPosition: position } = walk;
      if (offset - (places.at(-1)?.offset ?? -Infinity) >= STRETCH_BYTES) {
        places.push({ offset, position });
      }
    }
    if (step instanceof LogRecord) yield step;
    else if (step.fault === "badChain" || step.fault === "badCount") {
      sink.exchanged?.();
    } else if (step.fault === "badBody" && step.record !== undefined) {
      const { logPosition, lengthBytes } = step.record;
      sink.lostRecord(step.record);
      sink.lost(logPosition, logPosition + lengthBytes);
    } else if (step.fault === "badBatch") sink.exchanged?.();
    else if (step.record !== undefined) continue;
    else if (isHeadless) end = step;
    else {
      sink.lost(step.position, step.next()?.position ?? segment.endPosition);
    }
  }
  if (!isHeadless) return;
  const ends = endsBehind(file, (end ?? walk).offset, places);
  if (ends === undefined) sink.lost(walk.position, segment.endPosition);
  else {
    for (const one of ends) sink.listEnd?.(one);
    sink.complete?.();
  }
}

/**
 * What the tables behind the last record say of lists, if these are the tables
 * that follow from the records; undefined: records are missing.
 */
function endsBehind(
  file: DiskFile,
  offset: number,
  places: readonly RecordPlace[],
): ListEnd[] | undefined {
  const tables = readExactly(file, offset, file.size() - offset);
  const endsAt = places.length * PLACE_BYTES;
  const first = places[0];
  if (tables === undefined || tables.length < endsAt || first === undefined) {
    return undefined;
  }
  const { view } = bytesOf(tables);
  // Where the segment began is not known for sure: distances are.
  const base = view.getUint32(0, true) - first.position;
  for (const [index, place] of places.entries()) {
    const at = index * PLACE_BYTES;
    const isIt = view.getUint32(at, true) === place.position + base &&
      view.getUint32(at + 4, true) === place.offset;
    if (!isIt) return undefined;
  }
  return endsTo(tables, endsAt);
}

/** Ends, as far as they are what such a table can hold to its last byte. */
function endsTo(tables: Uint8Array, from: number): ListEnd[] {
  const { view } = bytesOf(tables);
  const ends: ListEnd[] = [];
  for (let at = from; at < tables.length;) {
    if (at + 4 > tables.length) return [];
    const kind = view.getUint8(at);
    const nameEnd = at + 4 + view.getUint16(at + 2, true);
    const isFit = kind < LIST_KINDS.length && view.getUint8(at + 1) === 0 &&
      nameEnd + 8 <= tables.length;
    if (!isFit) return [];
    ends.push({
      kind,
      name: readName(tables, at + 4, nameEnd),
      next: getSafeUint64(view, nameEnd),
    });
    at = nameEnd + 8;
  }
  return ends;
}
