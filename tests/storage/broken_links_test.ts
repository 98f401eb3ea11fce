/**
 * Links that led nowhere when they were written: however a store is opened,
 * checked or scavenged afterwards, no category has them, and all others keep
 * their numbers.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { EventStore } from "../../lib/store/event_store.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { openStore } from "../../storage/mod.ts";
import { verifyDirectory } from "../../storage/maintenance/verify/verify_directory.ts";
import { createTestClock, createTestIds, testUuid } from "../support/events.ts";
import { createStoreDirectory } from "../support/store_directory.ts";

const CONTROL = { signal: new AbortController().signal, report() {} };

async function write(
  store: EventStore,
  from: number,
  to: number,
): Promise<void> {
  for (let number = from; number < to; number++) {
    const isLink = number % 3 === 1;
    // Every second link points beyond the end of its stream.
    const target = number % 2 === 0 ? 0 : number + 1;
    await store.append({
      streamName: `cart-${number % 4}`,
      expectedVersion: "any",
      events: [{
        eventId: testUuid(number),
        eventType: isLink ? "$>" : "T",
        isJson: !isLink,
        data: isLink ? `${target}@cart-0` : `{"n":${number}}`,
        metadata: "",
      }],
    });
  }
}

async function idsIn(store: EventStore): Promise<Map<number, string>> {
  const { head } = await store.readState("$ce-cart");
  const { entries } = await store.readStream({
    streamName: "$ce-cart",
    from: 0,
    count: head + 1,
    direction: "forward",
    withBodies: false,
  });
  return new Map(entries.map(({ ordinal, event }) => [ordinal, event.eventId]));
}

Deno.test("links that led nowhere stay out of their category", async () => {
  await using directory = await createStoreDirectory();
  const open = () =>
    openStore({
      directory: directory.path,
      segmentSizeBytes: 1 << 14,
      clock: createTestClock(),
      newEventId: createTestIds(),
      logger: SILENT_LOGGER,
    });
  let wanted: Map<number, string>;
  {
    await using store = await open();
    await write(store, 0, 400);
    wanted = await idsIn(store);
    assertEquals(wanted.size, 400 - 67);
  }
  const names = [...Deno.readDirSync(directory.path)].map(({ name }) => name);
  for (const lost of [[], ["heads.snap"], ["heads.snap", "catalog.kv"]]) {
    for (const name of names) {
      if (!lost.some((start) => name.startsWith(start))) continue;
      Deno.removeSync(`${directory.path}/${name}`);
    }
    await using store = await open();
    assertEquals(await idsIn(store), wanted, `without ${lost}`);
  }
  const report = await verifyDirectory(
    { directory: directory.path, isDeep: true },
    CONTROL,
  );
  assertEquals(report.findings, []);
  await using store = await open();
  await store.append({
    streamName: "$$cart-1",
    expectedVersion: "any",
    events: [{
      eventId: testUuid(9_000),
      eventType: "$metadata",
      isJson: true,
      data: '{"$maxCount":2}',
      metadata: "",
    }],
  });
  await store.maintenance.scavenge({}, CONTROL);
  for (const [ordinal, eventId] of await idsIn(store)) {
    assertEquals(wanted.get(ordinal) ?? eventId, eventId);
  }
  const { findings } = await store.maintenance.verify(
    { isDeep: true },
    CONTROL,
  );
  assertEquals(findings, []);
});
