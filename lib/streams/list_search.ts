/**
 * Going through a list, a stream or a system list, by what it holds: through a
 * filter, or by halves to a time or a position. A list may have gaps of any
 * length where events were scavenged; they are passed in one step.
 *
 * @module
 */

import { type EventFilter, passesFilter } from "../model/event_filter.ts";
import type { RecordedEvent } from "../model/event.ts";
import { LIMITS } from "../model/limits.ts";
import type { EventStore, ListEntry } from "../store/event_store.ts";

/** The list to search, and the condition. */
export interface ScanRequest {
  readonly streamName: string;
  readonly filter: EventFilter;
  /** Lowest and highest number to look at. */
  readonly low: number;
  readonly high: number;
  readonly direction: "forward" | "backward";
  /** Events wanted, 1 or more. */
  readonly count: number;
  /** Older events don't count; microseconds since 1970. */
  readonly sinceUs: number;
  readonly withBodies: boolean;
}

/** The result of a search, and how far it went. */
export interface Scan {
  /** In scanning direction. */
  readonly entries: readonly ListEntry[];
  /** Number to go on from in the same direction. */
  readonly next: number;
  /** The last entry that was looked at, wanted or not. */
  readonly lastLookedAt: ListEntry | undefined;
  /** Whether something is left to look at in that direction. */
  readonly isCutShort: boolean;
}

/** Entries that are read together. */
const BLOCK_COUNT = 256;

/**
 * Looks through a list until enough is found, `LIMITS.filterScanMax` entries
 * were looked at or `LIMITS.pageBytesMax` of bodies are gathered.
 *
 * @throws {QuipuError} As `EventStore.readStream` does.
 */
export async function scanList(
  store: EventStore,
  request: ScanRequest,
): Promise<Scan> {
  const { streamName, filter, low, high, direction, count } = request;
  const isForward = direction === "forward";
  const step = isForward ? 1 : -1;
  const found: ListEntry[] = [];
  let next = isForward ? low : high;
  let lastLookedAt: ListEntry | undefined;
  let lookedAt = 0;
  let gatheredBytes = 0;
  while (next >= low && next <= high) {
    // Most of a list is wanted, or little: the bodies of a first few tell.
    const withBodies = request.withBodies && lookedAt === 0;
    const left = isForward ? high - next + 1 : next - low + 1;
    const wanted = withBodies ? Math.min(count, BLOCK_COUNT) : BLOCK_COUNT;
    const blockCount = Math.min(wanted, left);
    const blockEnd = next + step * blockCount;
    const { entries, continueFrom } = await store.readStream({
      streamName,
      from: next,
      count: blockCount,
      direction,
      withBodies,
    });
    for (const entry of entries) {
      const isFull = found.length >= count ||
        lookedAt >= LIMITS.filterScanMax ||
        gatheredBytes >= LIMITS.pageBytesMax;
      if (isFull) {
        return { entries: found, next, lastLookedAt, isCutShort: true };
      }
      lookedAt++;
      lastLookedAt = entry;
      next = entry.ordinal + step;
      if (entry.event.createdAtUs < request.sinceUs) continue;
      if (!passesFilter(filter, entry.event)) continue;
      const shown = request.withBodies && !withBodies
        ? await readWhole(store, streamName, entry)
        : entry;
      gatheredBytes += shown.event.data.length + shown.event.metadata.length;
      found.push(shown);
    }
    // The last numbers of a block may have been scavenged.
    next = continueFrom ?? blockEnd;
    if (entries.length > 0 || next < low || next > high) continue;
    const near = await store.findNearest(streamName, next, direction);
    next = near ?? (isForward ? high + 1 : low - 1);
  }
  return { entries: found, next, lastLookedAt, isCutShort: false };
}

/** Reads an entry again, with its bodies. */
async function readWhole(
  store: EventStore,
  streamName: string,
  entry: ListEntry,
): Promise<ListEntry> {
  const { entries } = await store.readStream({
    streamName,
    from: entry.ordinal,
    count: 1,
    direction: "forward",
    withBodies: true,
  });
  return entries[0] ?? entry;
}

/**
 * Lowest number, from `low` on, whose event and all after it have passed some
 * point; `head + 1` when none has. Looks at O(log n) events.
 */
export async function searchList(
  store: EventStore,
  place: {
    readonly streamName: string;
    /** 0 or more. */
    readonly low: number;
    readonly head: number;
    /** Once true along the list it stays true. */
    readonly hasPassed: (event: RecordedEvent) => boolean;
  },
): Promise<number> {
  const { streamName, head, hasPassed } = place;
  let low = place.low;
  let high = Math.max(low, head + 1);
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    const found = await findFrom(store, { streamName, from: middle, high });
    if (found !== undefined && !hasPassed(found.event)) low = found.ordinal + 1;
    else high = middle;
  }
  return low;
}

/** First entry that is still there, from a number on and below `high`. */
async function findFrom(
  store: EventStore,
  { streamName, from, high }: {
    readonly streamName: string;
    readonly from: number;
    readonly high: number;
  },
): Promise<ListEntry | undefined> {
  const first = await store.findNearest(streamName, from, "forward");
  if (first === undefined || first >= high) return undefined;
  const { entries } = await store.readStream({
    streamName,
    from: first,
    count: 1,
    direction: "forward",
    withBodies: false,
  });
  return entries[0];
}
