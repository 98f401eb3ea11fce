import { assertEquals } from "@std/assert";
import type { EventStore } from "../store/event_store.ts";
import {
  anEvent,
  createTestClock,
  createTestIds,
} from "../../tests/support/events.ts";
import { createModelStore } from "../../tests/support/model_store.ts";
import { createStreamService } from "./stream_service.ts";

const validator = {
  head: 0,
  metadataNumber: -1,
  isPublic: true,
  isImmutable: false,
};

/** A store that can only be asked and waited for, as a remote one. */
function withoutPeeking(store: EventStore): EventStore {
  return new Proxy(store, {
    get(_target, name: keyof EventStore) {
      if (name === "local") return undefined;
      const value = store[name];
      return typeof value === "function" ? value.bind(store) : value;
    },
  });
}

Deno.test("isStillValid() is false for a store that has to be waited for, which is read all the same", async () => {
  const clock = createTestClock();
  await using store = createModelStore({ clock, newEventId: createTestIds() });
  await store.append({
    streamName: "s",
    expectedVersion: "any",
    events: [anEvent(1)],
  });
  for (
    const [isRemote, source] of [[false, store], [
      true,
      withoutPeeking(store),
    ]] as const
  ) {
    const streams = createStreamService({ store: source, clock });
    const page = await streams.readFeed(undefined, {
      streamName: "s",
      range: { kind: "head", count: 20 },
      resolveLinks: true,
      withBodies: true,
      longPollMs: 0,
    });
    assertEquals(page.kind === "page" && page.validator, validator);
    const event = await streams.readEvent(undefined, {
      streamName: "s",
      eventNumber: 0,
      resolveLinks: true,
    });
    assertEquals(event.kind === "event" && event.validator, {
      ...validator,
      isImmutable: true,
    });
    const holds = streams.isStillValid(undefined, {
      streamName: "s",
      validator,
    });
    assertEquals(holds, !isRemote);
  }
});
