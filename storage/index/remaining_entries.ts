/**
 * Enters records of one segment in a memtable by the ordinals that stand in
 * them: what an index file is made from when the segment is not the newest, or
 * when records were taken out of it.
 *
 * @module
 */

import type { LogRecord } from "../log/log_record.ts";
import { giveBack } from "../log/bytes.ts";
import { FLAG_TOMBSTONE, NO_ORDINAL } from "../log/record.ts";
import { offsetOf, type Segment } from "../log/segment.ts";
import { GONE_OFFSET } from "./index_file.ts";
import { type ListDirectory, NO_LIST } from "./list_directory.ts";
import { Membership } from "./membership.ts";
import { Memtable } from "./memtable.ts";
import { isPlaceable } from "./ordinal_rule.ts";

export class RemainingEntries {
  readonly memtable = new Memtable();
  readonly #lists: ListDirectory;
  #segment: Segment;
  readonly #membership = new Membership();
  /** Of lists with entries, by list id. */
  #firstOrdinals: Float64Array<ArrayBuffer>;

  constructor(lists: ListDirectory, segment: Segment) {
    this.#lists = lists;
    this.#segment = segment;
    this.#firstOrdinals = new Float64Array(lists.size + (lists.size >>> 3));
  }

  /**
   * Forgets everything, and keeps the memory for another segment.
   *
   * @param recordCount Records that may come. Default: room is made as they do.
   */
  begin(segment: Segment, recordCount = 0): void {
    const { memtable } = this;
    memtable.clear();
    memtable.reserve({ count: recordCount, listCount: this.#lists.size });
    this.#segment = segment;
  }

  /** Gives the memory back; it cannot be used any more. */
  [Symbol.dispose](): void {
    this.memtable.giveBack();
    giveBack(this.#firstOrdinals);
  }

  /** Enters the next record, with its body. */
  enter(record: LogRecord): void {
    const lists = this.#lists;
    const { memtable } = this;
    const membership = this.#membership;
    const streamId = lists.findOrCreate("stream", record.streamName);
    const isTombstone = (record.flags & FLAG_TOMBSTONE) !== 0;
    const offset = offsetOf(this.#segment, record.logPosition);
    memtable.addRecord(offset, record.createdAtUs);
    // Nobody looks for one of them here.
    memtable.ids.addLater(record.hashId(lists.hashes[streamId] ?? 0), offset);
    membership.find(lists, streamId, record);
    const { categoryList, typeList, streamsList, categoryStreamsList } =
      membership;
    this.#enterIn(isTombstone ? NO_LIST : streamId, record.eventNumber, offset);
    this.#enterIn(categoryList, record.categoryOrdinal, offset);
    this.#enterIn(typeList, record.typeOrdinal, offset);
    this.#enterIn(streamsList, record.streamsOrdinal, offset);
    this.#enterIn(categoryStreamsList, record.categoryStreamsOrdinal, offset);
    if (isTombstone) memtable.tombstoned.push(streamId);
  }

  /** Ordinal of a list's first entry. */
  firstOrdinalOf(listId: number): number {
    // Of a stream with nothing but its tombstone here: where it ended.
    return this.memtable.lengthOf(listId) > 0
      ? this.#firstOrdinals[listId] ?? 0
      : this.#lists.decidedNext[listId] ?? 0;
  }

  #enterIn(listId: number, ordinal: number, offset: number): void {
    if (listId === NO_LIST || ordinal === NO_ORDINAL) return;
    const { memtable } = this;
    const length = memtable.lengthOf(listId);
    if (listId >= this.#firstOrdinals.length) this.#growTo(listId + 1);
    if (length === 0) this.#firstOrdinals[listId] = ordinal;
    else {
      const next = (this.#firstOrdinals[listId] ?? 0) + length;
      if (!isPlaceable(ordinal, next, false)) return;
      for (let gone = next; gone < ordinal; gone++) {
        memtable.addToList(listId, GONE_OFFSET);
      }
    }
    memtable.addToList(listId, offset);
  }

  #growTo(listCount: number): void {
    const before = this.#firstOrdinals;
    this.#firstOrdinals = new Float64Array(listCount + (listCount >>> 3));
    this.#firstOrdinals.set(before);
    giveBack(before);
  }
}
