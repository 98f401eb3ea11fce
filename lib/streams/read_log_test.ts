import { assertEquals } from "@std/assert";
import {
  aMetadataEvent,
  anEvent,
  createTestIds,
} from "../../tests/support/events.ts";
import {
  createServiceFixture,
  linkEvents,
} from "../../tests/support/stream_service.ts";
import type { EventFilter, NamePattern } from "../model/event_filter.ts";
import { passesFilter } from "../model/event_filter.ts";
import type { EventStore } from "../store/event_store.ts";
import { LIMITS } from "../model/limits.ts";
import { readLog } from "./read_log.ts";

const FILTERS: readonly EventFilter[] = [
  ["a", undefined, true],
  ["a", undefined, false],
  ["a*", undefined, true],
  ["$*", undefined, false],
  ["$metadata", undefined, false],
  ["$>", undefined, true],
  ["$streamDeleted", undefined, false],
  [undefined, "cart-1", false],
  [undefined, "cart-2", false],
  [undefined, "single", false],
  [undefined, "cart-*", false],
  [undefined, "cart-1*", true],
  [undefined, "c*", false],
  [undefined, "$$*", false],
  [undefined, "$$cart-1", false],
  [undefined, "$ce-cart", false],
  ["b", "cart-1", false],
  ["b", "cart-*", false],
  ["b", "$$*", false],
  ["b*", "cart-*", true],
  [undefined, undefined, true],
].map(([type, stream, excludesSystem]) => ({
  eventType: patternOf(type),
  streamName: patternOf(stream),
  excludesSystem: excludesSystem === true,
}));

function patternOf(text: unknown): NamePattern | undefined {
  if (typeof text !== "string") return undefined;
  const isPrefix = text.endsWith("*");
  return { text: isPrefix ? text.slice(0, -1) : text, isPrefix };
}

/** Streams of every sort, some of them deleted. */
async function fillStore(): Promise<EventStore> {
  const fixture = createServiceFixture();
  const newId = createTestIds();
  const types = ["a", "b", "ab", "$a"];
  const streams = ["cart-1", "cart-12", "single", "$sys", "car-1", "cart-a-b"];
  for (let number = 0; number < 60; number++) {
    const streamName = streams[number * 7 % streams.length] ?? "";
    const eventType = types[number * 5 % types.length] ?? "";
    await fixture.appendEvents(streamName, [
      anEvent(number, { eventId: newId(), eventType }),
    ]);
  }
  await fixture.append("cart-2", [100]);
  await fixture.hardDelete("cart-2");
  await fixture.append("single", [200]);
  await fixture.hardDelete("single");
  await fixture.softDelete("cart-12");
  await fixture.appendEvents("cart-1", linkEvents(300, ["0@car-1"]));
  await fixture.appendEvents("$$cart-1", [
    { ...aMetadataEvent(301, { $tb: 2 }), eventType: "b" },
  ]);
  return fixture.store;
}

/** Follows a read to its end. */
async function readWhole(
  store: EventStore,
  options: {
    readonly filter: EventFilter;
    readonly direction: "forward" | "backward";
    readonly count: number;
    readonly from: number;
  },
): Promise<number[]> {
  const positions: number[] = [];
  let { from } = options;
  for (;;) {
    const read = await readLog(store, { ...options, from, withBodies: true });
    positions.push(...read.events.map(({ logPosition }) => logPosition));
    for (const event of read.events) {
      const { eventType } = event;
      const isEmpty = eventType === "$streamDeleted" || eventType === "$>";
      assertEquals(isEmpty || event.data.length > 0, true, eventType);
    }
    if (read.isAtEnd) return positions;
    from = read.next;
  }
}

Deno.test("a filter finds what scanning the whole log finds", async (test) => {
  const store = await fillStore();
  const { events } = await store.readAll({
    from: 0,
    count: LIMITS.pageEventsMax,
    direction: "forward",
    withBodies: false,
  });
  const { end } = await store.readEnd();
  const middle = events[30]?.logPosition ?? 0;
  for (const filter of FILTERS) {
    await test.step(JSON.stringify(filter), async () => {
      const all = events.filter((event) => passesFilter(filter, event))
        .map(({ logPosition }) => logPosition);
      for (const count of [1, 3, 100]) {
        for (const from of [0, middle, middle + 1, end]) {
          const options = { filter, count, from } as const;
          assertEquals(
            await readWhole(store, { ...options, direction: "forward" }),
            all.filter((position) => position >= from),
          );
          assertEquals(
            await readWhole(store, { ...options, direction: "backward" }),
            all.filter((position) => position < from).reverse(),
          );
        }
      }
    });
  }
});

Deno.test("exact types, streams and categories are found without a scan", async () => {
  const store = await fillStore();
  store.readAll = () => Promise.reject(new Error("The log was scanned"));
  for (
    const [type, stream] of [
      ["a"],
      [undefined, "cart-*"],
      [undefined, "cart-1"],
      [undefined, "cart-2"],
      ["b", "cart-*"],
    ]
  ) {
    const { isAtEnd } = await readLog(store, {
      from: 0,
      count: 10,
      direction: "forward",
      withBodies: false,
      filter: {
        eventType: patternOf(type),
        streamName: patternOf(stream),
        excludesSystem: stream === undefined,
      },
    });
    assertEquals(typeof isAtEnd, "boolean");
  }
});

Deno.test("a filtered read looks at a bounded number of events", async () => {
  const { store, appendEvents } = createServiceFixture();
  const count = LIMITS.filterScanMax + 1;
  await appendEvents(
    "c-1",
    Array.from({ length: count }, (_, number) => anEvent(number)),
  );
  await appendEvents("c-2", [anEvent(count)]);
  const filter = {
    eventType: undefined,
    streamName: patternOf("c-2*"),
    excludesSystem: false,
  };
  const request = {
    count: 1,
    direction: "forward",
    withBodies: false,
    filter,
  } as const;
  const first = await readLog(store, { ...request, from: 0 });
  assertEquals([first.events.length, first.isAtEnd], [0, false]);
  const second = await readLog(store, { ...request, from: first.next });
  assertEquals([second.events.length, second.isAtEnd], [1, true]);
});
