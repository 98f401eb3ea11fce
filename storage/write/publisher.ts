/**
 * Makes committed groups visible to readers and tells listeners.
 *
 * @module
 */

import { invariant } from "../../lib/model/errors.ts";
import type { CommitHint } from "../../lib/store/event_store.ts";
import type { Logger } from "../../lib/model/logger.ts";
import {
  LIST_TOMBSTONED,
  type ListDirectory,
} from "../index/list_directory.ts";
import type { CommitGroup } from "./commit_group.ts";

type CommitListener = (events: readonly CommitHint[]) => void;

export class Publisher {
  readonly #lists: ListDirectory;
  readonly #logger: Logger;
  /** Each with a predicate for its streams. */
  readonly #listeners = new Map<CommitListener, (name: string) => boolean>();
  /** Position after the last record that readers may trust. */
  end: number;
  /** Position of that record, -1 for an empty log. */
  lastPosition: number;

  constructor(options: {
    lists: ListDirectory;
    logger: Logger;
    end: number;
    lastPosition: number;
  }) {
    this.#lists = options.lists;
    this.#logger = options.logger;
    this.end = options.end;
    this.lastPosition = options.lastPosition;
  }

  /**
   * Calls the listener after each commit, until the returned function is
   * called; see `EventStore.watch`.
   */
  watch(
    listener: CommitListener,
    isOf: (streamName: string) => boolean = () => true,
  ): () => void {
    this.#listeners.set(listener, isOf);
    return () => this.#listeners.delete(listener);
  }

  /** Makes a committed group visible, whole and at once. */
  publish(group: CommitGroup): void {
    if (group.isEmpty) return;
    const { touchedLists, touchedNexts, tombstonedLists, segment } = group;
    const { visibleNext, visibleFlags } = this.#lists;
    for (let index = 0; index < touchedLists.length; index++) {
      visibleNext[touchedLists[index] ?? 0] = touchedNexts[index] ?? 0;
    }
    for (const listId of tombstonedLists) {
      visibleFlags[listId] = LIST_TOMBSTONED;
    }
    invariant(segment !== undefined, "A group has a segment");
    segment.endPosition = group.endPosition;
    segment.checksum = group.checksum;
    this.end = group.endPosition;
    this.lastPosition = group.lastPosition;
    if (this.#listeners.size > 0) this.#notify(group);
  }

  #notify(group: CommitGroup): void {
    for (const [listener, isOf] of this.#listeners) {
      const events = group.committedEvents(isOf);
      if (events.length === 0) continue;
      try {
        listener(events);
      } catch (error) {
        // A listener that fails must not undo a commit.
        this.#logger.error("store.listener_failed", { reason: String(error) });
      }
    }
  }
}
