/**
 * Numbers that JavaScript does not count exactly, as columns have them and back:
 * the tombstone's number and "truncate everything" are the largest `bigint`.
 *
 * @module
 */

import {
  formatInt64,
  type Int64,
  TOMBSTONE_EVENT_NUMBER,
} from "../../lib/model/event_number.ts";

/** A number as the text of an argument. */
export function int64Text(value: Int64): string {
  return value >= TOMBSTONE_EVENT_NUMBER
    ? "9223372036854775807"
    : formatInt64(value);
}
