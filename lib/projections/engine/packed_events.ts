/**
 * A batch of events as two texts: one list of JSON with what is short, and one
 * text with all that is long, which the engine cuts. QuickJS reads JSON texts
 * within JSON slowly, and most of a batch is that.
 *
 * @module
 */

import type { PackedEvents, ProjectionEvent } from "./messages.ts";

/** Bits of the flags. */
const IS_JSON = 1;
const IS_DELETED = 2;
const IS_SOFT = 4;

/** Writes a batch down. Ids are UUIDs of 36 characters. */
export function packEvents(events: readonly ProjectionEvent[]): PackedEvents {
  const heads: (string | number)[] = [0];
  let texts = "";
  for (const event of events) {
    const { streamName, partition, data, metadata, linkMetadata = "" } = event;
    heads.push(
      streamName,
      partition === streamName ? 0 : partition,
      String(event.eventNumber),
      event.eventType,
      event.createdAtMs,
      flagsOf(event),
      data.length,
      metadata.length,
      linkMetadata.length,
    );
    texts += event.eventId + data + metadata + linkMetadata;
  }
  // The engine takes texts of C in UTF-8: they end with a NUL.
  if (!texts.includes("\0") && texts.isWellFormed()) {
    return { heads: JSON.stringify(heads), texts };
  }
  heads[0] = 1;
  return { heads: JSON.stringify(heads), texts: JSON.stringify(texts) };
}

function flagsOf({ isJson, deleted }: ProjectionEvent): number {
  return (isJson ? IS_JSON : 0) |
    (deleted === undefined ? 0 : IS_DELETED | (deleted.isSoft ? IS_SOFT : 0));
}
