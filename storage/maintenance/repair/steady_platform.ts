/**
 * Reads for a repair, which counts unreadable bytes as lost. A read that fails
 * is therefore tried again, and a failure for another reason than the device
 * (no file descriptors, no permission, a KV in use) ends the repair.
 *
 * @module
 */

import type { Disk, DiskFile } from "../../disk/disk.ts";
import type { StorePlatform } from "../../commit/platform.ts";

/** A platform whose reads are steady. */
export interface SteadyPlatform extends StorePlatform {
  /** Throws the first failure that is not of the device, if there was one. */
  check(): void;
}

const TRIES = 3;

/** Of the operating system, and of SQLite. */
const NOT_OF_DEVICE =
  /too many open|unable to open|permission|locked|busy|os error (1|12|13|23|24)\b/i;

/** Makes reads of a platform steady. */
export function steadyPlatform(platform: StorePlatform): SteadyPlatform {
  let failure: unknown;

  /** Whether to try again; otherwise the error is to be thrown. */
  function mayTryAgain(error: unknown, tries: number): boolean {
    if (error instanceof Deno.errors.NotFound) return false;
    if (tries < TRIES) return true;
    const isOther = error instanceof Error && NOT_OF_DEVICE.test(error.message);
    if (isOther) failure ??= error;
    return false;
  }

  function read<Result>(act: () => Result): Result {
    for (let tries = 1;; tries++) {
      try {
        return act();
      } catch (error) {
        if (!mayTryAgain(error, tries)) throw error;
      }
    }
  }

  async function readLater<Result>(act: () => Promise<Result>) {
    for (let tries = 1;; tries++) {
      try {
        return await act();
      } catch (error) {
        if (!mayTryAgain(error, tries)) throw error;
      }
    }
  }

  function steadyFile(file: DiskFile): DiskFile {
    return {
      path: file.path,
      readAt: (buffer, offset) => read(() => file.readAt(buffer, offset)),
      size: () => read(() => file.size()),
      writeAt: (bytes, offset) => file.writeAt(bytes, offset),
      sync: () => file.sync(),
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      close: () => file.close(),
    };
  }

  const { disk } = platform;
  const steady: Disk = {
    ...disk,
    list: (path) => readLater(() => disk.list(path)),
    open: (path, mode) =>
      mode === "read"
        ? steadyFile(read(() => disk.open(path, mode)))
        : disk.open(path, mode),
  };
  return {
    ...platform,
    disk: steady,
    openCatalog: (path) =>
      readLater(async () => {
        const catalog = await platform.openCatalog(path);
        return {
          read: () => readLater(() => catalog.read()),
          commit: (record) => catalog.commit(record),
          close: () => catalog.close(),
        };
      }),
    check() {
      if (failure !== undefined) throw failure;
    },
  };
}
