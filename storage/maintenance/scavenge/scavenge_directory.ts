/**
 * Scavenges the store in a directory that no process has open.
 *
 * @module
 */

import type { Clock } from "../../../lib/model/clock.ts";
import { QuipuError } from "../../../lib/model/errors.ts";
import type { Logger } from "../../../lib/model/logger.ts";
import type { MaintainedStore } from "../../../lib/store/event_store.ts";
import type {
  JobControl,
  ScavengeReport,
} from "../../../lib/store/maintenance.ts";
import { LIMITS } from "../../../lib/model/limits.ts";
import { createFileDisk } from "../../disk/file_disk.ts";
import { asOpenError, SEGMENTS_NAME } from "../../disk/store_directory.ts";
import { Ballast } from "../../write/ballast.ts";

/** Opens a store; `openStore` with what the program adds. */
interface ScavengeDirectoryOptions {
  readonly directory: string;
  readonly segmentSizeBytes: number;
  readonly clock: Clock;
  readonly newEventId: () => string;
  readonly logger: Logger;
  readonly openStore: (
    options: Omit<ScavengeDirectoryOptions, "openStore"> & {
      readonly scavengeReserveBytes: number;
    },
  ) => Promise<MaintainedStore>;
}

/**
 * Opens the store, scavenges it, and closes it again.
 *
 * @throws {QuipuError} `notWritable` when the directory holds no store: none is
 * made; else as opening and scavenging do.
 */
export async function scavengeDirectory(
  options: ScavengeDirectoryOptions,
  control: JobControl,
): Promise<ScavengeReport> {
  const { openStore, ...opening } = options;
  await requireStore(options.directory, "scavenge");
  await using store = await openStore({ ...opening, scavengeReserveBytes: 0 });
  await makeRoom(options.directory);
  return await store.maintenance.scavenge({}, control);
}

/**
 * Gives the ballast up where room is short. Nobody appends meanwhile, and the
 * next server makes it again.
 */
async function makeRoom(directory: string): Promise<void> {
  const disk = createFileDisk();
  const sizeBytes = LIMITS.ballastBytes;
  if ((disk.freeBytes?.(directory) ?? Infinity) >= sizeBytes) return;
  await new Ballast({ disk, directory, sizeBytes }).release();
}

/**
 * Refuses a directory that holds no store, where opening would make one.
 *
 * @param action What cannot be done, in a message.
 * @throws {QuipuError} `notWritable`, also when the directory may not be read.
 */
export async function requireStore(
  directory: string,
  action: string,
): Promise<void> {
  if (await isStore(directory)) return;
  throw new QuipuError(
    "notWritable",
    `Cannot ${action} "${directory}": it holds no store`,
  );
}

async function isStore(directory: string): Promise<boolean> {
  try {
    return (await Deno.stat(`${directory}/${SEGMENTS_NAME}`)).isDirectory;
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (isMissing) return false;
    throw asOpenError(error, directory);
  }
}
