/**
 * How many messages a group or a consumer was handed: in all, and since it was
 * looked at last.
 *
 * @module
 */

/** Counts, and measures between two looks. */
export class DeliveryRate {
  total = 0;
  #measuredTotal = 0;
  #measuredAtMs: number;

  constructor(nowMs: number) {
    this.#measuredAtMs = nowMs;
  }

  add(count: number): void {
    this.total += count;
  }

  /** What came since the last call. */
  measure(
    nowMs: number,
  ): { readonly count: number; readonly perSecond: number } {
    const count = this.total - this.#measuredTotal;
    const elapsedMs = Math.max(1, nowMs - this.#measuredAtMs);
    this.#measuredTotal = this.total;
    this.#measuredAtMs = nowMs;
    return { count, perSecond: Math.floor(count * 1000 / elapsedMs) };
  }
}
