/**
 * The writer's place among all else that the process does.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/**
 * One turn of the event loop: requests that have come by now join the batch
 * that is about to be taken.
 */
export function untilSocketsAreRead(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
