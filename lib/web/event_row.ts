/**
 * What a list of events shows of one: made of the event at once, so that a page
 * of large events does not keep them.
 *
 * @module
 */

import { indentedObject } from "../formats/atom/feed_json.ts";
import { eventUri, type StreamRefs } from "../formats/atom/links.ts";
import { formatEventNumber } from "../model/event_number.ts";
import type { RecordedEvent } from "../model/event.ts";
import type { ResolvedEvent } from "../model/feed.ts";
import { isLink, parseLink } from "../model/links.ts";
import { decodeUtf8Leniently } from "../text/utf8.ts";

/** Where a name leads. */
export interface NamedLink {
  readonly text: string;
  readonly href: string;
}

/** An event as a row. */
export interface EventRow {
  /** `5@orders-1`, and where it is. */
  readonly event: NamedLink;
  /** What its row is called: the number, with the stream where that differs. */
  readonly label: string;
  readonly stream: NamedLink;
  readonly eventType: string;
  readonly eventId: string;
  readonly createdAtUs: number;
  readonly sizeBytes: number;
  /** Beginning of the data, in one line. */
  readonly preview: string;
  /** The data, if there is room for it, else its beginning. */
  readonly data: string | undefined;
  readonly isDataCut: boolean;
  readonly metadata: string | undefined;
  /** Where a link that was not followed points. */
  readonly target: NamedLink | undefined;
  /** Whether it is a link whose event is gone. */
  readonly isGone: boolean;
}

/** How much of each event a list shows. */
export interface RowSizes {
  /** Characters of the preview. */
  readonly preview: number;
  /** Characters of the data and of the metadata; 0: neither is shown. */
  readonly body: number;
}

/** Rows at most, so that a page stays below a megabyte. */
export const ROWS_MAX = 1000;

/** Sizes for a list of so many events. */
export function rowSizesFor(count: number): RowSizes {
  return count <= 100
    ? { preview: 140, body: 1500 }
    : { preview: 100, body: 0 };
}

/**
 * Makes a row of an event.
 *
 * @param feedStream Stream whose list it is; undefined for the whole log.
 */
export function eventRowOf(
  { original, link, target }: ResolvedEvent,
  refs: StreamRefs,
  { feedStream, sizes }: {
    readonly feedStream: string | undefined;
    readonly sizes: RowSizes;
  },
): EventRow {
  const isGone = link !== undefined && target === undefined;
  const shown = target ?? original;
  const streamName = link?.streamName ?? original.streamName;
  const eventNumber = link?.eventNumber ?? original.eventNumber;
  const stream = refs.of(streamName);
  const title = `${formatEventNumber(eventNumber)}@${streamName}`;
  const points = link === undefined && isLink(original)
    ? parseLink(original.data)
    : undefined;
  const { data, metadata } = isGone ? NOTHING : shown;
  return {
    event: { text: title, href: eventUri(stream, eventNumber) },
    label: streamName === feedStream ? formatEventNumber(eventNumber) : title,
    stream: { text: streamName, href: stream.uri },
    eventType: shown.eventType,
    eventId: shown.eventId,
    createdAtUs: original.createdAtUs,
    sizeBytes: data.length + metadata.length,
    preview: previewOf(data, sizes.preview),
    data: bodyOf(data, sizes.body),
    isDataCut: data.length > sizes.body,
    metadata: metadata.length === 0 ? undefined : bodyOf(metadata, sizes.body),
    target: points && {
      text: `${formatEventNumber(points.eventNumber)}@${points.streamName}`,
      href: eventUri(refs.of(points.streamName), points.eventNumber),
    },
    isGone,
  };
}

const NOTHING: Pick<RecordedEvent, "data" | "metadata"> = {
  data: new Uint8Array(0),
  metadata: new Uint8Array(0),
};

/** Bytes that a character may take in UTF-8. */
const CHARACTER_BYTES_MAX = 4;

function previewOf(bytes: Uint8Array, length: number): string {
  const text = beginningOf(bytes, 3 * length).replace(/\s+/g, " ").trim();
  const points = [...text];
  return points.length > length ? points.slice(0, length).join("") + "…" : text;
}

function bodyOf(bytes: Uint8Array, length: number): string | undefined {
  if (length === 0) return undefined;
  const text = beginningOf(bytes, length);
  return bytes.length > length ? text + "…" : indentedObject(text) ?? text;
}

/** The beginning of a text as it may be shown: what is no text is replaced. */
function beginningOf(bytes: Uint8Array, length: number): string {
  return decodeUtf8Leniently(bytes.subarray(0, CHARACTER_BYTES_MAX * length))
    .slice(0, length).toWellFormed()
    // deno-lint-ignore no-control-regex
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/g, "\ufffd");
}
