/**
 * The contract of the port, held by the store in memory and on disk; and on
 * disk with segments so small that most tests cross several.
 *
 * @module
 */

import type { EventStore } from "../../lib/store/event_store.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import {
  createWorkerIndexMaker,
  type IndexMaker,
} from "../../storage/index/worker_index_maker.ts";
import { openStore } from "../../storage/mod.ts";
import { createTestClock, createTestIds } from "../support/events.ts";
import { testEventStore } from "./event_store_contract.ts";

const MIB = 1024 * 1024;

function open(
  directory: string | undefined,
  segmentSizeBytes: number,
  indexMaker?: IndexMaker,
): Promise<EventStore> {
  return openStore({
    directory,
    segmentSizeBytes,
    ...(indexMaker === undefined ? {} : { indexMaker }),
    clock: createTestClock(),
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
  });
}

/** Opens a store in a directory that goes when the store is closed. */
async function openOnDisk(
  segmentSizeBytes: number,
  indexMaker?: IndexMaker,
): Promise<EventStore> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-contract-" });
  const store = await open(directory, segmentSizeBytes, indexMaker);
  const close = store.close.bind(store);
  let closing: Promise<void> | undefined;
  store.close = () =>
    closing ??= close().then(() => Deno.remove(directory, { recursive: true }));
  return store;
}

testEventStore("memory store", () => open(undefined, 256 * MIB));
testEventStore("file store", () => openOnDisk(256 * MIB));
testEventStore("file store of tiny segments", () => openOnDisk(4096));
testEventStore(
  "file store of small segments sealed in workers",
  () => openOnDisk(16 * 1024, createWorkerIndexMaker({ entriesMin: 0 })),
);
