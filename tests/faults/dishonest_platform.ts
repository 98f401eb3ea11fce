/**
 * Platforms that do less than they say: what a store with a bug would do to a
 * disk, without a change of the store.
 *
 * @module
 */

import type { DiskFile } from "../../storage/disk/disk.ts";
import type { StorePlatform } from "../../storage/commit/platform.ts";

/** What such a platform does instead. */
export interface Lies {
  /**
   * Instead of syncing a segment.
   *
   * @param sync Really syncs it.
   * @param count How often this file was to be synced since it was opened or
   * made, 1 for the first time.
   */
  readonly sync?: (sync: () => Promise<void>, count: number) => Promise<void>;
  /** Whether the directory of the segments is never synced. */
  readonly skipsDirectory?: boolean;
}

/** A platform that does to segments what is said, and all else as asked. */
export function dishonest(
  platform: StorePlatform,
  { sync, skipsDirectory }: Lies,
): StorePlatform {
  const { disk } = platform;
  const wrap = (path: string, file: DiskFile): DiskFile => {
    if (sync === undefined || !path.endsWith(".seg")) return file;
    let count = 0;
    return { ...file, sync: () => sync(() => file.sync(), ++count) };
  };
  return {
    openCatalog: (path) => platform.openCatalog(path),
    disk: {
      ...disk,
      open: (path, mode) => wrap(path, disk.open(path, mode)),
      create: async (path) => wrap(path, await disk.create(path)),
      syncDirectory: (path) =>
        skipsDirectory && path.endsWith("segments")
          ? Promise.resolve()
          : disk.syncDirectory(path),
    },
  };
}
