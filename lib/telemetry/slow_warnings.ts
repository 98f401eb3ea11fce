/**
 * Warnings of what takes long, of one kind: at most one in a while, each with
 * how many were left out, so that a slow disk does not fill the log as well.
 *
 * @module
 */

import type { LogFields, Logger } from "../model/logger.ts";

/** Least time between two warnings. */
const QUIET_MS = 5_000;

export class SlowWarnings {
  readonly #logger: Logger;
  readonly #event: string;
  readonly #thresholdMs: number;
  #lastAtMs = -Infinity;
  #leftOut = 0;

  /** @param options.thresholdMs From how long on it is slow; 0: nothing is. */
  constructor(
    options: {
      readonly logger: Logger;
      readonly event: string;
      readonly thresholdMs: number;
    },
  ) {
    this.#logger = options.logger;
    this.#event = options.event;
    this.#thresholdMs = options.thresholdMs === 0
      ? Infinity
      : options.thresholdMs;
  }

  /** Whether that took long. */
  isSlow(durationMs: number): boolean {
    return durationMs >= this.#thresholdMs;
  }

  /**
   * Warns, if that took long.
   *
   * @param nowMs Of a clock that never goes back.
   * @param describe What is logged besides the time; called only when it is.
   */
  note(durationMs: number, nowMs: number, describe: () => LogFields): void {
    if (!this.isSlow(durationMs)) return;
    if (nowMs - this.#lastAtMs < QUIET_MS) {
      this.#leftOut++;
      return;
    }
    this.#logger.warn(this.#event, {
      durationMs: Math.round(durationMs),
      ...describe(),
      leftOut: this.#leftOut === 0 ? undefined : this.#leftOut,
    });
    this.#lastAtMs = nowMs;
    this.#leftOut = 0;
  }
}
