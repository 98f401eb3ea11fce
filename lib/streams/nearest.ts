/**
 * Getting over what was scavenged: a list may have a gap of any length, and
 * whoever goes through it number by number would never arrive.
 *
 * @module
 */

import type { EventStore } from "../store/event_store.ts";

/**
 * Number from which on a list is worth reading: of its nearest event from one
 * number on in the direction; undefined when there is none.
 *
 * @throws {QuipuError} As `EventStore.readStream` does.
 */
export async function nearestNumber(
  store: EventStore,
  streamName: string,
  from: number,
  direction: "forward" | "backward",
): Promise<number | undefined> {
  if (store.findNearest === undefined) return from;
  return await store.findNearest(streamName, from, direction);
}
