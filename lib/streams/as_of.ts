/**
 * Feeds as they were at some time: cut off after the last event of then. What
 * is hidden by now stays hidden, so that nothing deleted comes back.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { EventStore, StreamState } from "../model/event_store.ts";
import type { CachePolicy } from "../model/feed.ts";
import { LIMITS } from "../model/limits.ts";
import { searchList } from "./search_list.ts";

/**
 * Number of the last event that a stream or system list had at a time; -1 for
 * none.
 *
 * @param asOfUs Microseconds since 1970; events of that very moment count.
 */
export async function headAsOf(
  store: EventStore,
  asOfUs: number,
  { streamName, head }: Pick<StreamState, "head"> & {
    readonly streamName: string;
  },
): Promise<number> {
  const following = await searchList(store, {
    streamName,
    low: 0,
    head,
    hasPassed: ({ createdAtUs }) => createdAtUs > asOfUs,
  });
  return following - 1;
}

/**
 * How long a page may be kept: one that shows a time which is well past stays
 * as it is; one of a time that is not may not be kept at all.
 *
 * @param asOfUs Undefined: the page shows the present, and `ofPresent` holds.
 */
export function cacheAsOf(
  asOfUs: number | undefined,
  clock: Clock,
  ofPresent: Pick<CachePolicy, "kind" | "maxAgeSeconds">,
): Pick<CachePolicy, "kind" | "maxAgeSeconds"> {
  if (asOfUs === undefined) return ofPresent;
  // An event gets its time a little before it becomes visible.
  const isSettled = asOfUs < clock.nowUs() - LIMITS.asOfSettleMs * 1000;
  return { kind: isSettled ? "immutable" : "head", maxAgeSeconds: undefined };
}
