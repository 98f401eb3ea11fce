/**
 * The events of system lists. Nobody writes them: each is made from the event
 * that it stands for when it is read (spec: projections §9), and comes out the
 * same every time.
 *
 * @module
 */

import type { RecordedEvent } from "../model/event.ts";
import { formatEventNumber } from "../model/event_number.ts";
import type { ListEntry } from "../model/event_store.ts";
import type { LinkTarget } from "../model/feed.ts";
import type { ListRef } from "../model/lists.ts";
import {
  decodeStreamMetadata,
  isSoftDeleted,
} from "../model/stream_metadata.ts";
import { isMetastream, originalOfMetastream } from "../model/stream_names.ts";
import { LINK_TYPE, parseLink } from "./links.ts";
import { encodeUtf8 } from "../text/utf8.ts";

/** Type of an event that names a stream. */
export const STREAM_REFERENCE_TYPE = "$@";

/** An event of a system list, and what it points at. */
export interface SystemEvent {
  /** The event as it stands in the list. */
  readonly event: RecordedEvent;
  /** Target of a link; undefined for a stream reference and a broken link. */
  readonly link: LinkTarget | undefined;
  /** Stream that one must be able to read to see the event. */
  readonly aboutStream: string;
  /** The target, where the list's entry is that very event. */
  readonly target: RecordedEvent | undefined;
}

const NO_BYTES = new Uint8Array(0);

/**
 * Makes the event of a list from its entry.
 *
 * @param entry With its bodies, or without them if nobody looks at those of
 * the made event; that of a link event (`$>`) in a category needs its data.
 */
export function systemEventOf(
  list: ListRef,
  listName: string,
  entry: ListEntry,
  withBodies: boolean,
): SystemEvent {
  const { ordinal, event: source } = entry;
  const isReference = list.kind === "categoryStreams";
  const isCopiedLink = list.kind === "category" &&
    source.eventType === LINK_TYPE;
  const aboutStream = list.kind === "eventType"
    ? describedStreamOf(source.streamName)
    : source.streamName;
  const link = isReference
    ? undefined
    : isCopiedLink
    ? parseLink(source.data)
    : { streamName: aboutStream, eventNumber: source.eventNumber };
  const data = isCopiedLink
    ? source.data
    : encodeUtf8(isReference ? source.streamName : linkText(link));
  const isSource = !isCopiedLink && aboutStream === source.streamName;
  return {
    event: {
      streamName: listName,
      eventNumber: ordinal,
      eventId: systemEventId(listName, ordinal),
      eventType: isReference ? STREAM_REFERENCE_TYPE : LINK_TYPE,
      isJson: false,
      data,
      metadata: withBodies
        ? encodeUtf8(metadataTextOf(list, source))
        : NO_BYTES,
      createdAtUs: source.createdAtUs,
      logPosition: source.logPosition,
    },
    link,
    aboutStream: isCopiedLink && link !== undefined
      ? link.streamName
      : aboutStream,
    target: isSource && !isReference ? source : undefined,
  };
}

/** Lists of types point at the stream that metadata is about, not at its own. */
function describedStreamOf(streamName: string): string {
  return isMetastream(streamName)
    ? originalOfMetastream(streamName)
    : streamName;
}

function linkText(link: LinkTarget | undefined): string {
  if (link === undefined) return "";
  return `${formatEventNumber(link.eventNumber)}@${link.streamName}`;
}

function metadataTextOf(list: ListRef, source: RecordedEvent): string {
  const members: string[] = [];
  if (list.kind === "category") {
    const original = describedStreamOf(source.streamName);
    members.push(`"$o":${JSON.stringify(original)}`);
  }
  const tellsDeletes = list.kind === "category" || list.kind === "eventType";
  if (tellsDeletes && isDelete(source)) members.push('"$deleted":-1');
  members.push(`"$causedBy":"${source.eventId}"`);
  return `{${members.join(",")}}`;
}

function isDelete(source: RecordedEvent): boolean {
  return source.eventType === "$streamDeleted" ||
    isMetastream(source.streamName) &&
      isSoftDeleted(decodeStreamMetadata(source));
}

/**
 * Id of a list's event: a UUID of the version for hashes of names (5), from
 * the list's name and the ordinal. The hash is not SHA-1 but four lanes of
 * FNV-1a that feed each other: an id is made for every entry of every page,
 * and nobody gains from a collision.
 */
function systemEventId(listName: string, ordinal: number): string {
  let a = 0x811c9dc5, b = 0x9e3779b9, c = 0x85ebca6b, d = 0xc2b2ae35;
  const key = `${ordinal}@${listName}`;
  for (let index = 0; index < key.length; index++) {
    const unit = key.charCodeAt(index);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit ^ (a >>> 15), 0x85ebca6b);
    c = Math.imul(c ^ unit ^ (b >>> 13), 0xc2b2ae35);
    d = Math.imul(d ^ unit ^ (c >>> 16), 0x27d4eb2f);
  }
  // Byte 6 holds the version, byte 8 the variant.
  return hexBytes(a ^ (d >>> 7)) + "-" + hex16(b >>> 16) + "-" +
    hex16(b & 0x0fff | 0x5000) + "-" + hex16(c >>> 16 & 0x3fff | 0x8000) +
    "-" + hex16(c) + hexBytes(d);
}

const HEX = Array.from(
  { length: 256 },
  (_, byte) => byte.toString(16).padStart(2, "0"),
);

function hex16(value: number): string {
  return `${HEX[value >>> 8 & 0xff]}${HEX[value & 0xff]}`;
}

function hexBytes(value: number): string {
  return hex16(value >>> 16) + hex16(value);
}
