/**
 * The clean stop: what was accepted is finished and answered, nothing new is.
 *
 *   1  end the long polls       or step 2 would wait for all of them
 *   2  drain the HTTP server    no new connections; requests get their answers
 *   3  close the store          appends that still wait are made permanent
 *
 * Invariant: the store is closed even when clients do not let step 2 end; a
 * share of the time is its own, and it has what they left of theirs. It may
 * have a whole segment to seal.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import type { Logger } from "../model/logger.ts";
import { RunError } from "./failures.ts";

/** Time for steps 1 and 2. */
const DRAIN_MS_MAX = LIMITS.shutdownMs * 0.7;

/** A listening server, as far as stopping it goes. */
export interface DrainableServer {
  /** Answers every held request now. */
  endLongPolls(): void;
  /** Stops accepting; settles once every request is answered. */
  drain(): Promise<void>;
}

/**
 * Steps 1 and 2; gives up on clients that take longer than `timeoutMs`.
 *
 * @returns Milliseconds that are left for step 3.
 */
export async function drainInTime(
  server: DrainableServer,
  logger: Logger,
  timeoutMs = DRAIN_MS_MAX,
): Promise<number> {
  const startedAtMs = performance.now();
  server.endLongPolls();
  if (!await settlesWithin(server.drain(), timeoutMs)) {
    logger.warn("server.drainTimedOut", { timeoutMs });
  }
  const tookMs = Math.round(performance.now() - startedAtMs);
  return LIMITS.shutdownMs - Math.min(timeoutMs, tookMs);
}

/**
 * Step 3.
 *
 * @throws {RunError} If the store does not close in time.
 */
export async function closeInTime(
  store: { close(): Promise<void> },
  timeoutMs: number = LIMITS.shutdownMs,
): Promise<void> {
  if (!await settlesWithin(store.close(), timeoutMs)) {
    throw new RunError(
      `Cannot stop cleanly: the store did not close within ${timeoutMs} ms`,
    );
  }
}

/**
 * Waits for the promise, but at most `timeoutMs`.
 *
 * @returns Whether it settled in time. A rejection in time is thrown; a later
 * one is left to the caller's promise.
 */
export async function settlesWithin(
  promise: Promise<unknown>,
  timeoutMs: number,
): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([promise.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
