/**
 * Writes the index file of a segment: under a temporary name, synced, renamed,
 * and the directory synced, so that a file with the right name is always
 * whole. Appends and reads go on beside it.
 *
 * @module
 */

import type { Disk } from "../disk/disk.ts";
import { SyncedWriter } from "../disk/synced_writer.ts";
import { buildIndex, type IndexJob, listIdsOf } from "./index_builder.ts";

/** The sources of an index file. */
export type IndexContent = Omit<IndexJob, "file" | "pause">;

/** A file, where it is made. */
export interface IndexFileTarget {
  readonly disk: Disk;
  readonly directoryPath: string;
  /** Path of the file when it is complete. */
  readonly path: string;
}

/**
 * Where in an index file the slice of each list is: list id and offset, in the
 * order of the file. A segment may have a million, so they are two arrays.
 */
export interface SliceOffsets {
  readonly listIds: Uint32Array;
  readonly offsets: Uint32Array;
}

/** Path of an index file while it is made. */
export function temporaryPathOf({ path }: { readonly path: string }): string {
  return path + ".tmp";
}

/**
 * Writes the index file.
 *
 * @param pause Lets others work.
 */
export async function writeIndexFile(
  target: IndexFileTarget,
  content: IndexContent,
  pause: () => Promise<void>,
): Promise<SliceOffsets> {
  const offsets = await writeTemporaryIndex(target, content, pause);
  await nameIndexFile(target);
  return { listIds: listIdsOf(content.memtable), offsets };
}

/**
 * Makes an index file under its temporary name, and syncs it.
 *
 * @returns Where the slice of each list is, in the order of `listIdsOf()`.
 */
export async function writeTemporaryIndex(
  { disk, path }: Pick<IndexFileTarget, "disk" | "path">,
  content: IndexContent,
  pause: () => Promise<void>,
): Promise<Uint32Array<ArrayBuffer>> {
  const temporaryPath = temporaryPathOf({ path });
  await disk.remove(temporaryPath).catch(() => {});
  const file = await disk.create(temporaryPath);
  try {
    const synced = new SyncedWriter(file);
    const offsets = await buildIndex({ ...content, file: synced, pause });
    await synced.sync();
    return offsets;
  } finally {
    file.close();
  }
}

/** Gives an index file that is complete and synced its name. */
export async function nameIndexFile(
  { disk, directoryPath, path }: IndexFileTarget,
): Promise<void> {
  await disk.rename(temporaryPathOf({ path }), path);
  await disk.syncDirectory(directoryPath);
}
