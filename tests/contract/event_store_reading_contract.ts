/**
 * What every event store does, as tests: reading streams.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import type { ReadRequest } from "../../lib/store/event_store.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import { anEvent, testUuid } from "../support/events.ts";
import { appendNumbers, type OpenStore, storeTest } from "./store_steps.ts";

/** Defines the tests of everything that reads. */
export function testReading(name: string, open: OpenStore): void {
  testStreams(name, open);
  testBodies(name, open);
  testBigPages(name, open);
}

/** Reads "s" from its start, unless `changes` say otherwise. */
export function aRead(changes: Partial<ReadRequest>): ReadRequest {
  return {
    streamName: "s",
    from: 0,
    count: 10,
    direction: "forward",
    withBodies: true,
    ...changes,
  };
}

/** Ranges of a stream of five events, and the numbers that each holds. */
const RANGES: readonly [Partial<ReadRequest>, number[]][] = [
  [{ from: 0, count: 5 }, [0, 1, 2, 3, 4]],
  [{ from: 0, count: 4096 }, [0, 1, 2, 3, 4]],
  [{ from: 1, count: 2 }, [1, 2]],
  [{ from: 4, count: 1 }, [4]],
  [{ from: 5, count: 10 }, []],
  [{ from: Number.MAX_SAFE_INTEGER, count: 1 }, []],
  [{ from: 4, count: 2, direction: "backward" }, [4, 3]],
  [{ from: 4, count: 10, direction: "backward" }, [4, 3, 2, 1, 0]],
  [{ from: 0, count: 10, direction: "backward" }, [0]],
  [{ from: 8, count: 5, direction: "backward" }, [4]],
  [{ from: 100, count: 5, direction: "backward" }, []],
];

function testStreams(name: string, open: OpenStore): void {
  storeTest(`${name}: readStream() by range`, open, async (store) => {
    await appendNumbers(store, "s", [10, 11, 12]);
    await appendNumbers(store, "t", [20]);
    await appendNumbers(store, "s", [13, 14]);
    for (const [range, numbers] of RANGES) {
      const { entries, continueFrom } = await store.readStream(aRead(range));
      const read = entries.map(({ event }) => event.eventNumber);
      assertEquals(read, numbers, JSON.stringify(range));
      assertEquals(entries.map((entry) => entry.ordinal), numbers);
      assertEquals(
        entries.map(({ event }) => event.eventId),
        numbers.map((number) => testUuid(10 + number)),
      );
      assertEquals(continueFrom, undefined);
    }
  });

  storeTest(`${name}: readEvent() by number`, open, async (store) => {
    await appendNumbers(store, "s", [10, 11]);
    const entry = await store.readEvent("s", 1);
    assertEquals(entry?.ordinal, 1);
    assertEquals(entry?.event.eventId, testUuid(11));
    assertEquals(await store.readEvent("s", 2), undefined);
    assertEquals(
      await store.readEvent("s", Number.MAX_SAFE_INTEGER),
      undefined,
    );
    assertEquals(await store.readEvent("t", 0), undefined);
  });

  storeTest(
    `${name}: a stream never written reads as empty`,
    open,
    async (store) => {
      const { entries } = await store.readStream(aRead({}));
      assertEquals(entries.length, 0);
    },
  );

  storeTest(`${name}: names are kept apart exactly`, open, async (store) => {
    const names = ["a", "A", "a ", "ä", "a\u0308", "日本", "😀", "__proto__"];
    for (const [index, streamName] of names.entries()) {
      await appendNumbers(store, streamName, [index + 1]);
    }
    for (const [index, streamName] of names.entries()) {
      const entry = await store.readEvent(streamName, 0);
      assertEquals(entry?.event.eventId, testUuid(index + 1));
      assertEquals(entry?.event.streamName, streamName);
      assertEquals((await store.readState(streamName)).head, 0);
    }
  });
}

const UTF8 = new TextEncoder();

/** Bodies as they are sent, and their bytes. */
const BODIES: readonly [string | Uint8Array, Uint8Array][] = [
  ["", new Uint8Array(0)],
  [new Uint8Array(0), new Uint8Array(0)],
  ['{"a":1}', UTF8.encode('{"a":1}')],
  ["ä 日本 😀 \u0000", UTF8.encode("ä 日本 😀 \u0000")],
  [new Uint8Array([0, 255, 128, 10]), new Uint8Array([0, 255, 128, 10])],
  ["é".repeat(50_000), UTF8.encode("é".repeat(50_000))],
];

function testBodies(name: string, open: OpenStore): void {
  storeTest(`${name}: bodies come back byte for byte`, open, async (store) => {
    const events = BODIES.map(([data], index) =>
      anEvent(index, {
        data,
        metadata: BODIES.at(-1 - index)?.[0] ?? "",
        isJson: index % 2 === 0,
        eventType: `type ${index} é`,
      })
    );
    await store.append({ streamName: "s", expectedVersion: "any", events });
    const { entries } = await store.readStream(aRead({}));
    for (const [index, { event }] of entries.entries()) {
      assertEquals(event.data, BODIES[index]?.[1]);
      assertEquals(event.metadata, BODIES.at(-1 - index)?.[1]);
      assertEquals(event.isJson, index % 2 === 0);
      assertEquals(event.eventType, `type ${index} é`);
      assertEquals((await store.readEvent("s", index))?.event, event);
    }
    assertEquals(entries.length, BODIES.length);
  });

  storeTest(
    `${name}: a read without bodies leaves them empty`,
    open,
    async (store) => {
      const event = anEvent(1, { metadata: "m" });
      await store.append({
        streamName: "s",
        expectedVersion: "any",
        events: [event],
      });
      const { entries } = await store.readStream(aRead({ withBodies: false }));
      const { events } = await store.readAll({
        from: 0,
        count: 1,
        direction: "forward",
        withBodies: false,
      });
      for (const read of [entries[0]?.event, events[0]]) {
        assertEquals(read?.eventId, testUuid(1));
        assertEquals([read?.data.length, read?.metadata.length], [0, 0]);
      }
    },
  );
}

function testBigPages(name: string, open: OpenStore): void {
  for (const direction of ["forward", "backward"] as const) {
    storeTest(
      `${name}: a big page is read ${direction} in parts`,
      open,
      async (store) => {
        const eventBytes = LIMITS.pageBytesMax / 4 + 1;
        for (let number = 0; number < 10; number++) {
          const events = [anEvent(number, { data: "x".repeat(eventBytes) })];
          await store.append({
            streamName: "s",
            expectedVersion: "any",
            events,
          });
        }
        const isForward = direction === "forward";
        const numbers: number[] = [];
        let from: number | undefined = isForward ? 0 : 9;
        let parts = 0;
        while (from !== undefined) {
          const count = isForward ? 10 - from : from + 1;
          const { entries, continueFrom } = await store.readStream(
            aRead({ from, count, direction }),
          );
          const bytes = entries.length * eventBytes;
          assert(bytes <= LIMITS.pageBytesMax + eventBytes, `${bytes} bytes`);
          numbers.push(...entries.map((entry) => entry.ordinal));
          from = continueFrom;
          parts++;
        }
        assertGreater(parts, 1);
        const wanted = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        assertEquals(numbers, isForward ? wanted : wanted.reverse());
        const bodiless = await store.readStream(
          aRead({ from: isForward ? 0 : 9, direction, withBodies: false }),
        );
        assertEquals(bodiless.entries.length, 10);
        assertEquals(bodiless.continueFrom, undefined);
      },
    );
  }
}
