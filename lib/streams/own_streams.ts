/**
 * Writing and reading the streams that the server keeps for itself: those of
 * subscriptions and of projections.
 *
 * @module
 */

import type { ProposedEvent, RecordedEvent } from "../model/event.ts";
import {
  isSoftDeleted,
  METADATA_EVENT_TYPE,
} from "../model/stream_metadata.ts";
import { metastreamOf } from "../model/stream_names.ts";
import type { EventStore, StreamState } from "../store/event_store.ts";
import type { Lease } from "../store/leases.ts";
import { decodeUtf8IfValid } from "../text/utf8.ts";

/** The parts that writing these streams needs. */
export interface OwnStreams {
  readonly store: EventStore;
  /** A new random UUID, lower case with hyphens. */
  readonly newId: () => string;
  /** The lease that the writer must still hold; undefined: it needs none. */
  readonly lease?: Lease | undefined;
}

/** Everything is for administrators alone. */
export const ADMINS_ACL = {
  $r: "$admins",
  $w: "$admins",
  $d: "$admins",
  $mr: "$admins",
  $mw: "$admins",
} as const;

/** An event that the server writes; data of an object is JSON. */
export function ownEvent(
  newId: () => string,
  eventType: string,
  data: string | object,
): ProposedEvent {
  return {
    eventId: newId(),
    eventType,
    isJson: true,
    data: typeof data === "string" ? data : JSON.stringify(data),
    metadata: "",
  };
}

/**
 * Appends events at the end of a stream, whatever its version is.
 *
 * @returns Number of the first.
 * @throws {QuipuError} As `EventStore.append` does.
 * @throws {Error} If the stream was deleted for good.
 */
export async function appendOwn(
  { store, lease }: Pick<OwnStreams, "store" | "lease">,
  streamName: string,
  events: readonly ProposedEvent[],
): Promise<number> {
  const request = { streamName, expectedVersion: "any", events } as const;
  const result = await store.append(
    lease === undefined ? request : { ...request, lease },
  );
  if ("firstEventNumber" in result) return result.firstEventNumber;
  throw new Error(`Cannot append to "${streamName}": it is ${result.kind}`);
}

/** Writes what a stream's metadata says from now on. Throws as `appendOwn`. */
export async function describeOwn(
  own: OwnStreams,
  streamName: string,
  metadata: object,
): Promise<void> {
  await appendOwn(own, metastreamOf(streamName), [
    ownEvent(own.newId, METADATA_EVENT_TYPE, metadata),
  ]);
}

/** First number of a stream that was not given up; past its head: all were. */
export function firstKeptNumber({ head, metadata }: StreamState): number {
  if (isSoftDeleted(metadata)) return head + 1;
  return Math.min(Number(metadata.truncateBefore ?? 0), head + 1);
}

/** The last event of a stream that readers see; undefined: there is none. */
export async function readLastKept(
  { store }: Pick<OwnStreams, "store">,
  streamName: string,
): Promise<RecordedEvent | undefined> {
  const state = await store.readState(streamName);
  const { head, isTombstoned } = state;
  if (isTombstoned || head < firstKeptNumber(state)) return undefined;
  return (await store.readEvent(streamName, head))?.event;
}

/** Data of an event as JSON; undefined when it is none. */
export function jsonOf({ data }: RecordedEvent): unknown {
  try {
    return JSON.parse(decodeUtf8IfValid(data) ?? "");
  } catch {
    return undefined;
  }
}

/** A JSON object; undefined for anything else. */
export function objectOf(
  value: unknown,
): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? { ...value }
    : undefined;
}
