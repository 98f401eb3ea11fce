/**
 * What is wrong with a record, in words.
 *
 * @module
 */

import type { Bytes } from "../log/bytes.ts";
import { LogRecord } from "../log/log_record.ts";
import type { RecordFault } from "../log/record.ts";

/** The words by what is wrong. */
export const FAULT_TEXTS: Readonly<Record<RecordFault, string>> = {
  short: "the file ends inside a record",
  badLength: "a record has a wrong length",
  badHeader: "the header of a record has a wrong checksum",
  badPosition: "no record stands where one should",
  badBody: "the body of a record has a wrong checksum",
  badPlaces: "the table of what stayed is damaged",
};

/** Names the event whose body is damaged. */
export function describeBadBody(bytes: Bytes, start: number): string {
  const record = new LogRecord(bytes, start, { withBodies: false });
  return `data or metadata of event ${record.eventNumber} of ` +
    `"${record.streamName}" are damaged`;
}

/**
 * What is known of who was told of the log's torn end.
 *
 * @param committedEnd What the KV says is committed; undefined when it is lost.
 */
export function untold(committedEnd: number | undefined): string {
  return committedEnd === undefined
    ? "that nobody was told of, unless it was before the KV was lost"
    : "that nobody was told of";
}
