/**
 * What earlier repairs could not save: notes in `lost/`, as long as they are
 * kept there.
 *
 * @module
 */

import { join } from "@std/path";
import type { Logger } from "../../lib/model/logger.ts";
import type { Disk } from "../disk/disk.ts";

/** First part of the names of notes that tell of lost events. */
export const LOSSES_PREFIX = "losses-";

/** Names in the store's directory of notes that tell of lost events. */
export async function lossesOf(
  disk: Disk,
  directory: string,
): Promise<string[]> {
  const names = await disk.list(join(directory, "lost"));
  return names.filter((name) => name.startsWith(LOSSES_PREFIX))
    .map((name) => `lost/${name}`);
}

/** Says aloud which notes there are; nothing depends on it. */
export async function tellLosses(
  disk: Disk,
  directory: string,
  logger: Logger,
): Promise<void> {
  try {
    for (const note of await lossesOf(disk, directory)) {
      logger.warn("store.has_losses", { note });
    }
  } catch {
    // A device that does not even list its files is told of elsewhere.
  }
}
