/**
 * Numbers of events in a stream, and the two values beyond the numbers that
 * JavaScript counts exactly: the tombstone's number and "truncate everything".
 * On the wire both are the largest signed 64-bit integer.
 *
 * @module
 */

/** Number of a tombstone event; printed as `9223372036854775807`. */
export const TOMBSTONE_EVENT_NUMBER = 2 ** 63;

/** `$tb` of a soft-deleted stream; printed as `9223372036854775807`. */
export const TRUNCATE_ALL = 2 ** 63;

/** Head of a stream that has no event. */
export const NO_EVENT_NUMBER = -1;

/** Largest signed 64-bit integer in decimal, as clients see it. */
export const INT64_MAX_TEXT = "9223372036854775807";

/** Writes an event number as clients see it. */
export function formatEventNumber(eventNumber: number): string {
  return eventNumber >= TOMBSTONE_EVENT_NUMBER
    ? INT64_MAX_TEXT
    : String(eventNumber);
}
