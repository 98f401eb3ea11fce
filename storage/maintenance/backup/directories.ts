/**
 * Backups of stores in directories of the machine: what the program's commands
 * do.
 *
 * @module
 */

import type { Clock } from "../../../lib/model/clock.ts";
import type { Logger } from "../../../lib/model/logger.ts";
import type { JobControl } from "../../../lib/store/maintenance.ts";
import type {
  BackupReport,
  LogPoint,
  RestoreReport,
} from "../../../lib/store/transfer.ts";
import { createFileDisk } from "../../disk/file_disk.ts";
import { makingDirectory } from "../../disk/made_directories.ts";
import { nameFailures } from "../../disk/named_disk.ts";
import { nextKeptTarget, pruneBackups } from "./kept_backups.ts";
import { openKvCatalog } from "../../commit/kv_catalog.ts";
import { openFileStore } from "../../open/open_store.ts";
import type { StorePlatform } from "../../commit/platform.ts";
import { snapshotClosedStore } from "./closed_store.ts";
import { refuseInsideStore, refuseOverlap } from "./overlap.ts";
import {
  type BackupAnswer,
  receiveBackup,
  type ReceiveOptions,
} from "./receive_backup.ts";
import { restoreBackup } from "./restore.ts";
import { restoreStream } from "./restore_stream.ts";
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
      // What opens a store judges itself what the system says.
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
