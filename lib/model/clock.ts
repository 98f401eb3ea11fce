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
