/**
 * Lists of records of the system, of metadata and of deletes: they follow from
 * more rules than those of other records.
 *
 * @module
 */

import { membershipsOf } from "../../lib/model/lists.ts";
import { decodeStreamMetadata } from "../../lib/model/stream_metadata.ts";
import { isMetastream } from "../../lib/model/stream_names.ts";
import type { Bytes } from "../log/bytes.ts";
import { LogRecord } from "../log/log_record.ts";
import { FLAG_FIRST } from "../log/record.ts";
import {
  CATEGORY,
  CATEGORY_STREAMS,
  EVENT_TYPE,
  STREAMS,
} from "./list_kinds.ts";

const DOLLAR = 0x24;

/** A list in which a record may be. */
export interface SystemList {
  readonly kind: number;
  /** Undefined when the record is in no list of that kind. */
  readonly name: string | undefined;
  /** Where in the bytes the record's ordinal in it is. */
  readonly at: number;
}

/** Whether the rules for records of the system are to be asked. */
export function isOfSystem(
  { array }: Bytes,
  nameStart: number,
  nameEnd: number,
  typeEnd: number,
): boolean {
  return array[nameStart] === DOLLAR ||
    (typeEnd > nameEnd && array[nameEnd] === DOLLAR);
}

/** The lists, besides its stream, of the record that begins at `start`. */
export function systemListsOf(bytes: Bytes, start: number): SystemList[] {
  const record = new LogRecord(bytes, start, { withBodies: true });
  const { category, eventType, isInStreams, categoryOfStream } = membershipsOf(
    record,
    isMetastream(record.streamName) ? decodeStreamMetadata(record) : undefined,
  );
  const lists = [
    { kind: CATEGORY, name: category, at: start + 32 },
    { kind: EVENT_TYPE, name: eventType, at: start + 40 },
  ];
  if ((record.flags & FLAG_FIRST) !== 0) {
    lists.push(
      { kind: STREAMS, name: isInStreams ? "" : undefined, at: start + 92 },
      { kind: CATEGORY_STREAMS, name: categoryOfStream, at: start + 100 },
    );
  }
  return lists;
}
