/**
 * A store in a directory, and an app that maintains it.
 *
 * @module
 */

import { join } from "@std/path";
import { JobBoard } from "../../lib/maintenance/job_board.ts";
import { MaintenanceService } from "../../lib/maintenance/maintenance_service.ts";
import type { Limits } from "../../lib/model/limits.ts";
import { type LogFields, SILENT_LOGGER } from "../../lib/model/logger.ts";
import type { MaintainedStore } from "../../lib/store/event_store.ts";
import { openStore } from "../../storage/mod.ts";
import { anEvent, createTestClock, createTestIds } from "./events.ts";
import { openTestApp, type TestApp } from "./test_app.ts";

export interface MaintenancePlace extends AsyncDisposable {
  /** Everything is in it: the store in `store`. */
  readonly path: string;
  /** What the log says of backups and exports. */
  readonly logged: readonly string[];
  readonly store: MaintainedStore;
  readonly test: TestApp;
  /** Appends events one by one, to three streams in turns: `cart-0`, … */
  append(count: number): Promise<void>;
}

/** Opens a store with segments of a few records. */
export async function openMaintenancePlace(
  limits: Partial<Limits> = {},
): Promise<MaintenancePlace> {
  const logged: string[] = [];
  const log = (event: string, fields: LogFields = {}) => {
    logged.push(`${event} ${JSON.stringify(fields)}`);
  };
  const path = await Deno.makeTempDir({ prefix: "quipu-maintenance-" });
  const clock = createTestClock();
  const newId = createTestIds();
  const store = await openStore({
    directory: join(path, "store"),
    segmentSizeBytes: 2048,
    clock,
    newEventId: newId,
    logger: SILENT_LOGGER,
  });
  const test = openTestApp({
    store,
    clock,
    limits,
    app: {
      maintenance: new MaintenanceService({
        store,
        jobs: new JobBoard({ clock, newId, logger: SILENT_LOGGER }),
        clock,
        logger: { debug: log, info: log, warn: log, error: log, audit: log },
        version: "0.0.0",
      }),
    },
  });
  let last = 0;
  return {
    path,
    logged,
    store,
    test,
    async append(count) {
      for (let index = 0; index < count; index++) {
        clock.advanceMs(1);
        await store.append({
          streamName: `cart-${last % 3}`,
          expectedVersion: "any",
          events: [anEvent(++last)],
        });
      }
    },
    async [Symbol.asyncDispose]() {
      await test[Symbol.asyncDispose]();
      await store.close();
      await Deno.remove(path, { recursive: true });
    },
  };
}
