/**
 * Scavenging takes away what is hidden and nothing else: whatever was visible
 * is where it was, in the store that did it and in any that is opened later,
 * from whatever of its files are left.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
} from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import { join } from "@std/path";
import type { Finding, JobControl } from "../../lib/store/maintenance.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { createMemoryCatalog } from "../../storage/memory/memory_platform.ts";
import { createMemoryDisk } from "../../storage/memory/memory_platform.ts";
import { openStore, openStoreOn } from "../../storage/mod.ts";
import { verifyDirectory } from "../../storage/maintenance/verify/verify_directory.ts";
import { createTestClock, createTestIds } from "../support/events.ts";
import { newSeed, type Random, withSeed } from "../support/random.ts";
import { createRandomSteps } from "../support/random_steps.ts";
import { carryOut } from "../support/store_twins.ts";
import { type View, viewOf } from "./scavenge_views.ts";

const CONTROL: JobControl = {
  signal: new AbortController().signal,
  report() {},
};

interface Place extends AsyncDisposable {
  readonly path: string;
  readonly clock: ReturnType<typeof createTestClock>;
  open(isReadOnly?: boolean): ReturnType<typeof openStore>;
}

async function createPlace(segmentSizeBytes: number): Promise<Place> {
  const path = await Deno.makeTempDir({ prefix: "quipu-scavenge-" });
  const clock = createTestClock();
  const newEventId = createTestIds();
  return {
    path,
    clock,
    open: (isReadOnly = false) =>
      openStore({
        directory: path,
        segmentSizeBytes,
        clock,
        newEventId,
        logger: SILENT_LOGGER,
        isReadOnly,
        activeBytesMin: 1,
      }),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

async function bytesOf(path: string): Promise<number> {
  let bytes = 0;
  for await (const entry of Deno.readDir(join(path, "segments"))) {
    // What a worker is writing gets its name when it is done.
    if (entry.name.endsWith(".tmp")) continue;
    bytes += (await Deno.stat(join(path, "segments", entry.name))).size;
  }
  return bytes;
}

async function removeFiles(path: string, pattern: RegExp): Promise<void> {
  for (const folder of [path, join(path, "segments")]) {
    for await (const entry of Deno.readDir(folder)) {
      if (pattern.test(entry.name)) await Deno.remove(join(folder, entry.name));
    }
  }
}

/** As `assertEquals`, which says too much of long arrays. */
function assertSameLines(actual: View, expected: View, what: string): void {
  const [found, wanted] = [actual.lines, expected.lines];
  const at = wanted.findIndex((line, index) => line !== found[index]);
  const isSame = at < 0 && found.length === wanted.length;
  assert(isSame, `${what}: ${found[at]} instead of ${wanted[at]}`);
}

function isBad({ severity }: Finding): boolean {
  return severity !== "notice";
}

/** Rounds of a random life with scavenging in between. */
async function liveRandomly(random: Random): Promise<void> {
  const segmentSizeBytes = random.pick([1024 * 1024, 4000, 12_000]);
  await using place = await createPlace(segmentSizeBytes);
  const nextStep = createRandomSteps(random);
  for (let round = 0; round < 4; round++) {
    let store = await place.open();
    for (let count = 0; count < 150; count++) {
      await carryOut(store, nextStep());
      place.clock.advanceMs(random.integer(0, 200));
    }
    place.clock.advanceMs(random.integer(0, 20_000));
    const before = await viewOf(store, place.clock);
    const report = await store.maintenance.scavenge({}, CONTROL);
    assertEquals(report.skipped, []);
    const after = await viewOf(store, place.clock, before.names);
    assertSameLines(after, before, "as it was");
    assert(report.removedCount <= before.hiddenCount);
    assertEquals(
      after.hiddenCount,
      before.hiddenCount - report.removedCount,
      "what is gone was hidden",
    );
    const online = await store.maintenance.verify({ isDeep: true }, CONTROL);
    assertEquals(online.findings.filter(isBad), []);
    const again = await store.maintenance.scavenge({}, CONTROL);
    assertEquals(again.scavengedCount, 0, "nothing is left to do");
    await store.close();
    const offline = await verifyDirectory(
      { directory: place.path, isDeep: true },
      CONTROL,
    );
    assertEquals(offline.findings.filter(isBad), []);

    store = await place.open();
    const reopened = await viewOf(store, place.clock, before.names);
    assertSameLines(reopened, before, "as it was, opened again");
    await store.close();
    for (const lost of [/heads\.snap$/, /\.idx$|heads\.snap$/, /catalog\.kv/]) {
      await removeFiles(place.path, lost);
      store = await place.open();
      const rebuilt = await viewOf(store, place.clock, before.names);
      assertSameLines(rebuilt, before, `without ${lost}`);
      await store.close();
    }
    await removeFiles(place.path, /\.idx$|heads\.snap$/);
    store = await place.open(true);
    const read = await viewOf(store, place.clock, before.names);
    assertSameLines(read, before, "read alone without index files");
    await store.close();
  }
}

for (let round = 0; round < 4; round++) {
  const seed = newSeed();
  Deno.test(`what is visible stays where it is, seed ${seed}`, async () => {
    await withSeed(liveRandomly, seed);
  });
}

Deno.test("nine of ten events expired give back more than 80 % of the disk", async () => {
  for (const streams of [1, 50, 2000]) {
    await using place = await createPlace(256 * 1024);
    const store = await place.open();
    for (let stream = 0; stream < streams; stream++) {
      await store.append({
        streamName: `$$cart-${stream}`,
        expectedVersion: "any",
        events: [{
          eventId: crypto.randomUUID(),
          eventType: "$metadata",
          isJson: true,
          data: '{"$maxAge":60}',
          metadata: "",
        }],
      });
    }
    const write = async (count: number): Promise<void> => {
      for (let from = 0; from < count; from += 10) {
        await store.append({
          streamName: `cart-${from / 10 % streams}`,
          expectedVersion: "any",
          events: Array.from({ length: 10 }, () => ({
            eventId: crypto.randomUUID(),
            eventType: "added",
            isJson: true,
            data: JSON.stringify({ article: "x".repeat(200) }),
            metadata: "",
          })),
        });
      }
    };
    await write(18_000);
    place.clock.advanceMs(120_000);
    await write(2_000);
    const before = await bytesOf(place.path);
    const view = await viewOf(store, place.clock);
    const report = await store.maintenance.scavenge({}, CONTROL);
    const after = await bytesOf(place.path);
    assertGreater(1 - after / before, 0.8, `${streams} streams`);
    assertGreater(report.freedBytes, 0.8 * before);
    const left = await viewOf(store, place.clock, view.names);
    assertSameLines(left, view, "as it was");
    assertEquals(left.hiddenCount, 0);
    await store.close();
  }
});

/** A store in memory whose device has so much room left. */
async function openWithRoom(room: { freeBytes: number }) {
  const clock = createTestClock();
  const store = await openStoreOn({
    isVolatile: true,
    disk: { ...createMemoryDisk(), freeBytes: () => room.freeBytes },
    openCatalog: () => Promise.resolve(createMemoryCatalog()),
  }, {
    directory: "memory",
    segmentSizeBytes: 64 * 1024,
    clock,
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
  });
  return { store, clock };
}

Deno.test("without room a scavenge says so, and the store goes on", async () => {
  const room = { freeBytes: 1000 };
  const { store } = await openWithRoom(room);
  const append = (streamName: string, data: string, eventType = "added") =>
    store.append({
      streamName,
      expectedVersion: "any",
      events: [{
        eventId: crypto.randomUUID(),
        eventType,
        isJson: true,
        data,
        metadata: "",
      }],
    });
  for (let count = 0; count < 1000; count++) {
    await append("cart-1", `"${"x".repeat(200)}"`);
  }
  await append("$$cart-1", '{"$maxCount":1}', "$metadata");
  const error = await assertRejects(
    () => store.maintenance.scavenge({}, CONTROL),
    QuipuError,
    "Cannot scavenge: a segment is rewritten before the old one is removed",
  );
  assertEquals(error.code, "storeFull");
  assertEquals(store.status().readOnlyReason, undefined);
  await append("cart-1", "1");
  room.freeBytes = 1e9;
  const report = await store.maintenance.scavenge({}, CONTROL);
  assertEquals([report.removedCount, report.isComplete], [1000, true]);
  await store.close();
});

Deno.test("metadata that is written meanwhile counts: what it shows again stays", async () => {
  const { store } = await openWithRoom({ freeBytes: 1e9 });
  const append = (streamName: string, eventType: string, data: string) =>
    store.append({
      streamName,
      expectedVersion: "any",
      events: Array.from({ length: eventType === "added" ? 50 : 1 }, () => ({
        eventId: crypto.randomUUID(),
        eventType,
        isJson: true,
        data,
        metadata: "",
      })),
    });
  for (let count = 0; count < 40; count++) {
    await append("cart-1", "added", `"${"x".repeat(200)}"`);
  }
  await append("$$cart-1", "$metadata", '{"$maxCount":1}');
  let pauses = 0;
  const report = await store.maintenance.scavenge({}, {
    ...CONTROL,
    async pause() {
      // In the middle of the first segment.
      if (++pauses === 3) await append("$$cart-1", "$metadata", "{}");
    },
  });
  assertGreater(pauses, 3);
  assertEquals(report.removedCount, 0);
  const { entries } = await store.readStream({
    streamName: "cart-1",
    from: 0,
    count: 2000,
    direction: "forward",
    withBodies: false,
  });
  assertEquals(entries.length, 2000);
  await store.close();
});

Deno.test("old files stay as long as somebody has them pinned, and one scavenge runs at a time", async () => {
  await using place = await createPlace(1024 * 1024);
  const store = await place.open();
  for (let count = 0; count < 300; count++) {
    await store.append({
      streamName: "cart-1",
      expectedVersion: "any",
      events: [{
        eventId: crypto.randomUUID(),
        eventType: "added",
        isJson: true,
        data: '"' + "x".repeat(300) + '"',
        metadata: "",
      }],
    });
  }
  const backup = store.maintenance.openBackup({
    isChecked: true,
    have: new Map(),
    version: "0.0.0",
    takenAtUs: place.clock.nowUs(),
  });
  await store.deleteStream({
    streamName: "cart-1",
    expectedVersion: "any",
    mode: "hard",
  });
  const scavenging = store.maintenance.scavenge({}, CONTROL);
  await assertRejects(
    () => store.maintenance.scavenge({}, CONTROL),
    QuipuError,
    "that is being done already",
  );
  assertEquals((await scavenging).removedCount, 300);
  const pinned = await bytesOf(place.path);
  assertGreater(pinned, 300 * 300);
  let bytes = 0;
  for (let part = backup.next(); part !== undefined; part = backup.next()) {
    bytes += part.length;
  }
  assertGreater(bytes, 300 * 300);
  backup.close();
  for (let turn = 0; turn < 6000; turn++) {
    if (await bytesOf(place.path) < 50_000) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assertGreater(50_000, await bytesOf(place.path));
  await store.close();
});
