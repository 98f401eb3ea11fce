/**
 * Waiting with an end.
 *
 * @module
 */

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
