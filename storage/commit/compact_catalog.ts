/**
 * Makes the KV's file anew from its content: a file of SQLite never shrinks.
 *
 * ```
 * 1  the file is checked, and its journal taken up         catalog.kv
 * 2  its content is copied into a new file, and compared   catalog.kv.new
 * 3  the new file is synced, then renamed over the old one
 * 4  the directory is synced
 * ```
 *
 * Whatever is interrupted, `catalog.kv` is the old file or the whole new one.
 *
 * @module
 */

import { join } from "@std/path";
import { QuipuError } from "../../lib/model/errors.ts";
import type { CompactReport, JobControl } from "../../lib/store/maintenance.ts";
import type { Disk } from "../disk/disk.ts";
import { createFileDisk } from "../disk/file_disk.ts";
import { writeRefusalOf } from "../disk/write_refusal.ts";
import {
  asOpenError,
  CATALOG_NAME,
  takeForReading,
} from "../disk/store_directory.ts";
import { checkDatabase } from "./check_database.ts";
import { openPrivateKv } from "./kv_catalog.ts";

const NEW_NAME = `${CATALOG_NAME}.new`;

/** Copies the content of a KV's file into a new one, and compares it. */
type CopyCatalog = (
  path: string,
  newPath: string,
  directory: string,
) => Promise<void>;

/**
 * Compacts the KV of a store that no process has open.
 *
 * @param request `copy` stands in for Deno KV where there is no real disk.
 *
 * @throws {QuipuError} `directoryLocked`, `notWritable`; `damaged` when the
 * file is: then there is nothing to make a new one from but the log.
 */
export async function compactCatalog(
  request: {
    readonly directory: string;
    readonly disk?: Disk;
    readonly copy?: CopyCatalog;
  },
  control: JobControl,
): Promise<CompactReport> {
  const { directory, disk = createFileDisk(), copy = copyContent } = request;
  const lock = await takeForReading(disk, directory).catch((error) => {
    throw asOpenError(error, directory);
  });
  try {
    return await compact({ disk, directory, copy }, control);
  } finally {
    lock.release();
  }
}

async function compact(
  { disk, directory, copy }: {
    readonly disk: Disk;
    readonly directory: string;
    readonly copy: CopyCatalog;
  },
  { signal }: JobControl,
): Promise<CompactReport> {
  const path = join(directory, CATALOG_NAME);
  const newPath = join(directory, NEW_NAME);
  if (!(await disk.list(directory)).includes(CATALOG_NAME)) {
    throw damaged(directory, "it is gone");
  }
  await refuseUnwritable(disk, path);
  await removeAll(disk, directory);
  const bytesBefore = sizeOf(disk, path);
  await copy(path, newPath, directory);
  const names = await disk.list(directory);
  const journal = names.find((name) =>
    /^catalog\.kv(\.new)?-(wal|journal)$/.test(name)
  );
  // A journal belongs to the file beside it, and would be taken for the other's.
  if (journal !== undefined) {
    throw new QuipuError(
      "notWritable",
      `Cannot compact the KV of "${directory}": "${journal}" is in use`,
    );
  }
  const file = disk.open(newPath, "write");
  try {
    await file.sync();
  } finally {
    file.close();
  }
  signal.throwIfAborted();
  await disk.rename(newPath, path);
  await disk.syncDirectory(directory);
  return { file: CATALOG_NAME, bytesBefore, bytesAfter: sizeOf(disk, path) };
}

/** Else SQLite would only say that it cannot open the file. */
async function refuseUnwritable(disk: Disk, path: string): Promise<void> {
  const why = await writeRefusalOf(disk, path);
  if (why === undefined) return;
  throw new QuipuError("notWritable", `Cannot compact "${path}": ${why}`);
}

/** Removes what an attempt left that was interrupted. */
async function removeAll(disk: Disk, directory: string): Promise<void> {
  for (const name of await disk.list(directory)) {
    if (name.startsWith(NEW_NAME)) await disk.remove(join(directory, name));
  }
}

async function copyContent(
  path: string,
  newPath: string,
  directory: string,
): Promise<void> {
  try {
    checkDatabase(path);
  } catch (error) {
    throw damaged(
      directory,
      error instanceof Error ? error.message : String(error),
    );
  }
  using from = await Deno.openKv(path);
  using to = await openPrivateKv(newPath);
  for await (const { key, value } of from.list({ prefix: [] })) {
    await to.set(key, value);
  }
  for await (const { key, value } of from.list({ prefix: [] })) {
    const copy = await to.get(key);
    if (JSON.stringify(copy.value) !== JSON.stringify(value)) {
      throw damaged(directory, "its content changes between two reads");
    }
  }
}

function sizeOf(disk: Disk, path: string): number {
  const file = disk.open(path, "read");
  try {
    return file.size();
  } finally {
    file.close();
  }
}

function damaged(directory: string, what: string): QuipuError {
  return new QuipuError(
    "damaged",
    `Cannot compact the KV of "${directory}": ${what}; quipu repair makes it ` +
      "again from the log",
  );
}
