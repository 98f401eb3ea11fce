/**
 * Small steps that the store's contract is written in.
 *
 * @module
 */

import type { AppendResult, EventStore } from "../../lib/store/event_store.ts";
import { anEvent } from "../support/events.ts";

/** Opens an empty store. */
export type OpenStore = () => Promise<EventStore>;

/** Defines a test on a store of its own. */
export function storeTest(
  title: string,
  open: OpenStore,
  scenario: (store: EventStore) => Promise<void>,
): void {
  Deno.test(title, async () => {
    await using store = await open();
    await scenario(store);
  });
}

/** Appends the events of these numbers, without an expectation. */
export function appendNumbers(
  store: EventStore,
  streamName: string,
  numbers: readonly number[],
): Promise<AppendResult> {
  const events = numbers.map((number) => anEvent(number));
  return store.append({ streamName, expectedVersion: "any", events });
}

/** Data of one event as text; undefined when there is no such event. */
export async function dataOf(
  store: EventStore,
  streamName: string,
  eventNumber: number,
): Promise<string | undefined> {
  const entry = await store.readEvent(streamName, eventNumber);
  return entry && new TextDecoder().decode(entry.event.data);
}

/** Data of the first hundred events as texts. */
export async function textsOf(
  store: EventStore,
  streamName: string,
): Promise<string[]> {
  const { entries } = await store.readStream({
    streamName,
    from: 0,
    count: 100,
    direction: "forward",
    withBodies: true,
  });
  return entries.map(({ event }) => new TextDecoder().decode(event.data));
}
