/**
 * Puts a batch on the device.
 *
 * @module
 */

import type { StoreObserver } from "../../lib/store/store_observer.ts";
import { offsetOf } from "../log/segment.ts";
import type { Batch } from "./batch.ts";
import type { ActiveSegment } from "./write_access.ts";

/** Writes a batch that is not empty to its segment, and syncs that once. */
export async function writeOut(
  batch: Batch,
  { segment, file }: ActiveSegment,
  observer: StoreObserver,
): Promise<void> {
  const { answers, eventCount, bytes } = batch;
  observer.batchEncoded(answers.length, eventCount, bytes.length);
  await file.write(bytes, offsetOf(segment, batch.startPosition));
  const startedAtMs = performance.now();
  await file.sync();
  observer.synced(performance.now() - startedAtMs);
}
