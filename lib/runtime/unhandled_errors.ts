/**
 * Errors that nobody handled.
 *
 * @module
 */

/**
 * Tells of rejections and errors that nobody handled, instead of ending the
 * program: one request that meets a bug must not take all others down.
 *
 * @returns A function that ends it.
 */
export function onUnhandledError(
  listener: (error: unknown) => void,
): () => void {
  function onRejection(event: PromiseRejectionEvent): void {
    event.preventDefault();
    listener(event.reason);
  }
  function onError(event: ErrorEvent): void {
    event.preventDefault();
    listener(event.error);
  }
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onError);
  return () => {
    globalThis.removeEventListener("unhandledrejection", onRejection);
    globalThis.removeEventListener("error", onError);
  };
}
