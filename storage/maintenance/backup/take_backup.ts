/**
 * Takes a backup of a snapshot into a directory: what the directory has of it
 * already is not copied again.
 *
 * Order, so that whatever is interrupted leaves the backup before, or this one:
 *
 *   1. each segment: written under another name, synced, checked record by
 *      record, renamed
 *   2. the directory of the segments synced
 *   3. the manifest: written under another name, synced, renamed, directory
 *      synced
 *   4. what the new manifest does not name removed
 *
 * @module
 */

import type { JobControl } from "../../../lib/store/maintenance.ts";
import type { BackupReport } from "../../../lib/store/transfer.ts";
import type { Disk } from "../../disk/disk.ts";
import { BACKUP_CHUNK_BYTES } from "./backup_file.ts";
import { BackupTarget } from "./backup_target.ts";
import type { BackupFile, BackupManifest } from "./manifest.ts";
import type { Snapshot, SnapshotPart } from "./snapshot.ts";

interface TakeBackupOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly snapshot: Snapshot;
  /** Of the program. */
  readonly version: string;
  readonly control: JobControl;
}

/**
 * Takes a backup.
 *
 * @throws {QuipuError} `foreignFormat` when the directory holds something
 * else, `notWritable` while another backup is written to it, `damaged`
 * when a segment of the store is.
 */
export async function takeBackup(
  options: TakeBackupOptions,
): Promise<BackupReport> {
  const { disk, snapshot, version } = options;
  const target = await BackupTarget.open(disk, options.directory);
  try {
    target.requireStore(snapshot.storeId);
    const have = new Map(
      (await target.namedFiles()).map((file) => [file.name, file]),
    );
    const left = new Set(await target.leftNames());
    const copying = new Copying(options, target);
    const segments: BackupFile[] = [];
    for (const part of snapshot.parts) {
      const there = have.get(part.name) ??
        (left.has(part.name) ? await target.adopt(part.name) : undefined);
      segments.push(there ?? await copying.copy(part));
      if (there !== undefined) copying.skip(part);
    }
    const manifest = manifestOf(snapshot, { version, segments });
    await target.complete(manifest);
    return reportOf(manifest, copying);
  } finally {
    await target.close();
  }
}

/** The manifest of a backup that holds these files. */
export function manifestOf(
  snapshot: Snapshot,
  { version, segments }: { version: string; segments: readonly BackupFile[] },
): BackupManifest {
  const { storeId, takenAtUs, end, checksum, lastCreatedAtUs } = snapshot;
  return {
    version,
    storeId,
    takenAtUs,
    end,
    checksum,
    lastCreatedAtUs,
    segments,
  };
}

/** The report of a backup. */
export function reportOf(
  manifest: BackupManifest,
  copied: { readonly copiedCount: number; readonly copiedBytes: number },
): BackupReport {
  const { storeId, end, lastCreatedAtUs, segments } = manifest;
  return {
    storeId,
    end,
    lastCreatedAtUs,
    segmentCount: segments.length,
    copiedCount: copied.copiedCount,
    copiedBytes: copied.copiedBytes,
    totalBytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** A part without where it comes from. */
export function fileOf({ path: _, ...part }: SnapshotPart): Omit<
  SnapshotPart,
  "path"
> {
  return part;
}

class Copying {
  copiedCount = 0;
  copiedBytes = 0;
  readonly #options: TakeBackupOptions;
  readonly #target: BackupTarget;
  readonly #totalBytes: number;
  readonly #buffer = new Uint8Array(BACKUP_CHUNK_BYTES);
  #doneBytes = 0;

  constructor(options: TakeBackupOptions, target: BackupTarget) {
    this.#options = options;
    this.#target = target;
    this.#totalBytes = options.snapshot.parts.reduce(
      (sum, { bytes }) => sum + bytes,
      0,
    );
  }

  skip({ bytes }: SnapshotPart): void {
    this.#report(bytes);
  }

  async copy(part: SnapshotPart): Promise<BackupFile> {
    const { disk, control } = this.#options;
    const source = disk.open(part.path, "read");
    const writer = await this.#target.create(fileOf(part));
    try {
      for (let offset = 0; offset < part.bytes;) {
        control.signal.throwIfAborted();
        const length = Math.min(this.#buffer.length, part.bytes - offset);
        const count = source.readAt(this.#buffer.subarray(0, length), offset);
        // Bytes missing at its end are noticed when the file is checked.
        if (count === 0) break;
        await writer.write(this.#buffer.subarray(0, count));
        offset += count;
        this.#report(count);
        await control.pause?.();
      }
      const file = await writer.finish();
      this.copiedCount++;
      this.copiedBytes += file.bytes;
      return file;
    } finally {
      writer.abandon();
      source.close();
    }
  }

  #report(bytes: number): void {
    this.#doneBytes += bytes;
    this.#options.control.report({
      phase: "copying segments",
      done: this.#doneBytes,
      total: this.#totalBytes,
      unit: "bytes",
    });
  }
}
