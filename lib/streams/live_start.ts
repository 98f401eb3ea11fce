/**
 * Finding the place in a feed where a reader wants to begin.
 *
 * @module
 */

import { ALL_STREAM } from "./access.ts";
import type { StreamContext } from "./context.ts";
import type { Caller, LiveFeedCommand, LocateOutcome } from "./outcomes.ts";
import { readLog } from "./read_log.ts";
import { scanList } from "./list_search.ts";
import { searchList } from "./list_search.ts";
import { presenceOf } from "./visibility.ts";

/** A request for a place to begin at. */
type StartRequest = Pick<LiveFeedCommand, "streamName" | "start" | "filter">;

/** Place of the first event that a live feed shows. */
export function placeOfStart(
  context: StreamContext,
  request: StartRequest,
): Promise<number> {
  return request.streamName === ALL_STREAM
    ? placeInLog(context, request)
    : placeInStream(context, request);
}

/**
 * Place of the first event of a time or after it, in a stream, a system list
 * or `$all`, for those who may read it.
 *
 * @param options Microseconds since 1970.
 */
export async function locateTime(
  context: StreamContext,
  caller: Caller,
  { streamName, timeUs }: {
    readonly streamName: string;
    readonly timeUs: number;
  },
): Promise<LocateOutcome> {
  const { store, access } = context;
  const state = await store.readState(streamName);
  const granted = await access.readAccess(caller, streamName, state);
  if (granted === "denied") return { kind: "unauthorized" };
  const presence = streamName === ALL_STREAM
    ? "present"
    : presenceOf(streamName, state);
  if (presence === "deleted") return { kind: "deleted" };
  if (presence === "missing") return { kind: "notFound" };
  const place = await placeOfStart(context, {
    streamName,
    start: { kind: "time", timeUs },
    filter: undefined,
  });
  return { kind: "place", place };
}

async function placeInLog(
  { store }: StreamContext,
  { start, filter }: StartRequest,
): Promise<number> {
  const { end } = await store.readEnd();
  switch (start.kind) {
    case "at":
      // Beyond the end there is nothing to wait for: positions have gaps.
      return Math.min(start.place, end);
    case "head":
      return end;
    case "time":
      return await store.findPosition(start.timeUs);
    case "last": {
      const { events, next } = await readLog(store, {
        from: Math.min(start.before ?? end, end),
        count: start.count,
        direction: "backward",
        withBodies: false,
        filter,
      });
      return events.at(-1)?.logPosition ?? next;
    }
  }
}

async function placeInStream(
  { store }: StreamContext,
  { streamName, start, filter }: StartRequest,
): Promise<number> {
  if (start.kind === "at") return start.place;
  const { head } = await store.readState(streamName);
  switch (start.kind) {
    case "head":
      return head + 1;
    case "time":
      return await searchList(store, {
        streamName,
        low: 0,
        head,
        hasPassed: ({ createdAtUs }) => createdAtUs >= start.timeUs,
      });
    case "last": {
      const { before = head + 1 } = start;
      if (filter === undefined) return Math.max(0, before - start.count);
      const { next } = await scanList(store, {
        streamName,
        filter,
        low: 0,
        high: Math.min(before - 1, head),
        direction: "backward",
        count: start.count,
        sinceUs: -Infinity,
        withBodies: false,
      });
      return next + 1;
    }
  }
}
