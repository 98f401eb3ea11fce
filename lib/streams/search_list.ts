/**
 * Finding a place in a list by what only grows along it: times and positions.
 *
 * @module
 */

import type { RecordedEvent } from "../model/event.ts";
import type { EventStore, ListEntry } from "../store/event_store.ts";

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
