/**
 * Places in the log as people name them.
 *
 * @module
 */

import type { LogPoint } from "../store/transfer.ts";
import { parseIsoTime } from "../text/iso_time.ts";
import { UsageError } from "./failures.ts";

/**
 * Reads a log position or a time.
 *
 * @param flag Named in messages.
 * @throws {UsageError} For anything else.
 */
export function parseLogPoint(text: string, flag: string): LogPoint {
  if (/^\d{1,16}$/.test(text)) {
    const position = Number(text);
    if (Number.isSafeInteger(position)) return { position };
  }
  return { timeUs: parseTime(text, flag, "a log position or ") };
}

/**
 * Reads a time, as microseconds since 1970.
 *
 * @throws {UsageError} For anything else.
 */
export function parseTime(text: string, flag: string, other = ""): number {
  const timeUs = parseIsoTime(text);
  if (timeUs !== undefined) return timeUs;
  throw new UsageError(
    `Bad value "${text}" for --${flag}: expected ${other}a time such as ` +
      `2026-03-01T12:00:00Z`,
  );
}
