/**
 * Entries of pages of `$all` with `embed=body`, as events.
 *
 * @module
 */

import { TOMBSTONE_EVENT_NUMBER } from "../model/event_number.ts";
import { METADATA_EVENT_TYPE } from "../model/stream_metadata.ts";
import { isMetastream } from "../model/stream_names.ts";
import type { NumberedEvent } from "../store/transfer.ts";
import { parseIsoTime } from "../text/iso_time.ts";
import { isUuid } from "../text/uuid.ts";
import { MigrationError } from "./errors.ts";

const TOMBSTONE_TYPE = "$streamDeleted";
/** Number of a tombstone before version 4. */
const OLD_TOMBSTONE_NUMBER = 2 ** 31 - 1;
const OLD_SOFT_DELETE = /("\$tb"\s*:\s*)2147483647(?=\s*[,}])/;
/** In place of bytes that are no UTF-8. */
const REPLACEMENT = "\uFFFD";

/** An entry, as far as its page tells. */
export interface SourceEntry {
  /** Its data is empty where the page does not show it. */
  readonly numbered: NumberedEvent;
  /** Whether its data must be asked for, because the page does not show it. */
  readonly lacksData: boolean;
  /** Whether its metadata holds bytes that are no UTF-8: they are lost. */
  readonly hasBrokenMetadata: boolean;
}

/** Whether text may stand for other bytes than its own. */
export function isBroken(text: string): boolean {
  return text.includes(REPLACEMENT);
}

/**
 * Reads an entry.
 *
 * @throws {MigrationError} If it is none.
 */
export function sourceEntryOf(entry: unknown): SourceEntry {
  const members: Readonly<Record<string, unknown>> = Object(entry);
  const eventId = textIn(members, "eventId").toLowerCase();
  const streamName = textIn(members, "streamId");
  const eventType = textIn(members, "eventType");
  const number = members["eventNumber"];
  const createdAtUs = parseIsoTime(textIn(members, "updated"));
  const isSound = isUuid(eventId) && typeof number === "number" &&
    number >= 0 && createdAtUs !== undefined;
  if (!isSound) {
    throw new MigrationError(
      `The source shows an entry that is no event: ` +
        JSON.stringify(entry).slice(0, 200),
    );
  }
  const isTombstone = eventType === TOMBSTONE_TYPE &&
    (number >= TOMBSTONE_EVENT_NUMBER || number === OLD_TOMBSTONE_NUMBER);
  const isJson = members["isJson"] === true;
  const data = isJson ? dataIn(members) : "";
  const metadata = typeof members["metaData"] === "string"
    ? members["metaData"]
    : "";
  return {
    numbered: {
      streamName,
      eventNumber: isTombstone ? TOMBSTONE_EVENT_NUMBER : number,
      createdAtUs,
      event: {
        eventId,
        eventType,
        isJson,
        data: isMetadata(streamName, eventType) ? asWritten(data) : data,
        metadata,
      },
    },
    lacksData: !isTombstone && (!isJson || isBroken(data)),
    hasBrokenMetadata: isBroken(metadata),
  };
}

function isMetadata(streamName: string, eventType: string): boolean {
  return isMetastream(streamName) && eventType === METADATA_EVENT_TYPE;
}

/** A soft delete of version 3, as later versions write it. */
function asWritten(data: string): string {
  return data.replace(OLD_SOFT_DELETE, "$19223372036854775807");
}

function dataIn(members: Readonly<Record<string, unknown>>): string {
  const data = members["data"];
  return typeof data === "string" ? data : "";
}

function textIn(
  members: Readonly<Record<string, unknown>>,
  name: string,
): string {
  const value = members[name];
  return typeof value === "string" && value.isWellFormed() ? value : "";
}
