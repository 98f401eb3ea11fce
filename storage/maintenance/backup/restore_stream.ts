/**
 * Makes a store of a backup that comes as a stream, such as a server sends it.
 * Its manifest is the last of it, so all of it is kept in the directory first,
 * checked on the way, and then restored as any backup is:
 *
 * ```
 * restoring    the mark of an unfinished restore, as always
 * incoming/    the backup, until the store was made of it
 * ```
 *
 * What comes damaged, or not whole, leaves the directory empty again.
 *
 * @module
 */

import { join } from "@std/path";
import type { RestoreReport } from "../../../lib/store/transfer.ts";
import type { Disk } from "../../disk/disk.ts";
import {
  CATALOG_NAME,
  RESTORING_NAME,
  SEGMENTS_NAME,
} from "../../disk/store_directory.ts";
import { removeIfThere } from "./backup_file.ts";
import { BACKUP_SEGMENTS_NAME } from "../../disk/backup_names.ts";
import { type BackupAnswer, receiveBackup } from "./receive_backup.ts";
import {
  beginRestore,
  INCOMING_NAME,
  LEFT_NAME,
  LOCK_NAME,
  restoreBackup,
  type RestoreOptions,
} from "./restore.ts";

export interface RestoreStreamOptions extends Omit<RestoreOptions, "backup"> {
  /** A tar archive. */
  readonly input: BackupAnswer;
}

/**
 * Restores what comes; it takes room for it twice.
 *
 * @throws {QuipuError} As `restoreBackup` and `receiveBackup` do.
 */
export async function restoreStream(
  options: RestoreStreamOptions,
): Promise<RestoreReport> {
  const { input, ...others } = options;
  const { platform: { disk }, directory, control } = options;
  const incoming = join(directory, INCOMING_NAME);
  const { lock, isUnfinished } = await beginRestore(disk, directory);
  try {
    try {
      await removeBackup(disk, incoming);
      const iterator = input.bytes[Symbol.asyncIterator]();
      await receiveBackup({
        disk,
        directory: incoming,
        request: () =>
          Promise.resolve({
            bytes: { [Symbol.asyncIterator]: () => iterator },
            length: input.length,
          }),
        control,
      });
      // Who sends must not fail because nobody takes the padding at the end.
      while ((await iterator.next()).done !== true);
    } finally {
      lock.release();
    }
    return await restoreBackup({
      ...others,
      backup: incoming,
      onCopied: () => removeBackup(disk, incoming),
    });
  } catch (error) {
    await giveUp(disk, directory, isUnfinished).catch(() => {
      // What it ended with says more; the mark is there, the next one goes on.
    });
    throw error;
  }
}

/** Removes a backup, whole or not. */
async function removeBackup(disk: Disk, path: string): Promise<void> {
  for (const directory of [join(path, BACKUP_SEGMENTS_NAME), path]) {
    for (const name of await disk.list(directory)) {
      if (name === BACKUP_SEGMENTS_NAME && directory === path) continue;
      await removeIfThere(disk, join(directory, name));
    }
    await removeIfThere(disk, directory);
  }
}

/** Frees the room, and the directory if nothing was made in it yet. */
async function giveUp(
  disk: Disk,
  directory: string,
  isUnfinished: boolean,
): Promise<void> {
  await removeBackup(disk, join(directory, INCOMING_NAME));
  const isBegun = isUnfinished ||
    (await disk.list(join(directory, SEGMENTS_NAME))).length > 0 ||
    (await disk.list(directory)).includes(CATALOG_NAME);
  if (isBegun) return;
  for (const name of [SEGMENTS_NAME, LOCK_NAME]) {
    await removeIfThere(disk, join(directory, name));
  }
  const left = await disk.list(directory);
  // Without the mark nobody would know whose it is.
  if (left.some((name) => LEFT_NAME.test(name))) return;
  await removeIfThere(disk, join(directory, RESTORING_NAME));
  await disk.syncDirectory(directory);
}
