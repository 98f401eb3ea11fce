/**
 * Being asked by the system to stop (Ctrl-C, `kill`, a service manager), or to
 * say more.
 *
 * @module
 */

import { exitProgram } from "./process.ts";

/** What a shell reports for a program ended by SIGINT. */
const EXIT_CODE_FORCED = 130;

/** Signals that ask for a clean stop; Windows knows no SIGTERM. */
const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/** Listening for stop signals. */
export interface StopSignals extends Disposable {
  /** Settles with the first signal. */
  readonly first: Promise<Deno.Signal>;
}

/**
 * Listens until disposed of. The first signal only settles `first`; a SIGINT
 * after that ends the program at once, because somebody at a keyboard does not
 * want to wait any more.
 *
 * @param force Ends the program; the real one unless a test gives another.
 */
export function listenForStopSignals(
  force: (exitCode: number) => void = exitProgram,
): StopSignals {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  let isStopping = false;
  const listeners = STOP_SIGNALS.map((signal) => {
    const listener = () => {
      if (isStopping && signal === "SIGINT") force(EXIT_CODE_FORCED);
      isStopping = true;
      resolve(signal);
    };
    Deno.addSignalListener(signal, listener);
    return { signal, listener };
  });
  return {
    first: promise,
    [Symbol.dispose]() {
      for (const { signal, listener } of listeners) {
        Deno.removeSignalListener(signal, listener);
      }
    },
  };
}

/** Asks a server that no longer answers to log more; Windows has none. */
const VERBOSITY_SIGNAL: Deno.Signal | undefined = Deno.build.os === "windows"
  ? undefined
  : "SIGUSR2";

/** Calls the listener with each SIGUSR2 until it is disposed of. */
export function onVerbositySignal(listener: () => void): Disposable {
  if (VERBOSITY_SIGNAL !== undefined) {
    Deno.addSignalListener(VERBOSITY_SIGNAL, listener);
  }
  return {
    [Symbol.dispose]() {
      if (VERBOSITY_SIGNAL !== undefined) {
        Deno.removeSignalListener(VERBOSITY_SIGNAL, listener);
      }
    },
  };
}
