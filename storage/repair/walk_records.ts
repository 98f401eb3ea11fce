/**
 * Reads a scavenged segment of which nothing is known but that its records
 * stand one after another: from each to the next by its length.
 *
 * Behind a header that is damaged nobody knows where the next record begins,
 * and it is not searched for: without a place that it must stand at, what a
 * client once wrote into an event could pass for one.
 *
 * Whether all were found the places behind them say: they follow from the
 * records.
 *
 * @module
 */

import { type DiskFile, readExactly } from "../disk/disk.ts";
import { LIST_KINDS } from "../index/list_directory.ts";
import { bytesOf, getSafeUint64, readName } from "../log/bytes.ts";
import { LogRecord } from "../log/log_record.ts";
import { checkRecord, RECORD_BYTES_MIN } from "../log/record.ts";
import { readUpTo } from "../log/record_scanner.ts";
import { type ListEnd, STRETCH_BYTES } from "../log/remains.ts";
import type { LossSink } from "./loss_sink.ts";
import {
  HEADER_BYTES_MAX,
  type PlacedSegment,
} from "../recovery/place_segment.ts";

const PLACE_BYTES = 8;

/** A record that the places must name. */
interface Place {
  readonly position: number;
  readonly offset: number;
}

/** All records that are found; each is valid until the next one is asked for. */
export function* walkRecords(
  file: DiskFile,
  segment: PlacedSegment & { readonly walksFrom: number },
  sink: LossSink,
): Generator<LogRecord> {
  const sizeBytes = file.size();
  const places: Place[] = [];
  let offset = segment.walksFrom;
  let least = segment.startPosition;
  for (;;) {
    const left = sizeBytes - offset;
    if (left < RECORD_BYTES_MIN) break;
    const head = readUpTo(file, offset, Math.min(HEADER_BYTES_MAX, left));
    const position = getSafeUint64(head.view, 8);
    const lengthBytes = head.view.getUint32(0, true);
    const end = position + lengthBytes;
    const isRecord = position >= least && end <= segment.endPosition &&
      lengthBytes <= left && checkRecord(head, 0, {
          available: head.array.length,
          position,
          withBody: false,
        }) === undefined;
    if (!isRecord) break;
    const last = places.at(-1);
    if (last === undefined || offset - last.offset >= STRETCH_BYTES) {
      places.push({ position, offset });
    }
    const bytes = lengthBytes <= head.array.length
      ? head
      : readUpTo(file, offset, lengthBytes);
    const fault = checkRecord(bytes, 0, {
      available: bytes.array.length,
      position,
      withBody: true,
    });
    if (fault === undefined) {
      yield new LogRecord(bytes, 0, { withBodies: true });
    } else {
      sink.lostRecord(new LogRecord(head, 0, { withBodies: false }));
      sink.lost(position, end);
    }
    offset += lengthBytes;
    least = end;
  }
  const ends = endsBehind(file, offset, places);
  if (ends === undefined) {
    sink.lost(least, segment.endPosition);
    return;
  }
  for (const end of ends) sink.listEnd?.(end);
  sink.complete?.();
}

/**
 * What the tables behind the last record say of lists, if these are the tables
 * that follow from the records; undefined: records are missing.
 */
function endsBehind(
  file: DiskFile,
  offset: number,
  places: readonly Place[],
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
  return parseEnds(tables, endsAt);
}

/** Ends, as far as they are what such a table can hold to its last byte. */
function parseEnds(tables: Uint8Array, from: number): ListEnd[] {
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
