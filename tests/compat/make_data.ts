/**
 * Makes the data directory that later releases must open:
 * `deno run --allow-all tests/compat/make_data.ts tests/compat/data/0.1.0`.
 * Once a release is out, its directory is never made again. With `scavenged`
 * after the directory, the store is scavenged before it is looked at.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { EventStore } from "../../lib/store/event_store.ts";
import type { MaintainedStore } from "../../lib/store/event_store.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { openStore } from "../../storage/mod.ts";
import { answersOf } from "../faults/contents.ts";
import {
  aMetadataEvent,
  anEvent,
  createTestClock,
  createTestIds,
} from "../support/events.ts";

const clock = createTestClock();
const newEventId = createTestIds();

/** Opens a store with segments of a few records. */
function open(directory: string): Promise<MaintainedStore> {
  return openStore({
    directory,
    segmentSizeBytes: 3000,
    clock,
    newEventId,
    logger: SILENT_LOGGER,
  });
}

async function write(store: EventStore, life: number): Promise<void> {
  const expectedVersion = "any" as const;
  for (let count = 0; count < 8; count++) {
    clock.advanceMs(1500);
    const number = life * 100 + count;
    await store.append({
      streamName: `cart-${count % 3}`,
      expectedVersion,
      events: [
        anEvent(number, { eventType: count % 2 === 0 ? "added" : "removed" }),
        anEvent(number + 50, {
          isJson: false,
          data: Uint8Array.from([0, 255, 10, number]),
          metadata: '{"smörgås":"🦐"}',
        }),
      ],
    });
  }
  const streamName = "order-1";
  const events = [anEvent(life * 100 + 90)];
  await store.append({ streamName, expectedVersion, events });
  if (life === 1) {
    await store.append({
      streamName: "$$cart-1",
      expectedVersion,
      events: [aMetadataEvent(195, { $maxCount: 5, owner: "us" })],
    });
    await store.deleteStream({ streamName, expectedVersion, mode: "soft" });
  }
  if (life === 2) {
    await store.deleteStream({
      streamName: "cart-2",
      expectedVersion,
      mode: "hard",
    });
  }
}

const [directory, state] = Deno.args;
assert(directory !== undefined, "Wanted: a directory");
for (const life of [1, 2]) {
  const store = await open(directory);
  await write(store, life);
  if (life === 2) {
    if (state === "scavenged") {
      const { removedCount } = await store.maintenance.scavenge({}, {
        signal: new AbortController().signal,
        report() {},
      });
      assert(removedCount > 10, "There was something to scavenge");
    }
    const answers = Object.fromEntries(await answersOf(store));
    await Deno.writeTextFile(
      `${directory}.json`,
      JSON.stringify(answers, null, 2) + "\n",
    );
  }
  await store.close();
}
await Deno.remove(`${directory}/lock`);
