/**
 * A stopwatch that stands still while some other process has the processor: a
 * machine that has other work, too, makes anyone wait.
 *
 * @module
 */

/**
 * Starts a stopwatch.
 *
 * @param task The thread that is timed, as a path below `/proc`; this one by
 * default.
 * @returns Tells the milliseconds since, less those in which the thread was
 * ready to run and another one had the processor. Where the system does not
 * count these, they are not taken off.
 */
export function startStopwatch(task = "thread-self"): () => number {
  const now = () => performance.now() - keptWaitingMs(task);
  const startedAt = now();
  return () => now() - startedAt;
}

function keptWaitingMs(task: string): number {
  try {
    const times = Deno.readTextFileSync(`/proc/${task}/schedstat`);
    return Number(times.split(" ")[1]) / 1e6 || 0;
  } catch {
    return 0;
  }
}
