/**
 * Enters where the lists of sealed segments end, while the log is loaded.
 *
 * @module
 */

import type { HeadsSnapshot } from "../index/heads_snapshot.ts";
import type { StoreIndex } from "../index/store_index.ts";
import type { Segment } from "../log/segment.ts";

/**
 * Enters where lists end: up to the snapshot's segment from the snapshot, if
 * there is one that fits, and from the index files of all others.
 */
export class Heads {
  readonly #index: StoreIndex;
  #snapshot: HeadsSnapshot | undefined;
  /** Sealed segments that are not entered yet. */
  #waiting: number[] = [];

  /** @param usesSnapshot Whether to use the snapshot, if there is one. */
  constructor(index: StoreIndex, usesSnapshot: boolean) {
    this.#index = index;
    this.#snapshot = usesSnapshot ? index.openSnapshot() : undefined;
  }

  /** Whether the snapshot, rather than its index file, speaks for a segment. */
  covers(segment: Segment): boolean {
    return this.#snapshot !== undefined &&
      segment.number <= this.#snapshot.segmentNumber;
  }

  /** Takes the next sealed segment, oldest first. */
  take(segment: Segment): void {
    this.#waiting.push(segment.number);
    const snapshot = this.#snapshot;
    if (snapshot === undefined) this.enterAll();
    else if (segment.number === snapshot.segmentNumber) {
      if (snapshot.checksum === segment.checksum) this.#enterSnapshot(snapshot);
      this.enterAll();
    }
  }

  /** Enters what waits, without the snapshot. */
  enterAll(): void {
    for (const number of this.#waiting) this.#index.enterSealed(number);
    this.#waiting = [];
    this.#snapshot?.close();
    this.#snapshot = undefined;
  }

  #enterSnapshot(snapshot: HeadsSnapshot): void {
    try {
      snapshot.enter(this.#index.lists);
      this.#waiting = [];
    } catch {
      // A snapshot that cannot be read is no loss: the index files say it all
      // again.
    }
  }
}
