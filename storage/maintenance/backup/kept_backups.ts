/**
 * A directory of dated backups, of which the newest are kept:
 * `quipu backup --keep`.
 *
 * ```
 * 20261201T003111.062Z/   a backup, named after the moment it was begun at
 * 20261202T003110.871Z/
 * ```
 *
 * A new backup begins with hard links to the files of the one before, which
 * never change: it copies only what is new, and takes only that much room.
 *
 * @module
 */

import { join } from "@std/path";
import { QuipuError } from "../../../lib/model/errors.ts";
import type { Disk } from "../../disk/disk.ts";
import { BACKUP_LOCK_NAME, readManifest } from "./backup_target.ts";
import {
  BACKUP_SEGMENTS_NAME,
  MANIFEST_NAME,
} from "../../disk/backup_names.ts";
import type { BackupManifest } from "./manifest.ts";

const DATED_NAME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z$/;

/**
 * Chooses where in the directory the next backup goes: on with the one that was
 * begun last, if it was interrupted, else to a new directory.
 *
 * @throws {QuipuError} `foreignFormat` if the directory is a backup itself.
 */
export async function nextKeptTarget(
  disk: Disk,
  directory: string,
  nowMs: number,
): Promise<string> {
  const names = await disk.list(directory);
  if (names.includes(MANIFEST_NAME)) {
    throw new QuipuError(
      "foreignFormat",
      `Cannot keep backups in "${directory}": it is a backup itself; name a ` +
        `directory above it`,
    );
  }
  const last = (await datedIn(disk, directory)).at(-1);
  if (last !== undefined) {
    const manifest = readManifest(disk, join(directory, last));
    if (manifest === undefined) return join(directory, last);
  }
  const target = join(directory, nameAfter(last, nowMs));
  const before = (await completeIn(disk, directory)).at(-1);
  if (before !== undefined) await linkSegments(disk, before, target);
  return target;
}

/**
 * Removes complete backups but for the newest `keep`, which are 1 or more. What
 * is not a complete backup of the same store stays, and so does a backup that
 * is in use.
 *
 * @returns Names of those that were removed, the oldest first.
 */
export async function pruneBackups(
  disk: Disk,
  directory: string,
  keep: number,
): Promise<readonly string[]> {
  const complete = await completeIn(disk, directory);
  const storeId = complete.at(-1)?.manifest.storeId;
  const ofStore = complete.filter(({ manifest }) =>
    manifest.storeId === storeId
  );
  const pruned: string[] = [];
  for (const backup of ofStore.slice(0, -Math.max(1, keep))) {
    if (await removeBackup(disk, backup)) pruned.push(backup.name);
  }
  return pruned;
}

interface CompleteBackup {
  readonly name: string;
  readonly path: string;
  readonly manifest: BackupManifest;
}

/** Backups that are whole, the oldest first. */
async function completeIn(
  disk: Disk,
  directory: string,
): Promise<CompleteBackup[]> {
  const complete: CompleteBackup[] = [];
  for (const name of await datedIn(disk, directory)) {
    const path = join(directory, name);
    const manifest = readManifest(disk, path);
    if (typeof manifest === "object") complete.push({ name, path, manifest });
  }
  return complete;
}

/** Directories with names of ours, in the order of their names. */
async function datedIn(disk: Disk, directory: string): Promise<string[]> {
  const dated: string[] = [];
  for (const name of await disk.list(directory)) {
    if (!DATED_NAME.test(name)) continue;
    // A link may lead anywhere: nothing is written or removed there.
    const { isDirectory } = await Deno.lstat(join(directory, name));
    if (isDirectory) dated.push(name);
  }
  return dated;
}

/** Removes what a backup is made of; false if somebody uses it. */
async function removeBackup(
  disk: Disk,
  { path, manifest }: CompleteBackup,
): Promise<boolean> {
  const lockPath = join(path, BACKUP_LOCK_NAME);
  const lock = await disk.lock(lockPath, `process ${Deno.pid}`);
  if ("heldBy" in lock) return false;
  try {
    // First the manifest: half a backup must not be taken for one.
    await disk.remove(join(path, MANIFEST_NAME));
    await disk.syncDirectory(path);
    const segmentsPath = join(path, BACKUP_SEGMENTS_NAME);
    const there = new Set(await disk.list(segmentsPath));
    for (const { name } of manifest.segments) {
      if (there.has(name)) await disk.remove(join(segmentsPath, name));
    }
    await removeIfEmpty(disk, segmentsPath);
    await disk.remove(lockPath);
  } finally {
    lock.release();
  }
  await removeIfEmpty(disk, path);
  return true;
}

/** Something else that lies there is not ours to remove. */
async function removeIfEmpty(disk: Disk, path: string): Promise<void> {
  if ((await disk.list(path)).length === 0) await disk.remove(path);
}

async function linkSegments(
  disk: Disk,
  { path, manifest }: CompleteBackup,
  target: string,
): Promise<void> {
  const [from, to] = [path, target].map((place) =>
    join(place, BACKUP_SEGMENTS_NAME)
  );
  if (from === undefined || to === undefined) return;
  await disk.makeDirectory(to);
  for (const { name } of manifest.segments) {
    try {
      await Deno.link(join(from, name), join(to, name));
    } catch {
      // Not every file system has links: it is copied then.
      return;
    }
  }
}

/** A name of this moment, or of the one after that of `last` if it is later. */
function nameAfter(last: string | undefined, nowMs: number): string {
  const lastMs = last === undefined
    ? 0
    : Date.parse(last.replace(DATED_NAME, "$1-$2-$3T$4:$5:$6Z"));
  // NaN for a name that is no date: it is not of our making.
  const moment = new Date(lastMs >= nowMs ? lastMs + 1 : nowMs);
  return moment.toISOString().replaceAll(/[-:]/g, "");
}
