/**
 * A disk that names the file in what it says of room, rights and a failing
 * device: for commands, whose user sees nothing else. A file that is missing,
 * or there already, is told as before.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import {
  explainSystemError,
  systemCodeOf,
  systemReasonOf,
} from "../../lib/text/system_errors.ts";
import type { Disk, DiskFile } from "./disk.ts";

/** Wraps a disk. */
export function nameFailures(disk: Disk): Disk {
  return {
    makeDirectory: (path) =>
      named("make", path, () => disk.makeDirectory(path)),
    list: (path) => named("read", path, () => disk.list(path)),
    open: (path, mode) =>
      nameFile(namedNow("open", path, () => disk.open(path, mode))),
    create: async (path) =>
      nameFile(await named("create", path, () => disk.create(path))),
    rename: (from, to) => named("rename", from, () => disk.rename(from, to)),
    remove: (path) => named("remove", path, () => disk.remove(path)),
    syncDirectory: (path) =>
      named("sync", path, () => disk.syncDirectory(path)),
    freeBytes: (path) => disk.freeBytes?.(path),
    lock: (path, owner) => named("lock", path, () => disk.lock(path, owner)),
  };
}

function nameFile(file: DiskFile): DiskFile {
  const { path } = file;
  return {
    path,
    readAt: (buffer, offset) =>
      namedNow("read", path, () => file.readAt(buffer, offset)),
    writeAt: (bytes, offset) =>
      named("write", path, () => file.writeAt(bytes, offset)),
    sync: () => named("sync", path, () => file.sync()),
    size: () => namedNow("read", path, () => file.size()),
    truncate: (sizeBytes) => named("cut", path, () => file.truncate(sizeBytes)),
    close: () => file.close(),
  };
}

async function named<Result>(
  doing: string,
  path: string,
  act: () => Promise<Result>,
): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw nameError(error, doing, path);
  }
}

function namedNow<Result>(
  doing: string,
  path: string,
  act: () => Result,
): Result {
  try {
    return act();
  } catch (error) {
    throw nameError(error, doing, path);
  }
}

function nameError(error: unknown, doing: string, path: string): unknown {
  const code = systemCodeOf(error);
  // Callers that open a file may test its error.
  const why = code === "ENOTDIR" && doing !== "open"
    ? systemReasonOf(error)
    : explainSystemError(error);
  if (why === undefined) return error;
  return new QuipuError(
    code === "ENOSPC" || code === "EDQUOT" ? "storeFull" : "notWritable",
    `Cannot ${doing} "${path}": ${why}`,
    { cause: error },
  );
}
