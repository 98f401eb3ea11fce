/**
 * Lists: names with events in order. Every stream is one. So are the system
 * streams, which nobody writes: each category (`$ce-…`), the streams of each
 * category (`$category-…`), each event type (`$et-…`) and all streams
 * (`$streams`). An event's number in a list is its ordinal; in its own stream
 * that is its event number.
 *
 * @module
 */

import { LINK_TYPE } from "./links.ts";
import type { StreamMetadata } from "./stream_metadata.ts";
import { isSoftDeleted } from "./stream_metadata.ts";
import {
  categoryOf,
  isMetastream,
  isSystemStream,
  originalOfMetastream,
} from "./stream_names.ts";

export type ListKind =
  | "stream"
  | "category"
  | "eventType"
  | "streams"
  | "categoryStreams";

/** A list; `name` is the stream, category or type, and empty for `streams`. */
export interface ListRef {
  readonly kind: ListKind;
  readonly name: string;
}

/** The lists, besides its own stream, that an event is entered in. */
export interface ListMemberships {
  /** Category whose list (`$ce-…`) gets the event. */
  readonly category: string | undefined;
  /** Type whose list (`$et-…`) gets the event. */
  readonly eventType: string | undefined;
  /** Whether `$streams` gets the event. */
  readonly isInStreams: boolean;
  /** Category whose list of streams (`$category-…`) gets the event. */
  readonly categoryOfStream: string | undefined;
}

const STREAM_PREFIXES: readonly [string, ListKind][] = [
  ["$ce-", "category"],
  ["$et-", "eventType"],
  ["$category-", "categoryStreams"],
];

/** List that the stream `streamName` is served from. */
export function listOfStream(streamName: string): ListRef {
  if (isSystemStream(streamName)) {
    if (streamName === "$streams") return { kind: "streams", name: "" };
    for (const [prefix, kind] of STREAM_PREFIXES) {
      if (streamName.startsWith(prefix) && streamName.length > prefix.length) {
        return { kind, name: streamName.slice(prefix.length) };
      }
    }
  }
  return { kind: "stream", name: streamName };
}

/** Whether the stream is served from a list and cannot be written. */
export function isSystemList(streamName: string): boolean {
  return listOfStream(streamName).kind !== "stream";
}

/** The system list that a stream is served from; undefined: it is one itself. */
export function systemListOf(streamName: string): ListRef | undefined {
  if (!isSystemStream(streamName)) return undefined;
  const list = listOfStream(streamName);
  return list.kind === "stream" ? undefined : list;
}

/** Type under which `$et-` lists soft and hard deletes (spec: projections §9.5). */
const DELETED_TYPE = "$deleted";

const NO_MEMBERSHIPS: ListMemberships = {
  category: undefined,
  eventType: undefined,
  isInStreams: false,
  categoryOfStream: undefined,
};

/**
 * Which lists an event is entered in (spec: projections §9). Streams of the
 * system are skipped, but metastreams of ordinary streams are seen.
 *
 * @param metadata For an event of a metastream: what it says.
 */
export function membershipsOf(
  event: {
    readonly streamName: string;
    readonly eventType: string;
    readonly eventNumber: number;
  },
  metadata?: StreamMetadata,
): ListMemberships {
  const { streamName, eventType, eventNumber } = event;
  const isOfMetastream = isMetastream(streamName);
  const described = isOfMetastream
    ? originalOfMetastream(streamName)
    : streamName;
  if (isSystemStream(described)) return NO_MEMBERSHIPS;
  const isDelete = eventType === "$streamDeleted" ||
    (isOfMetastream && metadata !== undefined && isSoftDeleted(metadata));
  const category = categoryOf(described);
  return {
    category,
    eventType: eventType === LINK_TYPE
      ? undefined
      : isDelete
      ? DELETED_TYPE
      : eventType,
    isInStreams: eventNumber === 0,
    categoryOfStream: eventNumber === 0 && !isOfMetastream
      ? category
      : undefined,
  };
}
