/**
 * How long to wait before something that failed is tried again: each time
 * twice as long, up to a bound, until it goes well.
 *
 * @module
 */

/** Times that the first wait is doubled at most. */
const DOUBLINGS_MAX = 4;

export class RetryDelay {
  readonly #firstMs: number;
  #attempts = 0;
  #end: (() => void) | undefined;
  #isCancelled = false;

  /** @param firstMs The first wait; the longest is sixteen times that. */
  constructor(firstMs: number) {
    this.#firstMs = firstMs;
  }

  /** Waits; ends early when cancelled. */
  async wait(): Promise<void> {
    if (this.#isCancelled) return;
    const delayMs = this.#firstMs *
      2 ** Math.min(this.#attempts, DOUBLINGS_MAX);
    this.#attempts++;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#end = undefined;
  }

  /** It went well: the next wait is the first again. */
  reset(): void {
    this.#attempts = 0;
  }

  /** Ends this wait, and all later ones at once. */
  cancel(): void {
    this.#isCancelled = true;
    this.#end?.();
  }
}
