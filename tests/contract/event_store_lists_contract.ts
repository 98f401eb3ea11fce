/**
 * What every event store does, as tests: deleting system lists, and which links
 * a category lists.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { EventStore } from "../../lib/store/event_store.ts";
import type { ExpectedVersion } from "../../lib/model/expected_version.ts";
import { aMetadataEvent, anEvent } from "../support/events.ts";
import { appendNumbers, type OpenStore, storeTest } from "./store_steps.ts";

const LISTS = ["$ce-cart", "$et-tested", "$streams", "$category-cart"];

/** Defines the tests. */
export function testLists(name: string, open: OpenStore): void {
  storeTest(
    `${name}: a system list is deleted up to its last entry`,
    open,
    async (store) => {
      await appendNumbers(store, "cart-1", [1]);
      await appendNumbers(store, "cart-2", [2]);
      for (const streamName of LISTS) {
        const truncated = async () =>
          (await store.readState(streamName)).metadata;
        await describe(store, streamName, { $acl: { $r: "a" }, x: 1.5 });
        const { head } = await store.readState(streamName);
        await deleteList(store, streamName, "any");
        assertEquals(await truncated(), {
          acl: { read: ["a"] },
          truncateBefore: head + 1,
        });
        // What is hidden already stays hidden.
        await describe(store, streamName, { $tb: 1000 });
        await deleteList(store, streamName, "any");
        assertEquals(await truncated(), { truncateBefore: 1000 });
      }
      await deleteList(store, "$ce-none", "any");
      const { metadata } = await store.readState("$ce-none");
      assertEquals(metadata, { truncateBefore: 0 });
    },
  );

  storeTest(
    `${name}: deleting a system list expects versions as for any stream`,
    open,
    async (store) => {
      await appendNumbers(store, "cart-1", [1, 2, 3]);
      const expect = async (expected: ExpectedVersion) =>
        (await deleteList(store, "$ce-cart", expected)).kind;
      for (const expected of ["noStream", 0, 1, 3] as const) {
        assertEquals(await expect(expected), "conflict");
      }
      assertEquals(await expect(2), "done");
      assertEquals(await expect(2), "done");
      assertEquals(await expect("noStream"), "done");
      await appendNumbers(store, "cart-2", [4]);
      assertEquals(await expect("noStream"), "conflict");
      assertEquals(await expect(2), "conflict");
      assertEquals(await expect("streamExists"), "done");
    },
  );

  storeTest(
    `${name}: writing metadata of a list that was hidden for good shows what comes`,
    open,
    async (store) => {
      await appendNumbers(store, "cart-1", [1, 2, 3]);
      await describe(store, "$ce-cart", { $tb: 1 }, "9223372036854775807");
      await describe(store, "$ce-cart", { x: 1 });
      const { metadata } = await store.readState("$ce-cart");
      assertEquals(metadata, { truncateBefore: 3 });
    },
  );

  storeTest(
    `${name}: a category lists links that lead somewhere when they are written`,
    open,
    async (store) => {
      await appendNumbers(store, "t", [1, 2, 3]);
      await describe(store, "t", { $tb: 1 });
      await appendNumbers(store, "soft", [4]);
      await remove(store, "soft", "soft");
      await appendNumbers(store, "hard", [5]);
      await remove(store, "hard", "hard");
      await appendLinks(store, "cart-1", [
        "0@cart-1", // itself
        "3@cart-1", // the last of this append
        "0@t", // truncated
        "1@t",
      ]);
      await appendLinks(store, "cart-1", [
        "12@cart-1",
        "3@t",
        "0@none",
        "0@soft",
        "0@hard",
        "9223372036854775807@hard",
        "garbage",
        "2@t",
      ]);
      await appendLinks(store, "cart-2", ["0@$et-tested", "99@$et-tested"]);
      await appendNumbers(store, "cart-3", [6]);
      assertEquals(await textsOfList(store, "$ce-cart"), [
        "0@cart-1",
        "3@cart-1",
        "1@t",
        "2@t",
        "0@$et-tested",
        '{"n":6}',
      ]);
      // Everywhere else a link counts like any event.
      assertEquals((await store.readState("cart-1")).head, 11);
      assertEquals((await textsOfList(store, "$category-cart")).length, 3);
    },
  );
}

function deleteList(
  store: EventStore,
  streamName: string,
  expectedVersion: ExpectedVersion,
) {
  return store.deleteStream({ streamName, expectedVersion, mode: "soft" });
}

function remove(store: EventStore, streamName: string, mode: "soft" | "hard") {
  return store.deleteStream({ streamName, expectedVersion: "any", mode });
}

let eventCount = 1000;

/** @param truncateBefore Written as `$tb` in place of 1, to the last digit. */
async function describe(
  store: EventStore,
  streamName: string,
  metadata: unknown,
  truncateBefore = "1",
): Promise<void> {
  const event = aMetadataEvent(eventCount++, metadata);
  const data = String(event.data).replace(
    '"$tb":1}',
    `"$tb":${truncateBefore}}`,
  );
  await store.append({
    streamName: "$$" + streamName,
    expectedVersion: "any",
    events: [{ ...event, data }],
  });
}

function appendLinks(
  store: EventStore,
  streamName: string,
  targets: readonly string[],
) {
  const events = targets.map((data) =>
    anEvent(eventCount++, { eventType: "$>", isJson: false, data })
  );
  return store.append({ streamName, expectedVersion: "any", events });
}

async function textsOfList(
  store: EventStore,
  streamName: string,
): Promise<string[]> {
  const { head } = await store.readState(streamName);
  const { entries } = await store.readStream({
    streamName,
    from: 0,
    count: head + 1,
    direction: "forward",
    withBodies: true,
  });
  return entries.map(({ event }) => new TextDecoder().decode(event.data));
}
