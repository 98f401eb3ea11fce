/**
 * Exports and imports of stores in directories of the machine: what the
 * program's commands do.
 *
 * @module
 */

import type { Clock } from "../../../lib/model/clock.ts";
import { QuipuError } from "../../../lib/model/errors.ts";
import type { RecordedEvent } from "../../../lib/model/event.ts";
import { LIMITS } from "../../../lib/model/limits.ts";
import type { Logger } from "../../../lib/model/logger.ts";
import type { JobControl } from "../../../lib/store/maintenance.ts";
import type {
  ExportReport,
  ExportSelection,
  ImportReport,
} from "../../../lib/store/transfer.ts";
import { explainSystemError } from "../../../lib/text/system_errors.ts";
import { refuseInsideStore } from "../backup/overlap.ts";
import { createFileDisk } from "../../disk/file_disk.ts";
import { openKvCatalog } from "../../commit/kv_catalog.ts";
import { openFileStore } from "../../open/open_store.ts";
import { TOLERATED_NAME } from "../../disk/store_directory.ts";
import {
  exportEvents,
  type ExportSink,
} from "../../../lib/store/export_events.ts";
import { importEvents } from "../../../lib/store/import_events.ts";

interface DirectoryOptions {
  readonly directory: string;
  readonly segmentSizeBytes: number;
  readonly clock: Clock;
  readonly newEventId: () => string;
  readonly logger: Logger;
}

function openDirectory(options: DirectoryOptions, isReadOnly: boolean) {
  const platform = { disk: createFileDisk(), openCatalog: openKvCatalog };
  return openFileStore(platform, { ...options, isReadOnly });
}

/**
 * Refuses a file that would lie in a store's directory.
 *
 * @throws {QuipuError} `notWritable`.
 */
export function checkExportFile(path: string): void {
  refuseInsideStore("export to", path);
}

/** Exports from a store that no process has open; see `exportEvents`. */
export async function exportDirectory(
  options: DirectoryOptions & {
    readonly selection: ExportSelection;
    readonly sink: ExportSink;
  },
  control: JobControl,
): Promise<ExportReport> {
  await using store = await openDirectory(options, true);
  const { selection, sink } = options;
  return await exportEvents(store, { selection, sink, control });
}

/** Reads all events of a store that no process has open, in their order. */
export async function* readDirectory(
  options: DirectoryOptions,
): AsyncGenerator<RecordedEvent> {
  await using store = await openDirectory(options, true);
  let from = 0;
  while (true) {
    const page = await store.readAll({
      from,
      count: LIMITS.pageEventsMax,
      direction: "forward",
      withBodies: true,
    });
    yield* page.events;
    if (page.isAtEnd) return;
    from = page.next;
  }
}

/** Imports to a store that no process has open; see `importEvents`. */
export async function importDirectory(
  options: DirectoryOptions & {
    readonly bytes: AsyncIterable<Uint8Array>;
    readonly length: number;
    /** See `importEvents`. */
    readonly withSystem?: boolean;
  },
  control: JobControl,
): Promise<ImportReport> {
  const { bytes, length, withSystem, clock, directory } = options;
  let store = await hasNothing(directory)
    ? undefined
    : await openDirectory(options, false);
  const makeStore = async () => store = await openDirectory(options, false);
  try {
    return await importEvents(
      store === undefined ? { makeStore } : { store },
      { bytes, length, withSystem, clock, control },
    );
  } catch (error) {
    throw namedFailure(error, directory);
  } finally {
    await store?.close();
  }
}

/** Whether a store would be made there; false, too, where none can be. */
async function hasNothing(directory: string): Promise<boolean> {
  try {
    const names = await createFileDisk().list(directory);
    return names.every((name) => TOLERATED_NAME.test(name));
  } catch {
    return false;
  }
}

/** Says where nothing more can be written, and what helps. */
function namedFailure(error: unknown, directory: string): unknown {
  const cause = error instanceof QuipuError ? error.cause : undefined;
  const why = explainSystemError(cause);
  if (!(error instanceof QuipuError) || why === undefined) return error;
  return new QuipuError(
    error.code,
    `Cannot import to "${directory}": ${why}: what was imported is kept, and ` +
      `recognised the next time`,
    { cause: error },
  );
}
