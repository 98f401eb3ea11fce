/**
 * Makes a store of a backup.
 *
 * Order, so that whatever is interrupted leaves an empty directory or one that
 * is refused until the restore was done again:
 *
 *   1. the backup checked: all files there, all checksums right
 *   2. the directory marked as unfinished, and that synced
 *   3. the segments copied up to the cut, each synced, then their directory
 *   4. the commit record made: the store's id, the end, its checksum
 *   5. the store opened: every record is checked again, indexes are made
 *   6. the mark removed, and that synced
 *
 * The restored store keeps its id: it is the same store, at an earlier end.
 * Its catalog is a new one, whose epochs begin anew. Where it goes on another
 * way than the store that the backup was taken of, the checksums of the log
 * tell the two apart: a backup of one never takes a segment of the other for
 * its own.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import type { Clock } from "../../../lib/model/clock.ts";
import { QuipuError } from "../../../lib/model/errors.ts";
import type { FileStore } from "../../open/file_store.ts";
import type { JobControl } from "../../../lib/store/maintenance.ts";
import type { LogPoint, RestoreReport } from "../../../lib/store/transfer.ts";
import type { Disk, DiskLock } from "../../disk/disk.ts";
import { segmentPath } from "../../log/segment.ts";
import { encodeSegmentHeader } from "../../log/segment_header.ts";
import {
  CATALOG_NAME,
  RESTORING_NAME,
  SEGMENTS_NAME,
  TOLERATED_NAME,
} from "../../disk/store_directory.ts";
import type { StorePlatform } from "../../commit/platform.ts";
import { BACKUP_CHUNK_BYTES, removeIfThere } from "./backup_file.ts";
import {
  type BackupSource,
  openBackup,
  verifyBackup,
} from "./backup_source.ts";
import { type Cut, findCut } from "./cut.ts";
import type { BackupFile } from "./manifest.ts";

export interface RestoreOptions {
  readonly platform: StorePlatform;
  /** The backup: a directory or a tar file. */
  readonly backup: string;
  /** Where the store is to be. */
  readonly directory: string;
  /** Undefined: everything. */
  readonly point: LogPoint | undefined;
  readonly clock: Clock;
  /** Opens the store that was copied, which is marked as unfinished. */
  readonly openStore: (
    directory: string,
    opening: JobControl,
  ) => Promise<FileStore>;
  readonly control: JobControl;
  /** Done once the store is whole without the backup. */
  readonly onCopied?: () => Promise<void>;
}

/**
 * Restores a backup.
 *
 * @throws {QuipuError} `notWritable` when the directory is not empty,
 * `damaged` when the backup is, `foreignFormat` when it is none,
 * `invalidRequest` when it cannot be cut there.
 */
export async function restoreBackup(
  options: RestoreOptions,
): Promise<RestoreReport> {
  const { platform: { disk }, directory, point, control } = options;
  const source = openBackup(disk, options.backup);
  try {
    await requireEmpty(disk, directory);
    await verifyBackup(source, control);
    const cut = findCut(source, point);
    const { lock } = await beginRestore(disk, directory);
    let copiedBytes: number;
    try {
      copiedBytes = await copySegments(options, source, cut);
      await commit(options, source, cut);
    } finally {
      lock.release();
    }
    const { streamCount } = await checkStore(options, cut);
    await options.onCopied?.();
    await disk.remove(join(directory, RESTORING_NAME));
    await disk.syncDirectory(directory);
    const { storeId, end: backupEnd } = source.manifest;
    return {
      storeId,
      end: cut.end,
      backupEnd,
      lastCreatedAtUs: cut.lastCreatedAtUs,
      segmentCount: cut.segmentCount,
      streamCount,
      copiedBytes,
    };
  } finally {
    source.close();
  }
}

/** Files that an interrupted restore may have left. */
export const LEFT_NAME =
  /^(segments|incoming|lock|ballast|probe\.tmp|heads\.snap.*|catalog\.kv.*|lost)$/;
const LEFT_FILE_NAME = /^(ballast|probe\.tmp|heads\.snap.*|catalog\.kv.*)$/;
export const LOCK_NAME = "lock";
/** Name of a backup that is being received to be restored. */
export const INCOMING_NAME = "incoming";

/** @returns Whether a restore was begun here and not finished. */
async function requireEmpty(disk: Disk, directory: string): Promise<boolean> {
  const names = await disk.list(directory);
  const isUnfinished = names.includes(RESTORING_NAME);
  const foreign = names.find((name) =>
    name !== RESTORING_NAME && !TOLERATED_NAME.test(name) &&
    !(isUnfinished && LEFT_NAME.test(name))
  );
  if (foreign !== undefined) {
    throw new QuipuError(
      "notWritable",
      `Cannot restore to "${directory}": it is not empty, it holds ` +
        `"${foreign}"`,
    );
  }
  return isUnfinished;
}

/**
 * Marks the directory, takes it, and removes what an interrupted restore left
 * in it.
 *
 * @returns The lock, and whether such a restore had left the mark.
 * @throws {QuipuError} `notWritable` when it is not empty, `directoryLocked`.
 */
export async function beginRestore(
  disk: Disk,
  directory: string,
): Promise<{ readonly lock: DiskLock; readonly isUnfinished: boolean }> {
  const isUnfinished = await requireEmpty(disk, directory);
  await disk.makeDirectory(directory);
  await disk.syncDirectory(dirname(directory));
  if (!isUnfinished) {
    const mark = await disk.create(join(directory, RESTORING_NAME));
    try {
      await mark.sync();
    } finally {
      mark.close();
    }
  }
  await disk.syncDirectory(directory);
  const lock = await disk.lock(
    join(directory, LOCK_NAME),
    `process ${Deno.pid}`,
  );
  if ("heldBy" in lock) {
    throw new QuipuError(
      "directoryLocked",
      `Cannot restore to "${directory}": it is in use by ${lock.heldBy}`,
    );
  }
  try {
    await clear(disk, directory);
    return { lock, isUnfinished };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function clear(disk: Disk, directory: string): Promise<void> {
  const logDirectory = join(directory, SEGMENTS_NAME);
  for (const name of await disk.list(logDirectory)) {
    await removeIfThere(disk, join(logDirectory, name));
  }
  for (const name of await disk.list(directory)) {
    if (LEFT_FILE_NAME.test(name)) {
      await removeIfThere(disk, join(directory, name));
    }
  }
  await disk.makeDirectory(logDirectory);
  await disk.syncDirectory(directory);
}

async function copySegments(
  options: RestoreOptions,
  source: BackupSource,
  cut: Cut,
): Promise<number> {
  const { platform: { disk }, directory, control } = options;
  const logDirectory = join(directory, SEGMENTS_NAME);
  const parts = source.manifest.segments.slice(0, cut.segmentCount);
  const bytesOf = (part: BackupFile, at: number): number =>
    at === cut.segmentCount - 1 ? cut.lastBytes : part.bytes;
  const total = parts.reduce((sum, part, at) => sum + bytesOf(part, at), 0);
  const buffer = new Uint8Array(BACKUP_CHUNK_BYTES);
  let done = 0;
  for (const [at, part] of parts.entries()) {
    const file = source.open(part);
    if (file === undefined) throw new Error(`"${part.name}" is gone`);
    const copy = await disk.create(segmentPath(logDirectory, part, "seg"));
    try {
      for (let offset = 0; offset < bytesOf(part, at);) {
        control.signal.throwIfAborted();
        const length = Math.min(buffer.length, bytesOf(part, at) - offset);
        const count = file.readAt(buffer.subarray(0, length), offset);
        if (count === 0) throw new Error(`"${part.name}" was cut short`);
        await copy.writeAt(buffer.subarray(0, count), offset);
        offset += count;
        done += count;
        control.report({
          phase: "copying segments",
          done,
          total,
          unit: "bytes",
        });
        await control.pause?.();
      }
      await copy.sync();
    } finally {
      copy.close();
      file.close();
    }
  }
  await beginNext(options, source, cut);
  await disk.syncDirectory(logDirectory);
  return total;
}

/**
 * Begins the segment that the store is to go on in, where the last one that
 * was copied is not to be written any more: a scavenged one.
 */
async function beginNext(
  { platform: { disk }, directory, clock }: RestoreOptions,
  { manifest }: BackupSource,
  cut: Cut,
): Promise<void> {
  const last = manifest.segments[cut.segmentCount - 1];
  // One of the first generation never is.
  if (last === undefined || last.generation === 1) return;
  const name = { number: last.number + 1, generation: 1 };
  const path = segmentPath(join(directory, SEGMENTS_NAME), name, "seg");
  const file = await disk.create(path);
  try {
    const header = encodeSegmentHeader({
      ...name,
      storeId: manifest.storeId,
      startPosition: cut.end,
      previousChecksum: cut.checksum,
      createdAtUs: clock.nowUs(),
    });
    await file.writeAt(header, 0);
    await file.sync();
  } finally {
    file.close();
  }
}

async function commit(
  { platform, directory }: RestoreOptions,
  { manifest: { storeId } }: BackupSource,
  cut: Cut,
): Promise<void> {
  const catalog = await platform.openCatalog(join(directory, CATALOG_NAME));
  try {
    await catalog.read();
    const { end, checksum } = cut;
    // A lower bound of the times to come; opening finds the time itself.
    const lastCreatedAtUs = cut.lastCreatedAtUs ?? 0;
    const record = { storeId, end, checksum, lastCreatedAtUs, epoch: 0 };
    const outcome = await catalog.commit(record);
    if (outcome === "fenced") {
      throw new QuipuError(
        "directoryLocked",
        `Cannot restore to "${directory}": another process commits to it`,
      );
    }
  } finally {
    catalog.close();
  }
  await platform.disk.syncDirectory(directory);
}

/** Opening reads every record and makes the indexes. */
async function checkStore(
  options: RestoreOptions,
  cut: Cut,
): Promise<{ readonly streamCount: number }> {
  const { control, directory } = options;
  const store = await options.openStore(directory, control);
  try {
    const { end } = store.local.peekEnd();
    const { readOnlyReason } = store.status();
    if (end !== cut.end || readOnlyReason !== undefined) {
      throw new QuipuError(
        "damaged",
        `Cannot restore to "${directory}": the log ends at ${end} instead of ` +
          `${cut.end}${
            readOnlyReason === undefined ? "" : `: ${readOnlyReason}`
          }`,
      );
    }
    return { streamCount: store.figures().streamCount };
  } finally {
    await store.close();
  }
}
