/**
 * How many projections run at the same time.
 *
 * @module
 */

/** Places for projections that run. */
export class RunningSlots {
  readonly #most: number;
  #taken = 0;

  /** @param most How many there are. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Why a projection gets none. */
  get fullReason(): string {
    return `As many projections run as may at the same time: ${this.#most}`;
  }

  /** Takes one; the function gives it back. Undefined: all are taken. */
  take(): (() => void) | undefined {
    if (this.#taken >= this.#most) return undefined;
    this.#taken++;
    return () => {
      this.#taken--;
    };
  }
}
