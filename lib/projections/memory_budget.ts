/**
 * Memory that all projections of a server take together. If they take more than
 * they may, the one that takes most is stopped: the others go on.
 *
 * @module
 */

/** Somebody who takes memory. */
export interface MemoryTaker {
  /** Has it stop, because of that reason. */
  giveUp(reason: string): void;
}

/** What is taken, and by whom. */
export class MemoryBudget {
  readonly #most: number;
  readonly #bytes = new Map<MemoryTaker, number>();
  #total = 0;

  /** @param most Bytes that all may take together. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Notes how much one takes by now; 0: nothing any more. */
  note(taker: MemoryTaker, bytes: number): void {
    const before = this.#bytes.get(taker) ?? 0;
    if (before === bytes) return;
    this.#total += bytes - before;
    if (bytes === 0) this.#bytes.delete(taker);
    else this.#bytes.set(taker, bytes);
    if (bytes > before && this.#total > this.#most) this.#stopLargest();
  }

  #stopLargest(): void {
    let largest: readonly [MemoryTaker, number] | undefined;
    for (const entry of this.#bytes) {
      if (largest === undefined || entry[1] > largest[1]) largest = entry;
    }
    if (largest === undefined) return;
    const [taker, bytes] = largest;
    this.note(taker, 0);
    taker.giveUp(
      `The projections take more memory than they may, ${this.#most} bytes, ` +
        `and this one takes most of it, ${bytes} bytes`,
    );
  }
}
