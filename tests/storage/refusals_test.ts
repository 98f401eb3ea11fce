/**
 * What the store refuses whatever a stream is like, and what it does when its
 * disk or its catalog fail.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { QuipuError, type QuipuErrorCode } from "../../lib/model/errors.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import type { Disk } from "../../storage/disk/disk.ts";
import type { Catalog } from "../../storage/commit/catalog.ts";
import { createMemoryCatalog } from "../../storage/memory/memory_platform.ts";
import { createMemoryDisk } from "../../storage/memory/memory_platform.ts";
import { openStore, openStoreOn } from "../../storage/mod.ts";
import type { StorePlatform } from "../../storage/commit/platform.ts";
import { anEvent, createTestClock, createTestIds } from "../support/events.ts";
import { numbersOf, upTo } from "../support/store_directory.ts";

const OPTIONS = {
  segmentSizeBytes: 1024 * 1024,
  clock: createTestClock(),
  newEventId: createTestIds(),
  logger: SILENT_LOGGER,
};

interface Refused {
  readonly streamName?: string;
  readonly eventType?: string;
  readonly code: QuipuErrorCode;
}

const REFUSED: Record<string, Refused> = {
  "a stream without a name": { streamName: "", code: "invalidRequest" },
  "a stream's name that is too long": {
    streamName: "ü".repeat(LIMITS.storedStreamNameBytesMax / 2) + "x",
    code: "nameTooLong",
  },
  "a type that is too long": {
    eventType: "x".repeat(LIMITS.storedEventTypeBytesMax + 1),
    code: "invalidRequest",
  },
  // As UTF-8 they would become U+FFFD, and be other names after a restart.
  "half a surrogate pair in a stream's name": {
    streamName: "user-\ud800",
    code: "invalidRequest",
  },
  "half a surrogate pair in a type": {
    eventType: "\udc00",
    code: "invalidRequest",
  },
  "a system list": { streamName: "$ce-cart", code: "reservedStream" },
};

for (const [what, { code, ...names }] of Object.entries(REFUSED)) {
  Deno.test(`an append is refused for ${what}`, async () => {
    await using store = await openStore({ ...OPTIONS, directory: undefined });
    const { streamName = "s", eventType = "t" } = names;
    const error = await assertRejects(
      () =>
        store.append({
          streamName,
          expectedVersion: "any",
          events: [anEvent(1), anEvent(2, { eventType })],
        }),
      QuipuError,
    );
    assertEquals(error.code, code);
    assertEquals(await numbersOf(store), []);
  });
}

Deno.test("the longest names are taken", async () => {
  await using store = await openStore({ ...OPTIONS, directory: undefined });
  const streamName = "ü".repeat(LIMITS.storedStreamNameBytesMax / 2);
  const eventType = "x".repeat(LIMITS.storedEventTypeBytesMax);
  await store.append({
    streamName,
    expectedVersion: "noStream",
    events: [anEvent(1, { eventType })],
  });
  const entry = await store.readEvent(streamName, 0);
  assertEquals(entry?.event.eventType, eventType);
});

/** Faults that a test switches on. */
interface Faults {
  write?: Error;
  sync?: Error;
  commit?: Error;
  isFenced?: boolean;
}

/** A platform in memory with faults, and its twin without. */
function createFaultyPlatform(
  faults: Faults,
): { faulty: StorePlatform; sound: StorePlatform } {
  const disk = createMemoryDisk();
  const catalog = createMemoryCatalog();
  const withFaults = (
    file: ReturnType<Disk["open"]>,
  ): ReturnType<Disk["open"]> => ({
    path: file.path,
    readAt: (buffer, offset) => file.readAt(buffer, offset),
    writeAt: (bytes, offset) =>
      faults.write === undefined
        ? file.writeAt(bytes, offset)
        // The worst case: half of it is there.
        : file.writeAt(bytes.subarray(0, bytes.length >>> 1), offset)
          .then(() => Promise.reject(faults.write)),
    sync: () =>
      faults.sync === undefined ? file.sync() : Promise.reject(faults.sync),
    size: () => file.size(),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    close: () => file.close(),
  });
  const faultyCatalog: Catalog = {
    read: () => catalog.read(),
    commit: (record) =>
      faults.commit !== undefined
        ? Promise.reject(faults.commit)
        : faults.isFenced === true
        ? Promise.resolve("fenced" as const)
        : catalog.commit(record),
    close() {},
  };
  return {
    faulty: {
      disk: {
        ...disk,
        open: (path, mode) => withFaults(disk.open(path, mode)),
        create: async (path) => withFaults(await disk.create(path)),
      },
      openCatalog: () => Promise.resolve(faultyCatalog),
    },
    sound: { disk, openCatalog: () => Promise.resolve(catalog) },
  };
}

function append(store: EventStore, number: number): Promise<unknown> {
  return store.append({
    streamName: `cart-${number % 2}`,
    expectedVersion: "any",
    events: [anEvent(number)],
  });
}

const FAULTS: Record<string, [Faults, QuipuErrorCode]> = {
  "a write fails": [{ write: new Error("EIO") }, "storeReadOnly"],
  "the disk is full": [
    { write: new Error("No space left on device (os error 28)") },
    "storeFull",
  ],
  "a sync fails": [{ sync: new Error("EIO") }, "storeReadOnly"],
  "a commit fails": [{ commit: new Error("locked") }, "storeReadOnly"],
  "the catalog is full": [
    { commit: new TypeError("database or disk is full") },
    "storeFull",
  ],
  "another process commits": [{ isFenced: true }, "storeReadOnly"],
};

for (const [what, [fault, code]] of Object.entries(FAULTS)) {
  Deno.test(`when ${what}, writes end with a reason and reads go on`, async () => {
    const faults: Faults = {};
    const { faulty, sound } = createFaultyPlatform(faults);
    const options = { ...OPTIONS, directory: "store" };
    const store = await openStoreOn(faulty, options);
    for (const number of upTo(10)) await append(store, number);
    assertEquals(store.status().readOnlyReason, undefined);

    Object.assign(faults, fault);
    const failing = await Promise.allSettled(
      [11, 12, 13].map((number) => append(store, number)),
    );
    for (const result of failing) {
      assert(result.status === "rejected");
      assert(result.reason instanceof QuipuError, String(result.reason));
      assertEquals(result.reason.code, code);
    }
    // The disk works again, but nobody knows what is in that file.
    for (const name of Object.keys(fault)) Reflect.deleteProperty(faults, name);
    const later = await assertRejects(() => append(store, 14), QuipuError);
    assertEquals(later.code, code);
    assertStringIncludes(store.status().readOnlyReason ?? "", later.message);
    assertEquals(await numbersOf(store), upTo(10));
    assertEquals((await store.readState("cart-1")).head, 4);
    await store.close();

    await using reopened = await openStoreOn(sound, options);
    const numbers = await numbersOf(reopened);
    assertEquals(numbers.slice(0, 10), upTo(10));
    // What was not answered may be there, once and in order.
    assertEquals(numbers.slice(10), [11, 12, 13].slice(0, numbers.length - 10));
    for (const number of [11, 12, 13]) await append(reopened, number);
    assertEquals(await numbersOf(reopened), upTo(13));
  });
}
