/**
 * Quantities as people read them: sizes, counts, durations.
 *
 * @module
 */

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A number of bytes, rounded: `1.4 GiB`. */
export function showBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/**
 * A whole number with its thousands apart: `1,234,567`.
 *
 * @param noun The counted thing in the singular, with a regular plural: makes
 * `1 event` and `2 events`.
 */
export function showCount(count: number, noun?: string): string {
  const rounded = Math.round(count);
  const shown = rounded.toLocaleString("en-US");
  if (noun === undefined) return shown;
  return `${shown} ${noun}${rounded === 1 ? "" : "s"}`;
}

/** A time, rounded to what matters: `0.8 s`, `1 min 20 s`, `2 h 5 min`. */
export function showDuration(durationMs: number): string {
  const seconds = durationMs / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
