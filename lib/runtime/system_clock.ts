/**
 * The time of this machine.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";

/** Tells the system's time, to the millisecond. */
export const SYSTEM_CLOCK: Clock = {
  nowUs: () => Date.now() * 1000,
};
