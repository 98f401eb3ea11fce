/**
 * Link events: events that stand for another one (spec: streams §1.4).
 *
 * @module
 */

import type { RecordedEvent } from "./event.ts";
import { decodeUtf8IfValid } from "../text/utf8.ts";
import { INT64_MAX_TEXT, TOMBSTONE_EVENT_NUMBER } from "./event_number.ts";
import type { LinkTarget } from "./feed.ts";

/** Type of a link event. */
export const LINK_TYPE = "$>";

/** Whether an event stands for another one. */
export function isLink(event: Pick<RecordedEvent, "eventType">): boolean {
  return event.eventType === LINK_TYPE;
}

const DIGITS = /^\d{1,19}$/;

/**
 * Reads the data of a link event: `"<number>@<stream>"`; the stream's name may
 * hold an `@` too.
 *
 * @returns `undefined` for anything else.
 */
export function parseLink(data: Uint8Array): LinkTarget | undefined {
  const text = decodeUtf8IfValid(data) ?? "";
  const separatorIndex = text.indexOf("@");
  const digits = text.slice(0, separatorIndex);
  const streamName = text.slice(separatorIndex + 1);
  if (separatorIndex < 0 || streamName === "" || !DIGITS.test(digits)) {
    return undefined;
  }
  const isBeyond = digits.length === 19 && digits > INT64_MAX_TEXT;
  if (isBeyond) return undefined;
  const eventNumber = Math.min(Number(digits), TOMBSTONE_EVENT_NUMBER);
  return { streamName, eventNumber };
}
