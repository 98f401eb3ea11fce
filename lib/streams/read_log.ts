/**
 * Reading the whole log through a filter. Where a list holds every event that
 * the filter lets pass, the list is read instead, so that rare events cost no
 * more than frequent ones.
 *
 * @module
 */

import {
  type EventFilter,
  listsOfFilter,
  passesFilter,
} from "../model/event_filter.ts";
import type {
  EventStore,
  ReadAllRequest,
  ReadAllResult,
} from "../store/event_store.ts";
import { scanList } from "./list_search.ts";
import { searchList } from "./list_search.ts";

/** A read of the whole log, perhaps through a filter. */
export interface ReadLogRequest extends Omit<ReadAllRequest, "accepts"> {
  readonly filter: EventFilter | undefined;
}

/**
 * Reads events of the whole log. With a filter at most `LIMITS.filterScanMax`
 * are looked at; `next` says where to go on.
 *
 * @throws {QuipuError} As `EventStore.readAll` does.
 */
export async function readLog(
  store: EventStore,
  request: ReadLogRequest,
): Promise<ReadAllResult> {
  const { filter, ...rest } = request;
  if (filter === undefined) return await store.readAll(rest);
  const listName = await findList(store, filter);
  return listName === undefined
    ? await store.readAll({
      ...rest,
      accepts: (event) => passesFilter(filter, event),
    })
    : await readList(store, { ...rest, filter, listName });
}

async function findList(
  store: EventStore,
  filter: EventFilter,
): Promise<string | undefined> {
  const { stream, list } = listsOfFilter(filter);
  if (stream === undefined) return list;
  const { isTombstoned } = await store.readState(stream);
  return isTombstoned ? list : stream;
}

async function readList(
  store: EventStore,
  request: ReadLogRequest & {
    readonly filter: EventFilter;
    readonly listName: string;
  },
): Promise<ReadAllResult> {
  const { listName, count, direction, withBodies, filter } = request;
  // The end first: what comes into the list after it waits for the next read.
  const { end } = await store.readEnd();
  const from = request.from === "end" ? end : Math.min(request.from, end);
  const { head } = await store.readState(listName);
  const isForward = direction === "forward";
  const start = await ordinalAt(store, { listName, head, position: from });
  const high = isForward
    ? await ordinalAt(store, { listName, head, position: end }) - 1
    : start - 1;
  const { entries, lastLookedAt, isCutShort } = await scanList(store, {
    streamName: listName,
    filter,
    low: isForward ? start : 0,
    high,
    direction,
    count,
    sinceUs: -Infinity,
    withBodies,
  });
  const last = lastLookedAt?.event.logPosition;
  const next = isForward
    ? isCutShort && last !== undefined ? last + 1 : end
    : isCutShort && last !== undefined
    ? last
    : 0;
  return {
    events: entries.map(({ event }) => event),
    next,
    isAtEnd: !isCutShort,
    end,
  };
}

/** Number of a list's first entry at or after a position in the log. */
async function ordinalAt(
  store: EventStore,
  { listName, head, position }: {
    readonly listName: string;
    readonly head: number;
    readonly position: number;
  },
): Promise<number> {
  const newest = await store.readStream({
    streamName: listName,
    from: Math.max(0, head),
    count: 1,
    direction: "backward",
    withBodies: false,
  });
  // Mostly asked for the end: spares the search.
  const last = newest.entries[0];
  if (last !== undefined && last.event.logPosition < position) return head + 1;
  return await searchList(store, {
    streamName: listName,
    low: 0,
    head,
    hasPassed: ({ logPosition }) => logPosition >= position,
  });
}
