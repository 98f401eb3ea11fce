/**
 * Times as feeds show them (spec: http-api §4.4).
 *
 * @module
 */

const SECOND_US = 1_000_000;

/** Time of a page that nothing dates. */
export const NEVER_UPDATED = "0001-01-01T00:00:00Z";

// Events of a page are mostly of one second: its text is kept.
let cachedSecond = NaN;
let cachedText = "";

/**
 * Writes a time as ISO 8601 in UTC, without zeros at the end of its fraction.
 *
 * @param timeUs Microseconds since 1970-01-01T00:00:00Z.
 */
export function formatUpdated(timeUs: number): string {
  const second = Math.floor(timeUs / SECOND_US);
  if (second !== cachedSecond) {
    cachedText = new Date(second * 1000).toISOString().slice(0, -5);
    cachedSecond = second;
  }
  let fraction = timeUs - second * SECOND_US;
  if (fraction === 0) return cachedText + "Z";
  let digits = 6;
  while (fraction % 10 === 0) {
    fraction /= 10;
    digits--;
  }
  return cachedText + "." + String(fraction).padStart(digits, "0") + "Z";
}
