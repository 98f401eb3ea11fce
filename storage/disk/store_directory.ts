/**
 * Takes the directory of a store for this process.
 *
 * @module
 */

import { join } from "@std/path";
import { QuipuError } from "../../lib/model/errors.ts";
import {
  refusedPathOf,
  systemCodeOf,
  systemReasonOf,
} from "../../lib/text/system_errors.ts";
import { MANIFEST_NAME, parseBackupFileName } from "./backup_names.ts";
import type { Disk, DiskLock } from "./disk.ts";

/** Name of the KV's file in a store's directory. */
export const CATALOG_NAME = "catalog.kv";

/** Name of the directory of segments in that of a store. */
export const SEGMENTS_NAME = "segments";

/** Name of the directory of files that were taken out, in that of a store. */
const LOST_NAME = "lost";

/** Name of the file that marks a directory as being restored to. */
export const RESTORING_NAME = "restoring";

/**
 * Takes the lock and refuses a directory that holds something else.
 *
 * @param isRestoring Whether it is the restore itself that opens the store.
 */
export async function takeDirectory(
  disk: Disk,
  directory: string,
  isRestoring = false,
): Promise<DiskLock> {
  try {
    await disk.makeDirectory(directory);
    const names = await disk.list(directory);
    if (!isRestoring) refuseUnfinished(names, directory);
    await refuseBackup(disk, names, directory);
    const foreign = names.filter((name) => !TOLERATED_NAME.test(name));
    const isOurs = foreign.length === 0 ||
      OWN_NAMES.some((name) => names.includes(name));
    if (!isOurs) {
      throw new QuipuError(
        "foreignFormat",
        `Cannot open "${directory}": it holds "${foreign[0]}" and no store ` +
          `of this program`,
      );
    }
    const lock = await disk.lock(
      join(directory, "lock"),
      `process ${Deno.pid}`,
    );
    if ("heldBy" in lock) throw lockedError(directory, lock.heldBy);
    return lock;
  } catch (error) {
    throw asOpenError(error, directory);
  }
}

/**
 * Keeps writers out of a directory that is to be read alone, as far as it can
 * be written at all.
 *
 * @throws {QuipuError} `directoryLocked` while another process has it,
 * `notWritable` when it holds no store, or one with a file that this user may
 * not read: the message names the file.
 */
export async function takeForReading(
  disk: Disk,
  directory: string,
): Promise<DiskLock> {
  let names: readonly string[];
  try {
    names = await disk.list(directory);
    refuseUnfinished(names, directory);
    await refuseBackup(disk, names, directory);
  } catch (error) {
    throw asOpenError(error, directory);
  }
  if (!names.includes(SEGMENTS_NAME)) {
    throw new QuipuError(
      "notWritable",
      `Cannot open "${directory}": it holds no store to read` +
        (names.length === 0 ? ", it is empty or not there" : ""),
    );
  }
  const lock = await lockForReading(disk, directory);
  try {
    await refuseUnreadable(disk, directory, names);
  } catch (error) {
    lock.release();
    throw asOpenError(error, directory);
  }
  return lock;
}

async function lockForReading(
  disk: Disk,
  directory: string,
): Promise<DiskLock> {
  let lock: DiskLock | { heldBy: string };
  try {
    lock = await disk.lock(join(directory, "lock"), `process ${Deno.pid}`);
  } catch (error) {
    if (error instanceof QuipuError) throw error;
    // Where nothing can be written, nobody else writes either.
    return { release() {} };
  }
  if ("heldBy" in lock) throw lockedError(directory, lock.heldBy);
  return lock;
}

/** Files of a store that stand in its directory itself and are read. */
const READ_NAME = /^(heads\.snap|catalog\.kv)/;

/**
 * Refuses a store of which this user may not read every file. A file that
 * cannot be read would count as missing or damaged, which it is not.
 *
 * @param names What the directory holds.
 * @throws {Error} The system's, for the first such file.
 */
async function refuseUnreadable(
  disk: Disk,
  directory: string,
  names: readonly string[],
): Promise<void> {
  const paths = names.filter((name) => READ_NAME.test(name))
    .map((name) => join(directory, name));
  for (const folder of [SEGMENTS_NAME, LOST_NAME]) {
    for (const name of await disk.list(join(directory, folder))) {
      paths.push(join(directory, folder, name));
    }
  }
  for (const path of paths) {
    try {
      disk.open(path, "read").close();
    } catch (error) {
      const code = systemCodeOf(error);
      if (code === "EACCES" || code === "EPERM") throw error;
    }
  }
}

/** A directory with an interrupted restore holds only part of the store. */
function refuseUnfinished(names: readonly string[], directory: string): void {
  if (!names.includes(RESTORING_NAME)) return;
  throw new QuipuError(
    "damaged",
    `Cannot open "${directory}": a restore to it was not finished; run it again`,
  );
}

/**
 * A backup looks like a store that lost all but its segments' directory: it
 * must neither be mended nor written to.
 */
async function refuseBackup(
  disk: Disk,
  names: readonly string[],
  directory: string,
): Promise<void> {
  if (names.includes(CATALOG_NAME) || !names.includes(SEGMENTS_NAME)) return;
  const files = names.includes(MANIFEST_NAME)
    ? []
    : await disk.list(join(directory, SEGMENTS_NAME));
  const isBackup = names.includes(MANIFEST_NAME) ||
    // One that was interrupted before it had a manifest.
    files.some((name) =>
      parseBackupFileName(name.replace(/\.part$/, "")) !== undefined
    );
  if (!isBackup) return;
  throw new QuipuError(
    "foreignFormat",
    `Cannot open "${directory}": it holds a backup, of which quipu restore ` +
      `makes a store in another directory`,
  );
}

function lockedError(directory: string, heldBy: string): QuipuError {
  return new QuipuError(
    "directoryLocked",
    `Cannot open "${directory}": it is in use by ` +
      (heldBy === "" ? "another process" : heldBy),
  );
}

const OWN_NAMES = ["lock", CATALOG_NAME, SEGMENTS_NAME];

/** Files allowed in a new store's directory: logs, and those of mounting. */
export const TOLERATED_NAME = /^(log|.*\.log|lost\+found|\..*)$/;

/** Names the directory in what the operating system says about it. */
export function asOpenError(error: unknown, directory: string): Error {
  if (error instanceof QuipuError) return error;
  const path = refusedPathOf(error) ?? directory;
  return new QuipuError(
    "notWritable",
    `Cannot open "${path}": ${systemReasonOf(error)}`,
    { cause: error },
  );
}
