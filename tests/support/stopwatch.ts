/**
 * Stopwatches that other work of the machine does not push on.
 *
 * @module
 */

/**
 * Starts a stopwatch that stands still while some other process has the
 * processor.
 *
 * @param thread Who is timed, as a path below `/proc`; this thread by default.
 * @returns Tells the milliseconds since, less those in which the thread was
 * ready to run and another one had the processor. Where the system does not
 * count these, they are not taken off.
 */
export function startStopwatch(thread = "thread-self"): () => number {
  const now = () => performance.now() - (timesOf(thread)?.waitedMs ?? 0);
  const startedAt = now();
  return () => now() - startedAt;
}

/**
 * Starts a stopwatch that goes while a thread runs. For whoever waits for a
 * turn of that thread, this is how long others made it wait, on a machine that
 * does nothing else.
 *
 * @param thread As a path below `/proc`.
 * @returns Tells the milliseconds for which the thread has run since; all
 * milliseconds since where the system does not count them.
 */
export function startRunStopwatch(thread: string): () => number {
  const now = () => timesOf(thread)?.ranMs ?? performance.now();
  const startedAt = now();
  return () => now() - startedAt;
}

/** How long a thread ran and how long it was ready to, in milliseconds. */
interface ThreadTimes {
  readonly ranMs: number;
  readonly waitedMs: number;
}

/** Undefined where the system does not count. */
function timesOf(thread: string): ThreadTimes | undefined {
  try {
    const [ran, waited] = Deno.readTextFileSync(`/proc/${thread}/schedstat`)
      .split(" ", 2).map((ns) => Number(ns) / 1e6);
    return ran === undefined || waited === undefined
      ? undefined
      : { ranMs: ran, waitedMs: waited };
  } catch {
    return undefined;
  }
}
