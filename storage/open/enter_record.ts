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

/** The structures that a segment is entered in. */
interface EnteredSegment {
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
export function enterRecord(record: LogRecord, to: EnteredSegment): boolean {
  const { index, memtable, segment, isScavenged } = to;
  const { lists } = index;
  const { flags } = record;
  const streamId = lists.findOrCreate("stream", record.streamName);
  const isTombstone = (flags & FLAG_TOMBSTONE) !== 0;
  MEMBERSHIP.find(lists, streamId, record);
  const offset = offsetOf(segment, record.logPosition);
  memtable.addRecord(offset, record.createdAtUs);
  memtable.ids.addLater(record.hashId(lists.hashes[streamId] ?? 0), offset);
  const { categoryList, typeList, streamsList, categoryStreamsList } =
    MEMBERSHIP;
  let fits = true;
  // A stream that was imported may begin later than with 0.
  if (!isTombstone) {
    const mayBeLate = isScavenged || lists.decidedNext[streamId] === 0;
    fits = enterIn(to, streamId, record.eventNumber, offset, mayBeLate);
  }
  const { categoryOrdinal, typeOrdinal } = record;
  fits = enterIn(to, categoryList, categoryOrdinal, offset, isScavenged) &&
    fits;
  fits = enterIn(to, typeList, typeOrdinal, offset, isScavenged) && fits;
  if ((flags & FLAG_FIRST) !== 0) {
    const { streamsOrdinal, categoryStreamsOrdinal: ordinal } = record;
    fits = enterIn(to, streamsList, streamsOrdinal, offset, isScavenged) &&
      fits;
    fits = enterIn(to, categoryStreamsList, ordinal, offset, isScavenged) &&
      fits;
  }
  if (isTombstone) {
    memtable.tombstoned.push(streamId);
    lists.decidedFlags[streamId] = LIST_TOMBSTONED;
    lists.visibleFlags[streamId] = LIST_TOMBSTONED;
  }
  return !fits;
}

/**
 * Enters a record in a list, if it can stand there.
 *
 * @param mayBeLate Whether the list may go on with a later ordinal than the
 * next one.
 * @returns Whether it follows from what the list holds.
 */
function enterIn(
  { index, memtable }: EnteredSegment,
  listId: number,
  ordinal: number,
  offset: number,
  mayBeLate: boolean,
): boolean {
  if (listId === NO_LIST) return ordinal === NO_ORDINAL;
  const { lists } = index;
  const next = lists.decidedNext[listId] ?? 0;
  let fits = true;
  if (ordinal !== next) {
    if (!isPlaceable(ordinal, next, !index.hasUnsealed(listId))) return false;
    fits = mayBeLate;
    skipTo(index, memtable, listId, ordinal);
  }
  memtable.addToList(listId, offset);
  lists.decidedNext[listId] = ordinal + 1;
  lists.visibleNext[listId] = ordinal + 1;
  return fits;
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
