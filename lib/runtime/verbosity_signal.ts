/**
 * Being asked by the system to say more, or less again: for when the server no
 * longer answers.
 *
 * @module
 */

/** Windows has none. */
const SIGNAL: Deno.Signal | undefined = Deno.build.os === "windows"
  ? undefined
  : "SIGUSR2";

/** Calls the listener with each SIGUSR2 until it is disposed of. */
export function onVerbositySignal(listener: () => void): Disposable {
  if (SIGNAL !== undefined) Deno.addSignalListener(SIGNAL, listener);
  return {
    [Symbol.dispose]() {
      if (SIGNAL !== undefined) Deno.removeSignalListener(SIGNAL, listener);
    },
  };
}
