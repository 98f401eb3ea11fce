/**
 * How a job leaves room for requests: it works for a moment, lets everything
 * that waits run, and rests the longer the more of that there was.
 *
 * The activity of others is told by the processor time that passes while the job
 * rests. How long a timer is late would not tell: an append leaves the thread
 * idle while it waits for the disk, and needs it four or five times until it
 * is answered.
 *
 * @module
 */

import process from "node:process";

/** Milliseconds of work between two pauses while nobody else works. */
const WORK_MS = 2;
/** The same while others do: they wait that long each time. */
const BUSY_WORK_MS = 0.5;
/** A rest is so many times as long as others worked meanwhile. */
const REST_SHARE = 3;
const REST_MS_MAX = 50;
/** Processor time that a rest takes when nobody else works, and some more. */
const IDLE_CPU_MS = 0.2;

/**
 * Makes the `pause` of one job.
 *
 * @param signal Ends a rest at once.
 */
export function createPolitePause(signal?: AbortSignal): () => Promise<void> {
  let resumedAtMs = performance.now();
  let workMs = WORK_MS;
  return async () => {
    if (performance.now() - resumedAtMs < workMs) return;
    const cpuBeforeMs = cpuMs();
    await rest(0, signal);
    const othersMs = cpuMs() - cpuBeforeMs - IDLE_CPU_MS;
    workMs = othersMs > 0 ? BUSY_WORK_MS : WORK_MS;
    if (othersMs > 0) {
      await rest(Math.min(REST_MS_MAX, othersMs * REST_SHARE), signal);
    }
    resumedAtMs = performance.now();
  };
}

/** Processor time that this process took until now, all threads together. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function rest(durationMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, durationMs);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}
