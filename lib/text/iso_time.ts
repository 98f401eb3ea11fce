/**
 * Times as people write them.
 *
 * @module
 */

const ISO_TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:[Zz]|([+ -])(\d\d):?(\d\d)))?$/;

/**
 * Reads an ISO 8601 time: a date, which begins at midnight UTC, or a date and
 * a time with `Z` or an offset. A `+` that was not escaped, and so became a
 * blank, is understood.
 *
 * @returns Microseconds since 1970, digits beyond cut off; undefined for
 * anything else.
 */
export function parseIsoTime(text: string): number | undefined {
  const match = ISO_TIME.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction] = match;
  const [, , , , , , , , sign, offsetHour, offsetMinute] = match;
  const fields = [
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour ?? 0),
    Number(minute ?? 0),
    Number(second ?? 0),
  ] as const;
  const date = new Date(0);
  date.setUTCFullYear(fields[0], fields[1], fields[2]);
  date.setUTCHours(fields[3], fields[4], fields[5]);
  // Values out of range would be carried over.
  const isInRange = date.getUTCMonth() === fields[1] &&
    date.getUTCDate() === fields[2] && date.getUTCHours() === fields[3] &&
    date.getUTCMinutes() === fields[4] && date.getUTCSeconds() === fields[5];
  const offsetMinutes = Number(offsetHour ?? 0) * 60 +
    Number(offsetMinute ?? 0);
  if (!isInRange || offsetMinutes >= 24 * 60) return undefined;
  const micros = Number((fraction ?? "").slice(0, 6).padEnd(6, "0"));
  const offsetMs = (sign === "-" ? -1 : 1) * offsetMinutes * 60_000;
  return (date.getTime() - offsetMs) * 1000 + micros;
}

/**
 * Writes a time to the microsecond, in UTC, without zeros at the end of its
 * fraction: `2026-01-31T12:00:00.0001+00:00`.
 *
 * @param timeUs Microseconds since 1970.
 */
export function formatIsoTime(timeUs: number): string {
  const second = Math.floor(timeUs / 1_000_000);
  const micros = Math.floor(timeUs - second * 1_000_000);
  const text = new Date(second * 1000).toISOString().slice(0, -5);
  const fraction = String(micros).padStart(6, "0").replace(/0+$/, "");
  return `${text}${fraction && `.${fraction}`}+00:00`;
}
