/**
 * Backups of stores in directories of the machine: what the program's commands
 * do.
 *
 * @module
 */

import { join } from "@std/path";
import type { Clock } from "../../../lib/model/clock.ts";
import { QuipuError } from "../../../lib/model/errors.ts";
import type { Logger } from "../../../lib/model/logger.ts";
import type { JobControl } from "../../../lib/store/maintenance.ts";
import type {
  BackupReport,
  LogPoint,
  RestoreReport,
} from "../../../lib/store/transfer.ts";
import { openKvCatalog } from "../../commit/kv_catalog.ts";
import type { StorePlatform } from "../../commit/platform.ts";
import { BACKUP_SEGMENTS_NAME } from "../../disk/backup_names.ts";
import type { Disk } from "../../disk/disk.ts";
import { createFileDisk } from "../../disk/file_disk.ts";
import { FILE_LIMITS } from "../../disk/limits.ts";
import { makingDirectory } from "../../disk/made_directories.ts";
import { nameFailures } from "../../disk/named_disk.ts";
import {
  CATALOG_NAME,
  RESTORING_NAME,
  SEGMENTS_NAME,
  takeForReading,
} from "../../disk/store_directory.ts";
import { findSegments, type FoundSegment } from "../../log/find_segments.ts";
import { lastTimeOfScavenged } from "../../log/scavenged_segment.ts";
import { type ScanResult, scanSegment } from "../../log/scan_segment.ts";
import { OpenFiles, positionOf } from "../../log/segment.ts";
import { SegmentFile } from "../../log/segment_file.ts";
import { openFileStore } from "../../open/open_store.ts";
import { readCommitRecord } from "../../open/reconcile.ts";
import { removeIfThere } from "./backup_file.ts";
import { segmentOf } from "./backup_part.ts";
import { nextKeptTarget, pruneBackups } from "./kept_backups.ts";
import { refuseInsideStore, refuseOverlap } from "./overlap.ts";
import {
  type BackupAnswer,
  receiveBackup,
  type ReceiveOptions,
} from "./receive_backup.ts";
import {
  beginRestore,
  INCOMING_NAME,
  LEFT_NAME,
  LOCK_NAME,
  restoreBackup,
  type RestoreOptions,
} from "./restore.ts";
import { partOf, type Snapshot, type SnapshotPart } from "./snapshot.ts";
import { takeBackup } from "./take_backup.ts";

/** Backs up a store that no process has open; see `takeBackup`. */
export async function backupDirectory(
  options: {
    readonly directory: string;
    readonly target: string;
    readonly version: string;
    readonly clock: Clock;
  },
  control: JobControl,
): Promise<BackupReport> {
  const platform = commandPlatform();
  const { target, directory } = options;
  refuseOverlap("back up to", { to: target, store: directory });
  refuseInsideStore("back up to", target);
  const { snapshot, release } = await snapshotClosedStore(platform, options);
  try {
    return await makingDirectory(target, () =>
      takeBackup({
        disk: platform.disk,
        directory: target,
        snapshot,
        version: options.version,
        control,
      }));
  } finally {
    release();
  }
}

/** Takes in what a server sends; see `receiveBackup`. */
export async function receiveDirectory(
  options: {
    readonly target: string;
    readonly request: ReceiveOptions["request"];
  },
  control: JobControl,
): Promise<BackupReport> {
  const { target } = options;
  refuseInsideStore("back up to", target);
  return await makingDirectory(target, () =>
    receiveBackup({
      disk: commandPlatform().disk,
      directory: target,
      request: options.request,
      control,
    }));
}

/** Where among dated backups the next one goes; see `nextKeptTarget`. */
export function nextKeptDirectory(
  directory: string,
  nowMs: number,
): Promise<string> {
  refuseInsideStore("back up to", directory);
  return nextKeptTarget(commandPlatform().disk, directory, nowMs);
}

/** Removes the oldest of dated backups; see `pruneBackups`. */
export function pruneDirectories(
  directory: string,
  keep: number,
): Promise<readonly string[]> {
  return pruneBackups(commandPlatform().disk, directory, keep);
}

/** Makes a store of a backup; see `restoreBackup` and `restoreStream`. */
export async function restoreDirectory(
  options: {
    /** A path, or what comes as a stream. */
    readonly backup: string | BackupAnswer;
    readonly directory: string;
    readonly point: LogPoint | undefined;
    readonly segmentSizeBytes: number;
    readonly clock: Clock;
    readonly newEventId: () => string;
    readonly logger: Logger;
  },
  control: JobControl,
): Promise<RestoreReport> {
  const platform = commandPlatform();
  const { backup, directory, point, clock } = options;
  refuseInsideStore("restore to", directory);
  const restoring = {
    platform,
    directory,
    point,
    clock,
    openStore: (directory: string, opening: JobControl) =>
      // Opening a store interprets errors of the system itself.
      openFileStore({ ...platform, disk: createFileDisk() }, {
        directory,
        segmentSizeBytes: options.segmentSizeBytes,
        clock,
        newEventId: options.newEventId,
        logger: options.logger,
        isRestoring: true,
        opening,
      }),
    control,
  };
  if (typeof backup !== "string") {
    return await makingDirectory(
      directory,
      () => restoreStream({ ...restoring, input: backup }),
    );
  }
  refuseOverlap("restore to", { to: directory, store: backup });
  return await makingDirectory(
    directory,
    () => restoreBackup({ ...restoring, backup }),
  );
}

/** The machine's own, with files named in what fails. */
function commandPlatform(): StorePlatform {
  return { disk: nameFailures(createFileDisk()), openCatalog: openKvCatalog };
}

interface RestoreStreamOptions extends Omit<RestoreOptions, "backup"> {
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
      // Its own error says more; the mark is there, the next one goes on.
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

/**
 * Takes the directory of a store and finds out what is in it.
 *
 * @returns The snapshot, and what lets the directory go.
 * @throws {QuipuError} `directoryLocked` while a process has the store open,
 * `notWritable` when there is none, `damaged` when not all is there that was
 * committed.
 */
export async function snapshotClosedStore(
  platform: StorePlatform,
  { directory, clock }: { readonly directory: string; readonly clock: Clock },
): Promise<{ readonly snapshot: Snapshot; release(): void }> {
  const { disk } = platform;
  const lock = await takeForReading(disk, directory);
  const files = new OpenFiles(disk, FILE_LIMITS.openFilesMax);
  try {
    const commit = await readCommitRecord(platform, directory);
    const logDirectory = join(directory, SEGMENTS_NAME);
    const { found } = await findSegments({ disk, logDirectory, files });
    const last = found[found.length - 1];
    const scanned = last === undefined ? undefined : scanLast(files, last);
    const end = scanned?.validEnd ?? 0;
    const checksum = scanned?.checksum ?? 0;
    const storeId = last?.header.storeId ?? commit?.storeId;
    if (storeId === undefined) {
      throw new QuipuError(
        "notWritable",
        `Cannot back up "${directory}": there is nothing in it yet`,
      );
    }
    if (commit !== undefined && commit.end > end) {
      throw new QuipuError(
        "damaged",
        `Cannot back up "${directory}": position ${commit.end} is committed, ` +
          `the log is whole up to ${end}; run quipu verify on it`,
      );
    }
    const parts: SnapshotPart[] = found.map((segment, at) => {
      const next = found[at + 1]?.header;
      return partOf(disk, {
        number: segment.number,
        generation: segment.generation,
        path: segment.path,
        startPosition: segment.header.startPosition,
        endPosition: next?.startPosition ?? end,
        checksum: next?.previousChecksum ?? checksum,
      });
    });
    return {
      snapshot: {
        storeId,
        takenAtUs: clock.nowUs(),
        end,
        checksum,
        lastCreatedAtUs: lastTimeOf(files, found, scanned),
        parts,
      },
      release: () => lock.release(),
    };
  } catch (error) {
    lock.release();
    throw error;
  } finally {
    files.close();
  }
}

/**
 * Time of the last record; undefined when there is none. The newest segment may
 * be empty, and then an older one tells.
 */
function lastTimeOf(
  files: OpenFiles,
  found: readonly FoundSegment[],
  newest: ScanResult | undefined,
): number | undefined {
  for (const segment of found.toReversed()) {
    const { scavenged } = segment.header;
    if (scavenged !== undefined) return lastTimeOfScavenged(scavenged);
    const { lastPosition, lastCreatedAtUs } =
      newest !== undefined && segment === found.at(-1)
        ? newest
        : scanLast(files, segment);
    if (lastPosition >= 0) return lastCreatedAtUs;
  }
  return undefined;
}

/** Finds where a segment's last whole batch ends. */
function scanLast(files: OpenFiles, found: FoundSegment): ScanResult {
  const { header, path } = found;
  const file = files.open(path);
  const segment = segmentOf(header, path, header.startPosition);
  segment.endPosition = header.scavenged?.endPosition ??
    positionOf(segment, file.size());
  return scanSegment(
    new SegmentFile(file, segment),
    { checksum: header.previousChecksum, lastPosition: -1, lastCreatedAtUs: 0 },
    () => {},
  );
}
