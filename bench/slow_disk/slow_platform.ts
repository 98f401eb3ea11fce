/**
 * A disk on which forcing bytes to the device takes longer: the real one, with
 * a wait after each sync of a file or directory, and after each commit of the
 * catalog, which syncs too.
 *
 * @module
 */

import type { Disk, DiskFile } from "../../storage/disk/disk.ts";
import { createFileDisk } from "../../storage/disk/file_disk.ts";
import type { Catalog } from "../../storage/commit/catalog.ts";
import { openKvCatalog } from "../../storage/commit/kv_catalog.ts";
import type { StorePlatform } from "../../storage/commit/platform.ts";

/** @param syncMs Time that a sync takes besides what it takes anyway, 0 or more. */
export function createSlowPlatform(syncMs: number): StorePlatform {
  const disk = createFileDisk();
  if (syncMs === 0) return { disk, openCatalog: openKvCatalog };
  return {
    disk: slowDisk(disk, syncMs),
    openCatalog: async (path) => slowCatalog(await openKvCatalog(path), syncMs),
  };
}

function slowDisk(disk: Disk, syncMs: number): Disk {
  return {
    ...disk,
    open: (path, mode) => slowFile(disk.open(path, mode), syncMs),
    create: async (path) => slowFile(await disk.create(path), syncMs),
    async syncDirectory(path) {
      await disk.syncDirectory(path);
      await wait(syncMs);
    },
  };
}

function slowFile(file: DiskFile, syncMs: number): DiskFile {
  return {
    path: file.path,
    readAt: (buffer, offset) => file.readAt(buffer, offset),
    writeAt: (bytes, offset) => file.writeAt(bytes, offset),
    async sync() {
      await file.sync();
      await wait(syncMs);
    },
    size: () => file.size(),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    close: () => file.close(),
  };
}

function slowCatalog(catalog: Catalog, syncMs: number): Catalog {
  return {
    read: () => catalog.read(),
    async commit(record) {
      const outcome = await catalog.commit(record);
      await wait(syncMs);
      return outcome;
    },
    close: () => catalog.close(),
  };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
