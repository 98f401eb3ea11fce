/**
 * How many projections run at the same time.
 *
 * @module
 */

import type { ProjectionMode } from "./contract.ts";

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

  /**
   * Takes one; the function gives it back. Undefined: all are taken. A quarter
   * is kept for projections that stay: anybody may create transient ones.
   */
  take(mode: ProjectionMode): (() => void) | undefined {
    const most = mode === "Transient"
      ? Math.ceil(this.#most * 3 / 4)
      : this.#most;
    if (this.#taken >= most) return undefined;
    this.#taken++;
    return () => {
      this.#taken--;
    };
  }
}
