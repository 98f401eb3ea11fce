/**
 * Long work in turns: other requests are answered in between.
 *
 * @module
 */

import type { Steps } from "../text/steps.ts";

/** Does the work, and gives way after each of its steps. */
export async function runInTurns<Result>(
  steps: Steps<Result>,
): Promise<Result> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    // Not `setImmediate`: it comes again before the sockets had their turn.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
