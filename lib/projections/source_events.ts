/**
 * Which events of the log a projection takes: from its definition to a test of
 * one event (spec: projections §7.1).
 *
 * @module
 */

import { isLink } from "../model/links.ts";
import { listOfStream, type ListRef, membershipsOf } from "../model/lists.ts";
import {
  decodeStreamMetadata,
  isSoftDeleted,
} from "../model/stream_metadata.ts";
import {
  describedStream,
  isMetastream,
  isSystemStream,
} from "../model/stream_names.ts";
import type { RecordedEvent } from "../model/event.ts";
import { decodeUtf8Leniently } from "../text/utf8.ts";
import type {
  ProjectionDefinition,
  ProjectionEvent,
} from "./engine/messages.ts";

/** Type of the event that a hard delete leaves. */
const TOMBSTONE_TYPE = "$streamDeleted";

/** Whether an event says that its stream was deleted, and how. */
export function deletionOf(
  event: StoredEvent,
): { readonly isSoft: boolean } | undefined {
  if (event.eventType === TOMBSTONE_TYPE) return { isSoft: false };
  return isMetastream(event.streamName) &&
      isSoftDeleted(decodeStreamMetadata(event))
    ? { isSoft: true }
    : undefined;
}

/** An event as a store or an export has it. */
export type StoredEvent =
  & Pick<
    RecordedEvent,
    "streamName" | "eventNumber" | "eventType" | "eventId" | "isJson"
  >
  & {
    readonly createdAtUs: number;
    readonly data: string | Uint8Array;
    readonly metadata: string | Uint8Array;
  };

/**
 * An event as engines take it.
 *
 * @param linkMetadata Of the link that led to it.
 */
export function projectionEventOf(
  event: StoredEvent,
  linkMetadata?: string | Uint8Array,
): ProjectionEvent {
  const made = {
    streamName: event.streamName,
    eventNumber: event.eventNumber,
    eventType: event.eventType,
    eventId: event.eventId,
    createdAtMs: Math.floor(event.createdAtUs / 1000),
    isJson: event.isJson,
    data: textOf(event.data),
    metadata: textOf(event.metadata),
    partition: describedStream(event.streamName),
  };
  return linkMetadata === undefined
    ? made
    : { ...made, linkMetadata: textOf(linkMetadata) };
}

function textOf(data: string | Uint8Array): string {
  return typeof data === "string" ? data : decodeUtf8Leniently(data);
}

/** What a projection takes. */
export interface SourceEvents {
  /** Whether links are followed to the events that they stand for. */
  readonly resolvesLinks: boolean;
  /** Whether an event stands in a source, whatever its type is. */
  includes(event: StoredEvent): boolean;
  /** Whether handlers take events of the type. */
  takesType(eventType: string): boolean;
}

/**
 * Makes the test.
 *
 * @param catalog Streams that the catalogue names, if the definition has one.
 */
export function sourceEventsOf(
  definition: ProjectionDefinition,
  catalog: ReadonlySet<string> = new Set(),
): SourceEvents {
  const { allStreams, allEvents, categories, options } = definition;
  const types = new Set(definition.events);
  const streams = new Set([...definition.streams, ...catalog]);
  const lists = [
    ...definition.streams,
    ...categories.map((category) => `$ce-${category}`),
  ].map(listOfStream).filter(({ kind }) => kind !== "stream");
  return {
    resolvesLinks: allStreams !== true,
    takesType: (eventType) => allEvents === true || types.has(eventType),
    includes(event) {
      if (allStreams === true) {
        return !isSystemStream(describedStream(event.streamName)) &&
          (options.includeLinks === true || !isLink(event));
      }
      return streams.has(event.streamName) ||
        lists.length > 0 && lists.some((list) => isListed(event, list));
    },
  };
}

function isListed(event: StoredEvent, { kind, name }: ListRef): boolean {
  const { streamName, eventNumber, eventType } = event;
  const lists = membershipsOf(
    { streamName, eventNumber, eventType },
    isMetastream(streamName) ? decodeStreamMetadata(event) : undefined,
  );
  switch (kind) {
    case "category":
      return lists.category === name;
    case "eventType":
      return lists.eventType === name;
    case "streams":
      return lists.isInStreams;
    case "categoryStreams":
      return lists.categoryOfStream === name;
    case "stream":
      return streamName === name;
  }
}
