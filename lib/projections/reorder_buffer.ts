/**
 * Brings what comes in the order of the log into the order of its time, within
 * a lag (spec: projections §7.1, `reorderEvents`).
 *
 * @module
 */

interface Held<Item> {
  readonly timeMs: number;
  readonly item: Item;
}

/** Holds items until those that are older can be expected no more. */
export class ReorderBuffer<Item> {
  readonly #lagMs: number;
  /** In the order of their times; of the same time, in that of their coming. */
  readonly #held: Held<Item>[] = [];
  #newestMs = -Infinity;

  /** @param lagMs How long an item is held, 0 or more. */
  constructor(lagMs: number) {
    this.#lagMs = lagMs;
  }

  /** Items that are held. */
  get size(): number {
    return this.#held.length;
  }

  /** Takes an item in, and gives out those whose time has come. */
  add(timeMs: number, item: Item): readonly Item[] {
    let at = this.#held.length;
    while (at > 0 && (this.#held[at - 1]?.timeMs ?? 0) > timeMs) at--;
    this.#held.splice(at, 0, { timeMs, item });
    this.#newestMs = Math.max(this.#newestMs, timeMs);
    return this.release(this.#newestMs);
  }

  /** Gives out the items that are older than the lag at that time. */
  release(nowMs: number): readonly Item[] {
    const dueMs = nowMs - this.#lagMs;
    const later = this.#held.findIndex(({ timeMs }) => timeMs > dueMs);
    const count = later < 0 ? this.#held.length : later;
    return this.#held.splice(0, count).map(({ item }) => item);
  }
}
