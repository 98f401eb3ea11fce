/**
 * Scavenging takes away what is hidden and nothing else: whatever was visible
 * is where it was, in the store that did it and in any that is opened later,
 * from whatever of its files are left.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { join } from "@std/path";
import type { JobControl } from "../../lib/model/maintenance.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { openStore } from "../../storage/mod.ts";
import { createTestClock, createTestIds } from "../support/events.ts";
import { newSeed, type Random, withSeed } from "../support/random.ts";
import { createRandomSteps } from "../support/random_steps.ts";
import { carryOut } from "../support/store_twins.ts";
import { type View, viewOf } from "./views.ts";

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
    const again = await store.maintenance.scavenge({}, CONTROL);
    assertEquals(again.scavengedCount, 0, "nothing is left to do");
    await store.close();

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
