/**
 * Makes committed batches visible to readers and tells listeners.
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
import type { Batch } from "./batch.ts";

type CommitListener = (events: readonly CommitHint[]) => void;

export class Publisher {
  readonly #lists: ListDirectory;
  readonly #logger: Logger;
  /** Each with the streams that it wants to hear of. */
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

  /** Makes a committed batch visible, whole and at once. */
  publish(batch: Batch): void {
    if (batch.isEmpty) return;
    const { touchedLists, touchedNexts, tombstonedLists, segment } = batch;
    const { visibleNext, visibleFlags } = this.#lists;
    for (let index = 0; index < touchedLists.length; index++) {
      visibleNext[touchedLists[index] ?? 0] = touchedNexts[index] ?? 0;
    }
    for (const listId of tombstonedLists) {
      visibleFlags[listId] = LIST_TOMBSTONED;
    }
    invariant(segment !== undefined, "A batch has a segment");
    segment.endPosition = batch.endPosition;
    segment.checksum = batch.checksum;
    this.end = batch.endPosition;
    this.lastPosition = batch.lastPosition;
    if (this.#listeners.size > 0) this.#notify(batch);
  }

  #notify(batch: Batch): void {
    for (const [listener, isOf] of this.#listeners) {
      const events = batch.committedEvents(isOf);
      if (events.length === 0) continue;
      try {
        listener(events);
      } catch (error) {
        // What a listener does wrong must not take back a commit.
        this.#logger.error("store.listener_failed", { reason: String(error) });
      }
    }
  }
}
