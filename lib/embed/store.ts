/**
 * A store inside a program: no process, no server.
 *
 * ```ts
 * import { openStore } from "@quipu-store/quipu/store";
 *
 * await using store = await openStore({ directory: "./data" });
 * ```
 *
 * @module
 */

import { openStore as openWholeStore } from "../../storage/mod.ts";
import { LIMITS } from "../model/limits.ts";
import { type Logger, SILENT_LOGGER } from "../model/logger.ts";
import { newEventId } from "../runtime/event_ids.ts";
import { SYSTEM_CLOCK } from "../runtime/system_clock.ts";
import type { MaintainedStore } from "../store/event_store.ts";

export type { Logger } from "../model/logger.ts";
export type { EventStore, MaintainedStore } from "../store/event_store.ts";
export { QuipuError, type QuipuErrorCode } from "../model/errors.ts";

/** Bytes of a file of the log, if nothing else is said: 256 MiB. */
const SEGMENT_SIZE_BYTES = 256 * 1024 * 1024;

/** How to open a store. */
export interface OpenStoreOptions {
  /** Its directory, created if it is missing. Default: in memory. */
  readonly directory?: string;
  /** Default: nothing is logged. */
  readonly logger?: Logger;
  /** Bytes of a file of the log, 1 MiB to 4 GiB − 1. Default: 256 MiB. */
  readonly segmentSizeBytes?: number;
}

/**
 * Opens a store; one process owns a directory. Disposing of it closes it.
 * `EventStore` says what it does.
 *
 * Needs the permissions to read and write the directory, and in memory none.
 * The directory needs Deno's unstable KV (`--unstable-kv`).
 *
 * @throws {QuipuError} `directoryLocked`, `notWritable`, `foreignFormat` or
 * `damaged`; each message says what is wrong and where.
 */
export function openStore(
  options: OpenStoreOptions = {},
): Promise<MaintainedStore> {
  const { directory, logger = SILENT_LOGGER } = options;
  return openWholeStore({
    directory,
    segmentSizeBytes: options.segmentSizeBytes ?? SEGMENT_SIZE_BYTES,
    clock: SYSTEM_CLOCK,
    newEventId,
    logger,
    queue: {
      eventsMax: LIMITS.appendQueueEventsMax,
      bytesMax: LIMITS.appendQueueBytesMax,
    },
    names: LIMITS,
    ballastBytes: directory === undefined ? 0 : LIMITS.ballastBytes,
  });
}
