/**
 * How long work takes by itself: a machine that has other work, too, makes
 * anything take long now and then, but not each time.
 *
 * @module
 */

/** Attempts at most. */
const ATTEMPTS_MAX = 25;

/**
 * Does the work again and again until it once takes less than `enoughMs`.
 *
 * @returns The least time that it took, in milliseconds.
 */
export async function leastMs(
  work: () => unknown,
  enoughMs: number,
): Promise<number> {
  let least = Infinity;
  for (let count = 0; count < ATTEMPTS_MAX && least >= enoughMs; count++) {
    const startMs = performance.now();
    await work();
    least = Math.min(least, performance.now() - startMs);
  }
  return least;
}
