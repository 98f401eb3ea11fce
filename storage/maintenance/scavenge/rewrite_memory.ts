/**
 * Memory that writing a segment anew takes, up to a hundred megabytes: one set
 * for all segments of a scavenge. A set for each would pile up until the
 * garbage collector gets round to it.
 *
 * @module
 */

import { type ListDirectory, NO_LIST } from "../../index/list_directory.ts";
import { Membership } from "../../index/membership.ts";
import { RemainingEntries } from "../../index/remaining_entries.ts";
import { Uint32List } from "../../index/uint32_list.ts";
import type { LogRecord } from "../../log/log_record.ts";
import type { ListEnd } from "../../log/scavenged_segment.ts";
import type { Segment } from "../../log/segment.ts";
import { ListSet } from "./list_set.ts";

export class RewriteMemory {
  readonly #lists: ListDirectory;
  #entries: RemainingEntries | undefined;
  readonly ends: ListEnds;
  /** Streams that lost events. */
  readonly streams: ListSet;

  constructor(lists: ListDirectory) {
    this.#lists = lists;
    this.ends = new ListEnds(lists);
    this.streams = new ListSet(lists.size);
  }

  /** Gives it back to the machine; it cannot be used any more. */
  [Symbol.dispose](): void {
    this.#entries?.[Symbol.dispose]();
    this.#entries = undefined;
  }

  /**
   * Takes back all of it, for another segment.
   *
   * @param recordCount Records that it has.
   */
  begin(segment: Segment, recordCount: number): RemainingEntries {
    this.ends.clear();
    this.streams.clear();
    this.#entries ??= new RemainingEntries(this.#lists, segment);
    this.#entries.begin(segment, recordCount);
    return this.#entries;
  }
}

class ListEnds {
  readonly #lists: ListDirectory;
  readonly #membership = new Membership();
  readonly #listIds = new Uint32List();
  /** Ordinal after the last entry, of each of them. */
  #nexts = new Float64Array(256);

  constructor(lists: ListDirectory) {
    this.#lists = lists;
  }

  /** Forgets all of them: another segment begins. */
  clear(): void {
    this.#listIds.length = 0;
  }

  /** Takes what a segment said before it is scavenged again. */
  addKnown(listId: number, next: number): void {
    this.#add(listId, next);
  }

  /** Takes an event that is removed; it is no tombstone. */
  addRemoved(streamId: number, record: LogRecord): void {
    const membership = this.#membership;
    membership.find(this.#lists, streamId, record);
    const { categoryList, typeList, streamsList, categoryStreamsList } =
      membership;
    this.#add(streamId, record.eventNumber + 1);
    this.#add(categoryList, record.categoryOrdinal + 1);
    this.#add(typeList, record.typeOrdinal + 1);
    this.#add(streamsList, record.streamsOrdinal + 1);
    this.#add(categoryStreamsList, record.categoryStreamsOrdinal + 1);
  }

  /** Lists that still end there. */
  *all(): Generator<ListEnd> {
    const lists = this.#lists;
    const listIds = this.#listIds.values();
    const seen = new ListSet(lists.size);
    for (let index = 0; index < listIds.length; index++) {
      const listId = listIds[index] ?? NO_LIST;
      const next = this.#nexts[index] ?? 0;
      if (lists.visibleNext[listId] !== next || !seen.add(listId)) continue;
      yield {
        kind: lists.kinds[listId] ?? 0,
        name: lists.nameOf(listId),
        next,
      };
    }
  }

  #add(listId: number, next: number): void {
    // A list that goes on in a later segment ends there.
    if (listId === NO_LIST || this.#lists.visibleNext[listId] !== next) return;
    const index = this.#listIds.length;
    if (index === this.#nexts.length) {
      const grown = new Float64Array(index * 2);
      grown.set(this.#nexts);
      this.#nexts = grown;
    }
    this.#listIds.push(listId);
    this.#nexts[index] = next;
  }
}
