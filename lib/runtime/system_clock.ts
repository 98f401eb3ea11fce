/**
 * The time of this machine.
 *
 * @module
 */

import type { Clock, Timers } from "../model/clock.ts";

/**
 * Tells the system's time, to the microsecond.
 *
 * `Date.now()` counts milliseconds: one event of a thousand would be written
 * at a full second and one of ten at a full hundredth, and clients are known
 * that cannot read times with fewer digits than the original's have.
 */
export const SYSTEM_CLOCK: Clock = createFineClock({
  nowMs: () => Date.now(),
  elapsedMs: () => performance.now(),
});

/**
 * Makes a clock that is always in the millisecond which the system tells; how
 * far in comes from a counter that runs on by itself.
 */
export function createFineClock(sources: {
  /** Milliseconds since 1970, whole ones. */
  readonly nowMs: () => number;
  /** Milliseconds since whenever, with fractions. */
  readonly elapsedMs: () => number;
}): Clock {
  let offsetUs = 0;
  return {
    nowUs() {
      const leastUs = sources.nowMs() * 1000;
      const elapsedUs = Math.floor(sources.elapsedMs() * 1000);
      const nowUs = Math.min(
        Math.max(elapsedUs + offsetUs, leastUs),
        leastUs + 999,
      );
      offsetUs = nowUs - elapsedUs;
      return nowUs;
    },
  };
}

/** Timers of the platform. */
export const SYSTEM_TIMERS: Timers = {
  nowMs: () => performance.now(),
  setTimer(delayMs, call) {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
};
