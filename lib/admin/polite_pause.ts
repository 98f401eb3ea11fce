/**
 * How a job leaves room for requests: it works for a moment, lets everything
 * that waits run, and rests the longer the more of that there was.
 *
 * @module
 */

/** Milliseconds of work between two pauses: what a request waits at most. */
const WORK_MS = 2;
/** A rest is so many times as long as others worked meanwhile. */
const REST_SHARE = 3;
const REST_MS_MAX = 50;
/** A timer of 0 milliseconds takes about so long when nobody else works. */
const IDLE_MS = 1.5;

/** Makes the `pause` of one job. */
export function createPolitePause(): () => Promise<void> {
  let resumedAtMs = performance.now();
  return async () => {
    const pausedAtMs = performance.now();
    if (pausedAtMs - resumedAtMs < WORK_MS) return;
    await rest(0);
    const othersMs = performance.now() - pausedAtMs - IDLE_MS;
    if (othersMs > 0) await rest(Math.min(REST_MS_MAX, othersMs * REST_SHARE));
    resumedAtMs = performance.now();
  };
}

function rest(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
