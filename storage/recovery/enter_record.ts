/**
 * Enters records of the log in a memtable while the store opens.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import { GONE_OFFSET } from "../index/index_file.ts";
import { LIST_TOMBSTONED, NO_LIST } from "../index/list_directory.ts";
import { Membership } from "../index/membership.ts";
import type { Memtable } from "../index/memtable.ts";
import type { StoreIndex } from "../index/store_index.ts";
import type { LogRecord } from "../log/log_record.ts";
import { FLAG_TOMBSTONE } from "../log/record.ts";
import { offsetOf, type Segment } from "../log/segment.ts";

/** Lists of the record that is entered. */
const MEMBERSHIP = new Membership();

/**
 * Enters a committed record as the writer did when it was written.
 *
 * @param isScavenged Whether records before it may be gone.
 * @throws {QuipuError} `damaged` when the stream's numbers are not what they
 * must be.
 */
export function enterRecord(
  index: StoreIndex,
  memtable: Memtable,
  segment: Segment,
  record: LogRecord,
  isScavenged: boolean,
): void {
  const { lists } = index;
  const { streamName, eventNumber, logPosition } = record;
  const streamId = lists.findOrCreate("stream", streamName);
  const isTombstone = (record.flags & FLAG_TOMBSTONE) !== 0;
  MEMBERSHIP.find(lists, streamId, record);
  if (isScavenged) {
    skipGone(index, memtable, {
      record,
      streamId: isTombstone ? NO_LIST : streamId,
      membership: MEMBERSHIP,
    });
  }
  // One that was imported may begin later than with 0.
  const isFirst = !isTombstone && lists.decidedNext[streamId] === 0;
  if (isFirst) skipTo(index, memtable, streamId, eventNumber);
  if (!isTombstone && eventNumber !== lists.decidedNext[streamId]) {
    throw damaged(
      `the record at position ${logPosition} has number ${eventNumber}, ` +
        `the stream is at ${lists.decidedNext[streamId]}`,
    );
  }
  const offset = offsetOf(segment, logPosition);
  memtable.addRecord(offset, record.createdAtUs);
  memtable.ids.addLater(record.hashId(lists.hashes[streamId] ?? 0), offset);
  MEMBERSHIP.enter(
    lists,
    memtable,
    { streamId: isTombstone ? NO_LIST : streamId, offset },
    {
      entered(listId, nextOrdinal) {
        lists.visibleNext[listId] = nextOrdinal;
      },
    },
  );
  if (isTombstone) {
    memtable.tombstoned.push(streamId);
    lists.decidedFlags[streamId] = LIST_TOMBSTONED;
    lists.visibleFlags[streamId] = LIST_TOMBSTONED;
  }
}

/** Goes on with each of a record's lists where the record says that it is. */
function skipGone(
  index: StoreIndex,
  memtable: Memtable,
  { record, streamId, membership }: {
    readonly record: LogRecord;
    readonly streamId: number;
    readonly membership: Membership;
  },
): void {
  const { categoryList, typeList, streamsList, categoryStreamsList } =
    membership;
  skipTo(index, memtable, streamId, record.eventNumber);
  skipTo(index, memtable, categoryList, record.categoryOrdinal);
  skipTo(index, memtable, typeList, record.typeOrdinal);
  skipTo(index, memtable, streamsList, record.streamsOrdinal);
  skipTo(index, memtable, categoryStreamsList, record.categoryStreamsOrdinal);
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

function damaged(what: string): QuipuError {
  return new QuipuError("damaged", `Cannot open the store: ${what}`);
}
