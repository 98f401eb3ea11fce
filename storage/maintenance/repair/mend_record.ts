/**
 * Makes records fit that are whole and contradict those before them: they get
 * the next number or ordinal, or the time of the record before. Everything that
 * a client wrote stays as it is, and so does the record's position.
 *
 * @module
 */

import type { ListDirectory } from "../../index/list_directory.ts";
import { NO_LIST } from "../../index/list_directory.ts";
import type { Membership } from "../../index/membership.ts";
import { isPlaceable } from "../../index/ordinal_rule.ts";
import { bytesOf, GrowingBytes } from "../../log/bytes.ts";
import { LogRecord } from "../../log/log_record.ts";
import {
  encodeRecord,
  FLAG_FIRST,
  FLAG_TOMBSTONE,
  NO_ORDINAL,
} from "../../log/record.ts";

/** The new contents of a record. */
export interface Mend {
  readonly eventNumber: number;
  readonly createdAtUs: number;
  readonly flags: number;
  readonly categoryOrdinal: number;
  readonly typeOrdinal: number;
  readonly streamsOrdinal: number;
  readonly categoryStreamsOrdinal: number;
}

/**
 * Finds out what a record has to say.
 *
 * @param options `nextOf`: a list's next ordinal; `maySkip`: whether records
 * are gone, so that ordinals may be skipped by any number; `leastTimeUs`: time
 * of the record before.
 * @returns Undefined when it is right.
 */
export function mendOf(
  record: LogRecord,
  options: {
    readonly lists: ListDirectory;
    readonly membership: Membership;
    readonly nextOf: (listId: number) => number;
    readonly maySkip: boolean;
    readonly leastTimeUs: number;
  },
): Mend | undefined {
  const { lists, membership, nextOf, maySkip, leastTimeUs } = options;
  const { streamName, eventType, isJson, data, isInCategory } = record;
  const streamId = lists.findOrCreate("stream", streamName);

  let skips = false;

  function placeIn(listId: number, ordinal: number): number {
    if (listId === NO_LIST) return NO_ORDINAL;
    const next = nextOf(listId);
    // A stream that was imported may begin later than with 0.
    const isLate = listId === streamId && next === 0;
    if (ordinal === next) return ordinal;
    if (!isPlaceable(ordinal, next, maySkip || next === 0)) return next;
    // It stays where it is, in a segment that may have gaps.
    if (!maySkip && !isLate) skips = true;
    return ordinal;
  }

  const eventNumber = (record.flags & FLAG_TOMBSTONE) !== 0
    ? record.eventNumber
    : placeIn(streamId, record.eventNumber);
  membership.find(lists, streamId, {
    streamName,
    eventType,
    eventNumber,
    isJson,
    data,
    isInCategory,
  });
  const { categoryList, typeList, streamsList, categoryStreamsList } =
    membership;
  // A record cannot become longer: what has no such ordinals gets none.
  const isFirst = (record.flags & FLAG_FIRST) !== 0 && streamsList !== NO_LIST;
  const mend: Mend = {
    eventNumber,
    createdAtUs: Math.max(record.createdAtUs, leastTimeUs),
    flags: isFirst ? record.flags : record.flags & ~FLAG_FIRST,
    categoryOrdinal: placeIn(categoryList, record.categoryOrdinal),
    typeOrdinal: placeIn(typeList, record.typeOrdinal),
    streamsOrdinal: isFirst
      ? placeIn(streamsList, record.streamsOrdinal)
      : NO_ORDINAL,
    categoryStreamsOrdinal: isFirst
      ? placeIn(categoryStreamsList, record.categoryStreamsOrdinal)
      : NO_ORDINAL,
  };
  const isRight = !skips &&
    MENDED.every((field) => mend[field] === record[field]);
  return isRight ? undefined : mend;
}

const MENDED = [
  "eventNumber",
  "createdAtUs",
  "flags",
  "categoryOrdinal",
  "typeOrdinal",
  "streamsOrdinal",
  "categoryStreamsOrdinal",
] as const;

/** The record as it is to be; of its own bytes. */
export function mended(record: LogRecord, mend: Mend): LogRecord {
  const out = new GrowingBytes(record.lengthBytes);
  const { logPosition, indexInBatch, previousCrc, eventId } = record;
  const { streamName, eventType, data, metadata } = record;
  encodeRecord(out, {
    ...{ logPosition, indexInBatch, previousCrc, eventId },
    ...{ streamName, eventType, data, metadata },
    ...mend,
  });
  return new LogRecord(bytesOf(out.bytes()), 0, { withBodies: true });
}
