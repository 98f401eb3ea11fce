/**
 * The losses of earlier repairs, and the records they were about to remove:
 * notes in `lost/`, as long as they are kept there.
 *
 * @module
 */

import { join } from "@std/path";
import type { Logger } from "../../lib/model/logger.ts";
import { type Disk, readExactly } from "../disk/disk.ts";
import { decodeJsonText } from "../../lib/text/utf8.ts";

/** First part of the names of notes that tell of lost events. */
export const LOSSES_PREFIX = "losses-";
/** And of notes of repairs without losses. */
export const REPAIR_PREFIX = "repair-";

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

/**
 * Names in the store's directory of files that repairs were to keep in `lost/`.
 * A repair that was interrupted may have left them where they were, with what
 * replaces them already there.
 */
export async function namesToKeep(
  disk: Disk,
  directory: string,
): Promise<Set<string>> {
  const lost = join(directory, "lost");
  const kept = new Set<string>();
  for (const name of await disk.list(lost)) {
    const isNote = name.endsWith(".json") &&
      (name.startsWith(LOSSES_PREFIX) || name.startsWith(REPAIR_PREFIX));
    if (!isNote) continue;
    for (const moved of movedIn(disk, join(lost, name))) kept.add(moved);
  }
  return kept;
}

const NO_BYTES = new Uint8Array(0);

function movedIn(disk: Disk, path: string): string[] {
  const file = disk.open(path, "read");
  try {
    const bytes = readExactly(file, 0, file.size());
    const { moved } = JSON.parse(decodeJsonText(bytes ?? NO_BYTES));
    return Array.isArray(moved) ? moved.map(String) : [];
  } catch (error) {
    // A note is whole before anything is replaced.
    if (error instanceof SyntaxError || error instanceof TypeError) return [];
    throw error;
  } finally {
    file.close();
  }
}
