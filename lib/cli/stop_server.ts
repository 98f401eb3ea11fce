/**
 * The clean stop: what was accepted is finished and answered, nothing new is.
 *
 *   1  end the long polls       or step 2 would wait for all of them
 *   2  drain the HTTP server    no new connections; requests get their answers
 *   3  close the store          appends that still wait are made permanent
 *
 * Invariant: the store is closed even when clients do not let step 2 end; it
 * keeps a share of the time for itself.
 *
 * @module
 */

import type { Logger } from "../model/logger.ts";
import { settlesWithin } from "../runtime/settles_within.ts";
import { RunError } from "./run_error.ts";

/** The running parts, as far as stopping them goes. */
export interface RunningParts {
  endLongPolls(): void;
  /** Stops accepting and settles once every request is answered. */
  drain(): Promise<void>;
  closeStore(): Promise<void>;
}

/** Share of the time that draining may take; the rest is the store's. */
const DRAIN_SHARE = 0.7;

/**
 * Stops the parts in order.
 *
 * @param options.timeoutMs Time for everything together.
 * @throws {RunError} If the store does not close in time.
 */
export async function stopServer(
  parts: RunningParts,
  options: { readonly timeoutMs: number; readonly logger: Logger },
): Promise<void> {
  const { timeoutMs, logger } = options;
  const drainMs = timeoutMs * DRAIN_SHARE;
  parts.endLongPolls();
  if (!await settlesWithin(parts.drain(), drainMs)) {
    logger.warn("server.drainTimedOut", { drainMs });
  }
  if (!await settlesWithin(parts.closeStore(), timeoutMs - drainMs)) {
    throw new RunError(
      `Cannot stop cleanly: the store did not close within ${timeoutMs} ms`,
    );
  }
}
