/**
 * Time as a port, so that tests decide what time it is.
 *
 * @module
 */

/** Tells the time. `lib/runtime` has the real one. */
export interface Clock {
  /** Microseconds since 1970-01-01T00:00:00Z. May go back; records' times don't. */
  nowUs(): number;
}

/** Time that passes as a port: durations, and calls when one is over. */
export interface Timers {
  /** Milliseconds of a clock that never goes back. */
  nowMs(): number;
  /** Calls a function once; the function that is returned prevents it. */
  setTimer(delayMs: number, call: () => void): () => void;
}
