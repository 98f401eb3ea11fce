/**
 * What every event store does, as tests: reading system lists and the whole
 * log, and being told of commits.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import type { RecordedEvent } from "../../lib/model/event.ts";
import type {
  EventStore,
  ReadAllRequest,
} from "../../lib/store/event_store.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import { aMetadataEvent, anEvent, testUuid } from "../support/events.ts";
import { aRead } from "./event_store_reading_contract.ts";
import { appendNumbers, type OpenStore, storeTest } from "./store_steps.ts";

/** Defines the tests of lists, of the log and of its listeners. */
export function testLog(name: string, open: OpenStore): void {
  testLists(name, open);
  testWholeLog(name, open);
}

function aLogRead(changes: Partial<ReadAllRequest>): ReadAllRequest {
  return {
    from: 0,
    count: 100,
    direction: "forward",
    withBodies: true,
    ...changes,
  };
}

function nameOf(event: RecordedEvent): string {
  return `${event.eventNumber}@${event.streamName}`;
}

async function writeLists(store: EventStore): Promise<void> {
  const write = (streamName: string, event: ReturnType<typeof anEvent>) =>
    store.append({ streamName, expectedVersion: "any", events: [event] });
  await write("cart-1", anEvent(1, { eventType: "added" }));
  await write("other", anEvent(2, { eventType: "added" }));
  await write("cart-2", anEvent(3, { eventType: "removed" }));
  await write("cart-1", anEvent(4, { eventType: "removed" }));
  await write("$cart-3", anEvent(5, { eventType: "added" }));
  await write("cart-1", anEvent(6, { eventType: "$>", data: "0@cart-2" }));
  await write("$$cart-2", aMetadataEvent(7, { $maxCount: 9 }));
  await store.deleteStream({
    streamName: "cart-1",
    expectedVersion: "any",
    mode: "soft",
  });
  await store.deleteStream({
    streamName: "cart-2",
    expectedVersion: "any",
    mode: "hard",
  });
}

const TOMBSTONE = "9223372036854775808@cart-2";

/** System lists after `writeLists`, with the events they point at. */
const LISTS: Record<string, readonly string[]> = {
  "$ce-cart": [
    "0@cart-1",
    "0@cart-2",
    "1@cart-1",
    "2@cart-1",
    "0@$$cart-2",
    "0@$$cart-1",
    TOMBSTONE,
  ],
  "$et-added": ["0@cart-1", "0@other"],
  "$et-removed": ["0@cart-2", "1@cart-1"],
  "$et-$>": [],
  "$et-$metadata": ["0@$$cart-2"],
  "$et-$deleted": ["0@$$cart-1", TOMBSTONE],
  "$streams": ["0@cart-1", "0@other", "0@cart-2", "0@$$cart-2", "0@$$cart-1"],
  "$category-cart": ["0@cart-1", "0@cart-2"],
  "$ce-other": [],
  "$ce-$cart": [],
};

function testLists(name: string, open: OpenStore): void {
  storeTest(
    `${name}: system lists hold their events in order`,
    open,
    async (store) => {
      await writeLists(store);
      for (const [streamName, wanted] of Object.entries(LISTS)) {
        const state = await store.readState(streamName);
        assertEquals(state.head, wanted.length - 1, streamName);
        const { entries } = await store.readStream(aRead({ streamName }));
        const names = entries.map(({ event }) =>
          `${BigInt(event.eventNumber)}@${event.streamName}`
        );
        assertEquals(names, wanted, streamName);
        assertEquals(
          entries.map((entry) => entry.ordinal),
          wanted.map((_, index) => index),
        );
        const backward = await store.readStream(aRead({
          streamName,
          from: Math.max(0, wanted.length - 1),
          direction: "backward",
        }));
        assertEquals(backward.entries, entries.toReversed());
      }
      const entry = await store.readEvent("$et-removed", 1);
      assertEquals(entry?.ordinal, 1);
      assertEquals(entry?.event.eventId, testUuid(4));
    },
  );
}

function testWholeLog(name: string, open: OpenStore): void {
  storeTest(`${name}: readAll() of an empty log`, open, async (store) => {
    for (const from of [0, "end"] as const) {
      for (const direction of ["forward", "backward"] as const) {
        const read = await store.readAll(aLogRead({ from, direction }));
        assertEquals([read.events.length, read.isAtEnd], [0, true]);
      }
    }
    assertEquals((await store.readEnd()).lastPosition, -1);
  });

  storeTest(
    `${name}: readAll() walks both ways in pages`,
    open,
    async (store) => {
      await appendNumbers(store, "a", [1, 2]);
      await appendNumbers(store, "b", [3]);
      await appendNumbers(store, "a", [4, 5, 6]);
      await store.deleteStream({
        streamName: "b",
        expectedVersion: "any",
        mode: "soft",
      });
      const wanted = ["0@a", "1@a", "0@b", "2@a", "3@a", "4@a", "0@$$b"];
      for (const count of [1, 2, 3, 7, 100]) {
        for (const direction of ["forward", "backward"] as const) {
          const names: string[] = [];
          const positions: number[] = [];
          let from: number | "end" = direction === "forward" ? 0 : "end";
          for (let isAtEnd = false; !isAtEnd;) {
            const read = await store.readAll(
              aLogRead({ from, count, direction }),
            );
            assert(read.events.length <= count);
            names.push(...read.events.map(nameOf));
            positions.push(...read.events.map((event) => event.logPosition));
            ({ next: from, isAtEnd } = read);
          }
          const isForward = direction === "forward";
          assertEquals(names, isForward ? wanted : wanted.toReversed());
          const sorted = positions.toSorted((a, b) =>
            isForward ? a - b : b - a
          );
          assertEquals(positions, sorted);
          assertEquals(new Set(positions).size, wanted.length);
        }
      }
      const { lastPosition, end } = await store.readEnd();
      const last = await store.readAll(aLogRead({ from: lastPosition }));
      assertEquals(last.events.map(nameOf), ["0@$$b"]);
      assertEquals(last.end, end);
      assertGreater(end, lastPosition);
      const beyond = await store.readAll(aLogRead({ from: end }));
      assertEquals([beyond.events.length, beyond.isAtEnd], [0, true]);
    },
  );

  storeTest(
    `${name}: readAll() leaves out what a filter refuses`,
    open,
    async (store) => {
      await appendNumbers(store, "a", [1, 2]);
      await appendNumbers(store, "b", [3]);
      await appendNumbers(store, "a", [4]);
      const accepts = (event: RecordedEvent) => event.streamName === "a";
      const first = await store.readAll(aLogRead({ count: 2, accepts }));
      assertEquals(first.events.map(nameOf), ["0@a", "1@a"]);
      const rest = await store.readAll(aLogRead({ from: first.next, accepts }));
      assertEquals(rest.events.map(nameOf), ["2@a"]);
      assert(rest.isAtEnd);
      const back = await store.readAll(
        aLogRead({ from: "end", direction: "backward", accepts, count: 2 }),
      );
      assertEquals(back.events.map(nameOf), ["2@a", "1@a"]);
    },
  );

  storeTest(
    `${name}: a filter looks at so many records at once`,
    open,
    async (store) => {
      const excess = 5;
      for (let left = LIMITS.filterScanMax + excess; left > 0; left -= 1000) {
        const count = Math.min(1000, left);
        const events = Array.from(
          { length: count },
          (_, index) => anEvent(left * 1000 + index),
        );
        await store.append({ streamName: "s", expectedVersion: "any", events });
      }
      let looks = 0;
      const accepts = () => {
        looks++;
        return false;
      };
      const first = await store.readAll(aLogRead({ accepts }));
      assertEquals([first.events.length, first.isAtEnd], [0, false]);
      assertEquals(looks, LIMITS.filterScanMax);
      const rest = await store.readAll(aLogRead({ from: first.next, accepts }));
      assertEquals(rest.isAtEnd, true);
      assertEquals(looks, LIMITS.filterScanMax + excess);
    },
  );

  storeTest(`${name}: findPosition() by time`, open, async (store) => {
    assertEquals(await store.findPosition(0), (await store.readEnd()).end);
    await appendNumbers(store, "a", [1]);
    await appendNumbers(store, "a", [2]);
    const { events: [first, second] } = await store.readAll(aLogRead({}));
    assert(first !== undefined && second !== undefined);
    assert(first.createdAtUs <= second.createdAtUs);
    assertEquals(await store.findPosition(0), first.logPosition);
    const found = await store.findPosition(first.createdAtUs);
    assertEquals(found, first.logPosition);
    const later = await store.findPosition(second.createdAtUs + 1);
    assertEquals(later, (await store.readEnd()).end);
  });
}
