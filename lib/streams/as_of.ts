/**
 * Feeds as they were at some time: cut off after the last event of then. What
 * is hidden by now stays hidden, so that nothing deleted comes back.
 *
 * @module
 */

import type { EventStore, StreamState } from "../store/event_store.ts";
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
