/**
 * The store in process, without HTTP: appends that wait for each other, appends
 * that share their syncs, and reads. On a real disk and in memory.
 *
 * @module
 */

import { SYSTEM_CLOCK } from "../../lib/runtime/system_clock.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { openStore } from "../../storage/mod.ts";
import { nextEventId, proposedEvent, SMALL_DATA_BYTES } from "./samples.ts";

const SEGMENT_BYTES = 256 * 1024 * 1024;
const STREAMS = 1000;
const READ_STREAM_EVENTS = 4096;
const TOGETHER = 64;
const BATCH_EVENTS = 100;

const KINDS = [
  { title: "memory", directory: undefined },
  { title: "file", directory: await Deno.makeTempDir() },
];
/** Made once, so that only the store is measured; each append has its own ids. */
const EVENT = proposedEvent(SMALL_DATA_BYTES);
let appendCount = 0;

for (const { title, directory } of KINDS) {
  const store = await openStore({
    directory,
    segmentSizeBytes: SEGMENT_BYTES,
    clock: SYSTEM_CLOCK,
    newEventId: nextEventId,
    logger: SILENT_LOGGER,
  });
  await fill(store);
  globalThis.addEventListener("unload", () => {
    if (directory !== undefined) {
      Deno.removeSync(directory, { recursive: true });
    }
  });
  const group = `store in ${title}`;

  Deno.bench(`append 1 event, ${title}`, { group }, async () => {
    await append(store, 1);
  });
  Deno.bench(`append ${BATCH_EVENTS} events, ${title}`, { group }, async () => {
    await append(store, BATCH_EVENTS);
  });
  Deno.bench(
    `append 1 event, ${TOGETHER} times at once, ${title}`,
    { group },
    async () => {
      await Promise.all(
        Array.from({ length: TOGETHER }, () => append(store, 1)),
      );
    },
  );
  let next = 0;
  Deno.bench(`read 1 event, ${title}`, { group }, async () => {
    next = (next + 1009) % READ_STREAM_EVENTS;
    await store.readEvent("read", next);
  });
  for (const count of [20, READ_STREAM_EVENTS]) {
    Deno.bench(`read ${count} events, ${title}`, { group }, async () => {
      await store.readStream({
        streamName: "read",
        from: READ_STREAM_EVENTS - 1,
        count,
        direction: "backward",
        withBodies: true,
      });
    });
  }
  Deno.bench(`read 20 events of the whole log, ${title}`, {
    group,
  }, async () => {
    await store.readAll({
      from: "end",
      count: 20,
      direction: "backward",
      withBodies: true,
    });
  });
  Deno.bench(`state of a stream, ${title}`, { group }, async () => {
    await store.readState("read");
  });
}

async function fill(store: EventStore): Promise<void> {
  for (let first = 0; first < READ_STREAM_EVENTS; first += 256) {
    await store.append({
      streamName: "read",
      expectedVersion: "any",
      events: Array.from(
        { length: 256 },
        () => ({ ...EVENT, eventId: nextEventId() }),
      ),
    });
  }
}

async function append(store: EventStore, count: number): Promise<void> {
  const stream = appendCount++ % STREAMS;
  const result = await store.append({
    streamName: `load-${stream}`,
    expectedVersion: "any",
    events: Array.from(
      { length: count },
      () => ({ ...EVENT, eventId: nextEventId() }),
    ),
  });
  if (result.kind !== "appended") throw new Error(`append: ${result.kind}`);
}
