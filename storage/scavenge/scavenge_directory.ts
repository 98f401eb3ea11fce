/**
 * Scavenges the store in a directory that no process has open.
 *
 * @module
 */

import type { Clock } from "../../lib/model/clock.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import type { Logger } from "../../lib/model/logger.ts";
import type {
  JobControl,
  MaintainedStore,
  ScavengeReport,
} from "../../lib/model/maintenance.ts";
import { SEGMENTS_NAME } from "../open_directory.ts";

/** Opens a store; `openStore` with what the program adds. */
export interface ScavengeDirectoryOptions {
  readonly directory: string;
  readonly segmentSizeBytes: number;
  readonly clock: Clock;
  readonly newEventId: () => string;
  readonly logger: Logger;
  readonly openStore: (
    options: Omit<ScavengeDirectoryOptions, "openStore">,
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
  if (!await isStore(options.directory)) {
    throw new QuipuError(
      "notWritable",
      `Cannot scavenge "${options.directory}": it holds no store`,
    );
  }
  await using store = await openStore(opening);
  return await store.maintenance.scavenge({}, control);
}

async function isStore(directory: string): Promise<boolean> {
  try {
    return (await Deno.stat(`${directory}/${SEGMENTS_NAME}`)).isDirectory;
  } catch {
    return false;
  }
}
