/**
 * Makes a store of many events, in a process of its own: no server, appends
 * from many at once. Run: `fill_store.ts <directory> <events> <streams>`
 *
 * It says on its output what it made, as JSON ({@link FilledStore}).
 *
 * @module
 */

import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { SYSTEM_CLOCK } from "../../lib/runtime/system_clock.ts";
import { openStore } from "../../storage/mod.ts";

/** What was made. */
export interface FilledStore {
  readonly eventCount: number;
  readonly streamCount: number;
  /** Position after the last event. */
  readonly end: number;
  readonly tookMs: number;
}

/** The category that all streams are in. */
export const CATEGORY = "order";
/** Types are `type-0`, …: as many events of each. */
export const TYPE_COUNT = 10;
/** Size of a segment of the stores of the benches. */
export const SEGMENT_BYTES = 256 * 1024 * 1024;
const AT_ONCE = 1000;
const DATA = JSON.stringify({ a: "1", b: "x".repeat(60) }, null, 2);
/** A prime: going on in such steps meets every stream, far from the last one. */
const STRIDE = 7_368_787;

/** Number of the stream that the event with that index goes to. */
export function streamOf(index: number, streamCount: number): number {
  return index % streamCount * STRIDE % streamCount;
}

async function fill(
  directory: string,
  { eventCount, streamCount }: {
    readonly eventCount: number;
    readonly streamCount: number;
  },
): Promise<FilledStore> {
  const startedAt = performance.now();
  const store = await openStore({
    directory,
    segmentSizeBytes: SEGMENT_BYTES,
    clock: SYSTEM_CLOCK,
    newEventId: () => crypto.randomUUID(),
    logger: SILENT_LOGGER,
  });
  for (let first = 0; first < eventCount; first += AT_ONCE) {
    const count = Math.min(AT_ONCE, eventCount - first);
    await Promise.all(Array.from({ length: count }, (_, index) => {
      const stream = streamOf(first + index, streamCount);
      return store.append({
        streamName: `${CATEGORY}-${stream}`,
        expectedVersion: "any",
        events: [{
          eventId: crypto.randomUUID(),
          eventType: `type-${(first + index) % TYPE_COUNT}`,
          isJson: true,
          data: DATA,
          metadata: "",
        }],
      });
    }));
  }
  const { end } = await store.readEnd();
  await store.close();
  const tookMs = performance.now() - startedAt;
  return { eventCount, streamCount, end, tookMs };
}

if (import.meta.main) {
  const [directory = "", events, streams] = Deno.args;
  const made = await fill(directory, {
    eventCount: Number(events),
    streamCount: Number(streams),
  });
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(made)));
}
