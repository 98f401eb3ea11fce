/**
 * Memory that writing a segment anew takes, up to a hundred megabytes: one set
 * for all segments of a scavenge. A set for each would pile up until the
 * garbage collector gets round to it.
 *
 * @module
 */

import type { ListDirectory } from "../../index/list_directory.ts";
import { RemainingEntries } from "../../index/remaining_entries.ts";
import type { Segment } from "../../log/segment.ts";
import { ListEnds } from "./list_ends.ts";
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
