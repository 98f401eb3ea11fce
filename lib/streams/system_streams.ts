/**
 * The events of system lists. Nobody writes them: each is made from the event
 * that it stands for when it is read (spec: projections §9), and comes out the
 * same every time.
 *
 * @module
 */

import type { RecordedEvent } from "../model/event.ts";
import { formatEventNumber } from "../model/event_number.ts";
import type {
  EventStore,
  ListEntry,
  StreamState,
} from "../store/event_store.ts";
import type { LinkTarget } from "../model/feed.ts";
import { readJsonMembers } from "../model/json_members.ts";
import { LINK_TYPE, parseLink } from "../model/links.ts";
import { isSystemList, type ListRef } from "../model/lists.ts";
import {
  decodeStreamMetadata,
  isSoftDeleted,
  METADATA_EVENT_TYPE,
} from "../model/stream_metadata.ts";
import {
  describedStream,
  isMetastream,
  originalOfMetastream,
} from "../model/stream_names.ts";
import { decodeJsonText, encodeUtf8 } from "../text/utf8.ts";

/** Type of an event that names a stream. */
export const STREAM_REFERENCE_TYPE = "$@";

/** An event of a system list, and what it points at. */
export interface SystemEvent {
  /** The event as it stands in the list. */
  readonly event: RecordedEvent;
  /** Target of a link; undefined for a stream reference and a broken link. */
  readonly link: LinkTarget | undefined;
  /** Streams that one must be able to read to see the event; at least one. */
  readonly aboutStreams: readonly string[];
  /** The target, where the list's entry is that very event. */
  readonly target: RecordedEvent | undefined;
}

/** A list, and how its events are made. */
export interface SystemEventOptions {
  readonly list: ListRef;
  /** Name that the list is read by. */
  readonly listName: string;
  /** Whether the metadata of the made event is wanted. */
  readonly withBodies: boolean;
}

const NO_BYTES = new Uint8Array(0);

/**
 * Whether a list's entry is a link event. A category does not link to it, but
 * to what it points at (spec: projections §9.4): see {@link copiedLinkOf}.
 */
export function isCopiedLink(list: ListRef, { event }: ListEntry): boolean {
  return list.kind === "category" && event.eventType === LINK_TYPE;
}

/**
 * Makes the event of a list from its entry, which must be no copied link.
 *
 * @param entry With its bodies, or without them if `withBodies` is false.
 */
export function systemEventOf(
  entry: ListEntry,
  options: SystemEventOptions,
): SystemEvent {
  const { list } = options;
  const { event: source } = entry;
  const { streamName, eventNumber } = source;
  if (list.kind === "categoryStreams") {
    return {
      event: madeEvent(entry, options, {
        eventType: STREAM_REFERENCE_TYPE,
        data: encodeUtf8(streamName),
        cause: source,
      }),
      link: undefined,
      aboutStreams: [streamName],
      target: undefined,
    };
  }
  // Lists of types point at the stream that metadata is about.
  const targetStream = list.kind === "eventType"
    ? describedStream(streamName)
    : streamName;
  const isSource = targetStream === streamName;
  const link = { streamName: targetStream, eventNumber };
  return {
    event: madeEvent(entry, options, {
      eventType: LINK_TYPE,
      data: encodeUtf8(linkText(link)),
      cause: source,
    }),
    link,
    aboutStreams: isSource ? [streamName] : [streamName, targetStream],
    target: isSource ? source : undefined,
  };
}

/**
 * Makes the event of a category from its entry, which is a link event.
 *
 * @param entry With its data.
 * @param linked What the link event points at, hidden or not; undefined when it
 * is not there.
 */
export function copiedLinkOf(
  entry: ListEntry,
  linked: RecordedEvent | undefined,
  options: SystemEventOptions,
): SystemEvent {
  const { event: source } = entry;
  const near = parseLink(source.data);
  // Of a link to a link, what the second one says is copied.
  const data = linked === undefined
    ? source.data
    : linked.eventType === LINK_TYPE
    ? linked.data
    : encodeUtf8(linkText(linked));
  const link = parseLink(data);
  return {
    event: madeEvent(entry, options, {
      eventType: LINK_TYPE,
      data,
      cause: linked,
    }),
    link,
    aboutStreams: [source, near, link].flatMap((by) => by?.streamName ?? []),
    target: undefined,
  };
}

function madeEvent(
  { ordinal, event: source }: ListEntry,
  { list, listName, withBodies }: SystemEventOptions,
  made: {
    readonly eventType: string;
    readonly data: Uint8Array;
    /** The event that the metadata names as the cause. */
    readonly cause: RecordedEvent | undefined;
  },
): RecordedEvent {
  return {
    streamName: listName,
    eventNumber: ordinal,
    eventId: systemEventId(listName, ordinal),
    eventType: made.eventType,
    isJson: false,
    data: made.data,
    metadata: withBodies
      ? encodeUtf8(metadataTextOf(list, source, made.cause))
      : NO_BYTES,
    createdAtUs: source.createdAtUs,
    logPosition: source.logPosition,
  };
}

function linkText({ streamName, eventNumber }: LinkTarget): string {
  return `${formatEventNumber(eventNumber)}@${streamName}`;
}

/** As a projection writes it (spec: projections §6.3, §9), less its position. */
function metadataTextOf(
  list: ListRef,
  source: RecordedEvent,
  cause: RecordedEvent | undefined,
): string {
  const members: string[] = [];
  if (list.kind === "category") {
    const original = describedStream(source.streamName);
    members.push(`"$o":${JSON.stringify(original)}`);
  }
  const tellsDeletes = list.kind === "category" || list.kind === "eventType";
  if (tellsDeletes && isDelete(source)) members.push('"$deleted":-1');
  if (cause !== undefined) {
    members.push(`"$causedBy":"${cause.eventId}"`);
    const correlationId = correlationIdOf(decodeJsonText(cause.metadata));
    if (correlationId !== undefined) {
      members.push(`"${CORRELATION_ID}":${correlationId}`);
    }
  }
  return `{${members.join(",")}}`;
}

/** Member of metadata that says which events belong together. */
export const CORRELATION_ID = "$correlationId";

/** The member of metadata as it is written there; undefined: it has none. */
export function correlationIdOf(text: string): string | undefined {
  // Few events have one; a name may be written with escapes.
  if (!text.includes(CORRELATION_ID) && !text.includes("\\u")) return undefined;
  try {
    const document: unknown = JSON.parse(text);
    const isObject = typeof document === "object" && document !== null &&
      !Array.isArray(document);
    return isObject ? readJsonMembers(text).get(CORRELATION_ID) : undefined;
  } catch {
    return undefined;
  }
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
export function systemEventId(listName: string, ordinal: number): string {
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

const MADE_METADATA = encodeUtf8('{"$acl":{"$r":"$all","$mr":"$all"}}');

/**
 * The metadata event of a system list that has entries and no metadata: what a
 * projection of the original wrote before a list's first event (spec:
 * projections §6.3). It takes part in nothing else: the first metadata that is
 * written is number 0, too.
 *
 * @param state What the store says of `metastreamName`.
 * @returns `undefined` for any other stream.
 * @throws {QuipuError} As `EventStore.readStream` does.
 */
export async function madeMetadataOf(
  { store }: { readonly store: EventStore },
  metastreamName: string,
  state: StreamState,
): Promise<ListEntry | undefined> {
  if (state.head >= 0 || !isMetastream(metastreamName)) return undefined;
  const listName = originalOfMetastream(metastreamName);
  if (!isSystemList(listName)) return undefined;
  const { head } = await store.readState(listName);
  if (head < 0) return undefined;
  const first = await store.findNearest(listName, 0, "forward");
  const { entries: [oldest] } = await store.readStream({
    streamName: listName,
    from: first ?? head,
    count: 1,
    direction: "forward",
    withBodies: false,
  });
  // An event has a time: of a list that has lost all entries nobody knows it.
  if (oldest === undefined) return undefined;
  const event = {
    streamName: metastreamName,
    eventNumber: 0,
    eventId: systemEventId(metastreamName, 0),
    eventType: METADATA_EVENT_TYPE,
    isJson: true,
    data: MADE_METADATA,
    metadata: NO_BYTES,
    createdAtUs: oldest.event.createdAtUs,
    logPosition: oldest.event.logPosition,
  };
  return { ordinal: 0, event };
}
