/**
 * Where lists end of which the last entry is removed. Somebody must remember
 * it: the next entry goes on from there.
 *
 * @module
 */

import type { ListDirectory } from "../index/list_directory.ts";
import { NO_LIST } from "../index/list_directory.ts";
import { Membership } from "../index/membership.ts";
import type { LogRecord } from "../log/log_record.ts";
import type { ListEnd } from "../log/remains.ts";

export class ListEnds {
  readonly #lists: ListDirectory;
  readonly #membership = new Membership();
  /** Ordinal after the last entry, by list. */
  readonly #nexts = new Map<number, number>();

  constructor(lists: ListDirectory) {
    this.#lists = lists;
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
    for (const [listId, next] of this.#nexts) {
      if (lists.visibleNext[listId] !== next) continue;
      yield {
        kind: lists.kinds[listId] ?? 0,
        name: lists.nameOf(listId),
        next,
      };
    }
  }

  #add(listId: number, next: number): void {
    if (listId === NO_LIST) return;
    // A list that goes on in a later segment ends there.
    if (this.#lists.visibleNext[listId] === next) {
      this.#nexts.set(listId, next);
    }
  }
}
