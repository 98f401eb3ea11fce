import { assertEquals } from "@std/assert";
import { aMetadataEvent, anEvent } from "../../tests/support/events.ts";
import { openProjectionFixture } from "../../tests/support/projection_service.ts";
import { ADMIN, aUser } from "../../tests/support/stream_service.ts";
import type { Caller, SourceRead } from "./contract.ts";

async function openWithEvents() {
  const { service, store } = await openProjectionFixture();
  let id = 0;
  const append = async (streamName: string, eventType: string) => {
    const events = [{ ...anEvent(id++), eventType }];
    await store.append({ streamName, expectedVersion: "any", events });
  };
  await append("a-1", "x");
  await append("a-2", "y");
  await append("a-1", "x");
  await append("$system", "x");
  await append("a-2", "x");
  const read = async (
    definition: SourceRead["definition"],
    { position = {}, maxEvents = 10, caller = ADMIN }: {
      position?: SourceRead["position"];
      maxEvents?: number;
      caller?: Caller;
    } = {},
  ) => {
    const outcome = await service.readEvents(caller, {
      definition,
      position,
      maxEvents,
    });
    if (outcome.kind !== "read") return outcome;
    const { events, position: reached } = outcome.view;
    const numbers = events.map(({ eventNumber, streamName }) =>
      `${eventNumber}@${streamName}`
    );
    return { numbers, reached, places: events.map(({ position }) => position) };
  };
  return { service, store, read };
}

Deno.test("events of several streams come in the order of the log, each with its place", async () => {
  const { service, read } = await openWithEvents();
  const all = { streams: ["a-1", "a-2"], allEvents: true } as const;
  assertEquals(await read(all, { maxEvents: 3 }), {
    numbers: ["0@a-1", "0@a-2", "1@a-1"],
    reached: { streams: [["a-1", 1], ["a-2", 0]] },
    places: [
      { streams: [["a-1", 0], ["a-2", -1]] },
      { streams: [["a-1", 0], ["a-2", 0]] },
      { streams: [["a-1", 1], ["a-2", 0]] },
    ],
  });
  const position = { streams: [["a-1", 1], ["a-2", 0]] } as const;
  assertEquals(await read(all, { position }), {
    numbers: ["1@a-2"],
    reached: { streams: [["a-1", 1], ["a-2", 1]] },
    places: [{ streams: [["a-1", 1], ["a-2", 1]] }],
  });
  await service.close();
});

Deno.test("a category is its list, whose links are followed", async () => {
  const { service, read } = await openWithEvents();
  const outcome = await read({ categories: ["a"], events: ["x"] });
  assertEquals("numbers" in outcome && outcome.numbers, [
    "0@a-1",
    "1@a-1",
    "1@a-2",
  ]);
  assertEquals("reached" in outcome && outcome.reached, {
    streams: [["$ce-a", 3]],
  });
  await service.close();
});

Deno.test("the whole log shows no streams of the system, and runs on to its end", async () => {
  const { service, store, read } = await openWithEvents();
  const outcome = await read({ allStreams: true, events: ["y"] });
  assertEquals("numbers" in outcome && outcome.numbers, ["0@a-2"]);
  const { end } = await store.readEnd();
  assertEquals("reached" in outcome && outcome.reached, {
    log: { commit: end - 1, prepare: end - 1 },
  });
  await service.close();
});

Deno.test("the sources must be readable, and there must be one", async () => {
  const { service, store, read } = await openWithEvents();
  await store.append({
    streamName: "$$a-1",
    expectedVersion: "any",
    events: [aMetadataEvent(100, { $acl: { $r: "some" } })],
  });
  const all = { streams: ["a-1"], allEvents: true } as const;
  const caller = aUser("dave");
  assertEquals(await read(all, { caller }), { kind: "unauthorized" });
  assertEquals(
    await read({ allStreams: true, allEvents: true }, { caller }),
    { kind: "unauthorized" },
  );
  assertEquals(await read({}), {
    kind: "refused",
    reason: "None of streams and categories are included",
  });
  assertEquals(await read({ catalogStream: "c" }), {
    kind: "refused",
    reason: "Events of a catalogue cannot be read",
  });
  await service.close();
});
