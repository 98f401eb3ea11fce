/**
 * How many events a run takes in a second.
 *
 * @module
 */

/** Seconds that count. */
const SPAN_SECONDS = 10;

/** Counts the events of the last ten seconds. */
export class Pace {
  readonly #counts = new Array<number>(SPAN_SECONDS).fill(0);
  #second = 0;

  /** @param nowMs By a clock that never goes back. */
  add(count: number, nowMs: number): void {
    const second = this.#goTo(nowMs);
    const index = second % SPAN_SECONDS;
    this.#counts[index] = (this.#counts[index] ?? 0) + count;
  }

  /** Events a second, on average. */
  rateAt(nowMs: number): number {
    this.#goTo(nowMs);
    return this.#counts.reduce((sum, count) => sum + count, 0) / SPAN_SECONDS;
  }

  /** Drops what is over. */
  #goTo(nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    const passed = Math.min(SPAN_SECONDS, second - this.#second);
    for (let back = 0; back < passed; back++) {
      this.#counts[(second - back) % SPAN_SECONDS] = 0;
    }
    this.#second = second;
    return second;
  }
}
