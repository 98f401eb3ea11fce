/**
 * Enters records of the log in a memtable while the store opens.
 *
 * @module
 */

import { GONE_OFFSET } from "../index/index_file.ts";
import { LIST_TOMBSTONED, NO_LIST } from "../index/list_directory.ts";
import { Membership } from "../index/membership.ts";
import type { Memtable } from "../index/memtable.ts";
import { isPlaceable } from "../index/ordinal_rule.ts";
import type { StoreIndex } from "../index/store_index.ts";
import type { LogRecord } from "../log/log_record.ts";
import { FLAG_FIRST, FLAG_TOMBSTONE, NO_ORDINAL } from "../log/record.ts";
import { offsetOf, type Segment } from "../log/segment.ts";

/** Lists of the record that is entered. */
const MEMBERSHIP = new Membership();

/** What a segment is entered in. */
export interface EnteredSegment {
  readonly index: StoreIndex;
  readonly memtable: Memtable;
  readonly segment: Segment;
  /** Whether records before it may be gone. */
  readonly isScavenged: boolean;
}

/**
 * Enters a committed record as the writer did when it was written: in each of
 * its lists where it says that it is.
 *
 * @returns Whether it contradicts the records before it: then it is left out of
 * the lists in which it cannot stand (see `ordinal_rule.ts`).
 */
export function enterRecord(
  record: LogRecord,
  { index, memtable, segment, isScavenged }: EnteredSegment,
): boolean {
  const { lists } = index;
  const streamId = lists.findOrCreate("stream", record.streamName);
  const isTombstone = (record.flags & FLAG_TOMBSTONE) !== 0;
  MEMBERSHIP.find(lists, streamId, record);
  const offset = offsetOf(segment, record.logPosition);
  memtable.addRecord(offset, record.createdAtUs);
  memtable.ids.addLater(record.hashId(lists.hashes[streamId] ?? 0), offset);
  let contradicts = false;

  function enterAt(listId: number, ordinal: number, mayBeLate: boolean): void {
    if (listId === NO_LIST) {
      contradicts ||= ordinal !== NO_ORDINAL;
      return;
    }
    const next = lists.decidedNext[listId] ?? 0;
    if (ordinal !== next) {
      contradicts ||= !mayBeLate || ordinal < next;
      if (!isPlaceable(ordinal, next, !index.hasUnsealed(listId))) {
        contradicts = true;
        return;
      }
      skipTo(index, memtable, listId, ordinal);
    }
    memtable.addToList(listId, offset);
    lists.decidedNext[listId] = ordinal + 1;
    lists.visibleNext[listId] = ordinal + 1;
  }

  const { categoryList, typeList, streamsList, categoryStreamsList } =
    MEMBERSHIP;
  // A stream that was imported may begin later than with 0.
  if (!isTombstone) {
    const isLate = lists.decidedNext[streamId] === 0;
    enterAt(streamId, record.eventNumber, isScavenged || isLate);
  }
  enterAt(categoryList, record.categoryOrdinal, isScavenged);
  enterAt(typeList, record.typeOrdinal, isScavenged);
  if ((record.flags & FLAG_FIRST) !== 0) {
    enterAt(streamsList, record.streamsOrdinal, isScavenged);
    enterAt(categoryStreamsList, record.categoryStreamsOrdinal, isScavenged);
  }
  if (isTombstone) {
    memtable.tombstoned.push(streamId);
    lists.decidedFlags[streamId] = LIST_TOMBSTONED;
    lists.visibleFlags[streamId] = LIST_TOMBSTONED;
  }
  return contradicts;
}

/** Makes an ordinal the list's next one: those before it are gone. */
export function skipTo(
  index: StoreIndex,
  memtable: Memtable,
  listId: number,
  ordinal: number,
): void {
  if (listId === NO_LIST) return;
  const { lists } = index;
  const next = lists.decidedNext[listId] ?? 0;
  if (ordinal <= next) return;
  // In memory a list has no gaps.
  if (index.hasUnsealed(listId)) {
    for (let gone = next; gone < ordinal; gone++) {
      memtable.addToList(listId, GONE_OFFSET);
    }
  }
  lists.decidedNext[listId] = ordinal;
  lists.visibleNext[listId] = ordinal;
}
