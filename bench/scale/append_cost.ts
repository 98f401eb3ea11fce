/**
 * What the system streams cost appends: events of ordinary streams, which are
 * entered in the lists of their category, their type and of all streams, beside
 * the same events of streams of the system, which are entered in none. Names
 * are equally long, and nothing else tells them apart in the store. In process,
 * on disk, from an empty store to a closed one: the sealing of segments counts.
 *
 * @module
 */

import { cpuUsage } from "node:process";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { SYSTEM_CLOCK } from "../../lib/runtime/system_clock.ts";
import { openStore } from "../../storage/mod.ts";
import { type AppendCost, compareCosts, type ListCost } from "./list_cost.ts";
import { streamOf } from "./fill_store.ts";

const EVENTS = 100_000;
const STREAMS = 10_000;
const AT_ONCE = 64;
/** So small that several are sealed. */
const SEGMENT_BYTES = 8 * 1024 * 1024;
const LISTED = "order-";
const UNLISTED = "$rder-";

/** Measures, in turns. */
export async function measureListCost(rounds: number): Promise<ListCost> {
  const listed: AppendCost[] = [];
  const unlisted: AppendCost[] = [];
  // Warm-up.
  await measure(LISTED);
  await measure(UNLISTED);
  for (let round = 0; round < rounds; round++) {
    const isListedFirst = round % 2 === 0;
    if (isListedFirst) listed.push(await measure(LISTED));
    unlisted.push(await measure(UNLISTED));
    if (!isListedFirst) listed.push(await measure(LISTED));
  }
  return compareCosts(listed, unlisted);
}

async function measure(prefix: string): Promise<AppendCost> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-scale-" });
  try {
    const events = Array.from({ length: EVENTS }, (_, index) => ({
      streamName: prefix + streamOf(index, STREAMS),
      eventId: crypto.randomUUID(),
      eventType: `type-${index % 10}`,
    }));
    const startedAt = performance.now();
    const before = cpuUsage();
    await appendAll(directory, events);
    const { user, system } = cpuUsage(before);
    const wallUs = (performance.now() - startedAt) * 1000 / EVENTS;
    return { wallUs, cpuUs: (user + system) / EVENTS };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function appendAll(
  directory: string,
  events: readonly {
    readonly streamName: string;
    readonly eventId: string;
    readonly eventType: string;
  }[],
): Promise<void> {
  const store = await openStore({
    directory,
    segmentSizeBytes: SEGMENT_BYTES,
    clock: SYSTEM_CLOCK,
    newEventId: () => crypto.randomUUID(),
    logger: SILENT_LOGGER,
  });
  let next = 0;
  const appendSome = async () => {
    for (;;) {
      const event = events[next++];
      if (event === undefined) return;
      const { streamName, eventId, eventType } = event;
      await store.append({
        streamName,
        expectedVersion: "any",
        events: [{
          eventId,
          eventType,
          isJson: true,
          data: '{\n  "number": 1\n}',
          metadata: "",
        }],
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, appendSome));
  await store.close();
}
