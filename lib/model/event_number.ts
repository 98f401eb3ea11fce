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

/**
 * A signed 64-bit integer, exact: a number as far as JavaScript counts exactly,
 * `2 ** 63` for the largest one, and a bigint for all others. Of any two of
 * them `<`, `>=` and the like tell the truth.
 */
export type Int64 = number | bigint;

const INT64_MAX = 2n ** 63n - 1n;
const INT64 = /^-?\d{1,19}$/;

/**
 * Reads a signed 64-bit integer in decimal.
 *
 * @returns `undefined` for anything else: `2.0` and `1e3` are none.
 */
export function parseInt64(text: string): Int64 | undefined {
  if (!INT64.test(text)) return undefined;
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  const exact = BigInt(text);
  if (exact === INT64_MAX) return TRUNCATE_ALL;
  return BigInt.asIntN(64, exact) === exact ? exact : undefined;
}

/** Writes a 64-bit integer in decimal, to its last digit. */
export function formatInt64(value: Int64): string {
  return value === TRUNCATE_ALL ? INT64_MAX_TEXT : String(value);
}

/** Writes an event number as clients see it. */
export function formatEventNumber(eventNumber: number): string {
  return eventNumber >= TOMBSTONE_EVENT_NUMBER
    ? INT64_MAX_TEXT
    : String(eventNumber);
}
