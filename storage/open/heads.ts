/**
 * Enters where the lists of sealed segments end, while the log is loaded, and
 * what the active segment was left with by a clean stop.
 *
 * @module
 */

import {
  type ActiveEnd,
  type HeadsSnapshot,
  SealedDigest,
} from "../index/heads_snapshot.ts";
import type { Memtable } from "../index/memtable.ts";
import type { StoreIndex } from "../index/store_index.ts";
import type { Segment } from "../log/segment.ts";

/**
 * Enters where lists end: up to the snapshot's last sealed segment from the
 * snapshot, if there is one that fits, and from the index files of all others.
 */
export class Heads implements Disposable {
  readonly #index: StoreIndex;
  readonly #digest = new SealedDigest();
  #snapshot: HeadsSnapshot | undefined;
  #isEntered = false;
  /** Sealed segments that are not entered yet. */
  #waiting: number[] = [];

  /** @param usesSnapshot Whether to use the snapshot, if there is one. */
  constructor(index: StoreIndex, usesSnapshot: boolean) {
    this.#index = index;
    this.#snapshot = usesSnapshot ? index.openSnapshot() : undefined;
  }

  /** Whether the snapshot, rather than its index file, speaks for a segment. */
  covers(segment: Segment): boolean {
    return this.#snapshot !== undefined && !this.#isEntered &&
      segment.number < this.#snapshot.header.sealedCount;
  }

  /** Takes the next sealed segment, oldest first. */
  take(segment: Segment, storeId: string): void {
    this.#digest.add(segment);
    this.#waiting.push(segment.number);
    const { sealedCount, sealedDigest } = this.#snapshot?.header ?? NO_HEADER;
    if (this.#digest.count < sealedCount) return;
    if (this.#digest.count === sealedCount) {
      const isFit = this.#snapshot?.header.storeId === storeId &&
        this.#digest.value === sealedDigest;
      if (isFit) this.#enterSnapshot();
    }
    this.enterAll();
  }

  /**
   * Where a clean stop left the segment, if it did and the snapshot fits all
   * segments before.
   */
  endOf(segment: Segment, storeId: string): ActiveEnd | undefined {
    const { header } = this.#snapshot ?? {};
    const { active } = header ?? {};
    const isFit = header?.storeId === storeId &&
      active?.number === segment.number &&
      active.generation === segment.generation &&
      header.sealedCount === segment.number &&
      (this.#isEntered || header.sealedCount === 0);
    return isFit ? active : undefined;
  }

  /**
   * What the segment that `endOf()` spoke of holds up to there, its lists
   * entered; undefined when that cannot be read.
   */
  takeActive(): Memtable | undefined {
    const { lists } = this.#index;
    try {
      const memtable = this.#snapshot?.readMemtable();
      if (memtable === undefined) return undefined;
      if (!this.#isEntered) {
        this.#snapshot?.enter(lists);
        this.#noteEntered();
      }
      this.#index.snapshotEnd = this.#snapshot?.header.active?.endPosition ?? 0;
      for (const listId of memtable.lists) {
        const next = (lists.visibleNext[listId] ?? 0) +
          memtable.lengthOf(listId);
        lists.visibleNext[listId] = next;
        lists.decidedNext[listId] = next;
      }
      return memtable;
    } catch {
      // The segment has it all.
      return undefined;
    }
  }

  /** Enters what waits, without the snapshot where it was not entered yet. */
  enterAll(): void {
    for (const number of this.#waiting) this.#index.enterSealed(number);
    this.#waiting = [];
    if (!this.#isEntered) this.#close();
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #close(): void {
    this.#snapshot?.close();
    this.#snapshot = undefined;
  }

  #noteEntered(): void {
    this.#isEntered = true;
    this.#index.snapshotDigest = this.#digest.value;
  }

  #enterSnapshot(): void {
    try {
      this.#snapshot?.enter(this.#index.lists);
      this.#noteEntered();
      this.#waiting = [];
    } catch {
      // A snapshot that cannot be read is no loss: the index files say it all
      // again.
      this.#close();
    }
  }
}

const NO_HEADER = { sealedCount: 0, sealedDigest: 0 };
