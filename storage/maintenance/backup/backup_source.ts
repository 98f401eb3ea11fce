/**
 * A backup that is read: a directory as `backup` writes it, or one tar file as
 * a server sends it, wherever in it the manifest is.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import { QuipuError } from "../../../lib/model/errors.ts";
import type { JobControl } from "../../../lib/store/maintenance.ts";
import {
  explainSystemError,
  refusedPathOf,
  systemReasonOf,
} from "../../../lib/text/system_errors.ts";
import { type Disk, type DiskFile, readExactly } from "../../disk/disk.ts";
import { decodeSegmentHeader } from "../../log/segment_header.ts";
import { BACKUP_CHUNK_BYTES } from "./backup_file.ts";
import { readStart } from "./backup_part.ts";
import { readManifest } from "./backup_target.ts";
import {
  BACKUP_SEGMENTS_NAME,
  MANIFEST_NAME,
} from "../../disk/backup_names.ts";
import { hexOf } from "../../disk/backup_names.ts";
import {
  type BackupFile,
  type BackupManifest,
  decodeManifest,
} from "./manifest.ts";
import { decodeTarHeader, TAR_BLOCK_BYTES, tarSize } from "./tar.ts";
import { crc32 } from "node:zlib";
import { decodeJsonText } from "../../../lib/text/utf8.ts";

/** A file that is read from start to end, or by place. */
export interface ReadableFile {
  readAt(buffer: Uint8Array, offset: number): number;
  size(): number;
  close(): void;
}

/** A backup, and its files. */
export interface BackupSource {
  readonly manifest: BackupManifest;
  /** Opens a file; undefined when it is not there. */
  open(file: BackupFile): ReadableFile | undefined;
  close(): void;
}

/**
 * Opens a backup.
 *
 * @param path A directory, or a tar file.
 * @throws {QuipuError} `foreignFormat` when it is none, `damaged` when it is
 * not whole.
 */
export function openBackup(disk: Disk, path: string): BackupSource {
  try {
    return openDirectory(disk, path) ?? openTar(disk, path);
  } catch (error) {
    if (error instanceof QuipuError) throw error;
    throw new QuipuError(
      "foreignFormat",
      `Cannot read "${refusedPathOf(error) ?? path}": ${systemReasonOf(error)}`,
      { cause: error },
    );
  }
}

function openDirectory(disk: Disk, path: string): BackupSource | undefined {
  const manifest = readManifestOf(disk, path);
  if (manifest === undefined) return undefined;
  return {
    manifest: requireWhole(manifest, path),
    open(file) {
      try {
        return disk.open(join(path, BACKUP_SEGMENTS_NAME, file.name), "read");
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    },
    close() {},
  };
}

function readManifestOf(
  disk: Disk,
  path: string,
): BackupManifest | "foreign" | "damaged" | undefined {
  try {
    return readManifest(disk, path);
  } catch (error) {
    // A file where a directory should be.
    const isNone = error instanceof Error && "code" in error &&
      error.code === "ENOTDIR";
    if (isNone) return undefined;
    throw error;
  }
}

interface TarPlace {
  readonly offset: number;
  readonly bytes: number;
}

function openTar(disk: Disk, path: string): BackupSource {
  let archive: DiskFile;
  try {
    archive = disk.open(path, "read");
    archive.readAt(new Uint8Array(1), 0);
  } catch (error) {
    if (error instanceof QuipuError || explainSystemError(error)) throw error;
    throw noBackup(
      path,
      error instanceof Deno.errors.NotFound
        ? "there is no such file or directory"
        : undefined,
    );
  }
  try {
    const places = listTar(archive, path);
    const name = [...places.keys()].find((one) =>
      one === MANIFEST_NAME || one.endsWith("/" + MANIFEST_NAME)
    );
    const place = name === undefined ? undefined : places.get(name);
    if (name === undefined || place === undefined) {
      throw new QuipuError(
        "damaged",
        `Cannot restore "${path}": it has no manifest, so it is not whole`,
      );
    }
    const text = readExactly(archive, place.offset, place.bytes);
    const manifest = text === undefined
      ? "damaged"
      : decodeManifest(decodeJsonText(text));
    const base = dirname(name) === "." ? "" : dirname(name) + "/";
    return {
      manifest: requireWhole(manifest, path),
      open(file) {
        const at = places.get(`${base}${BACKUP_SEGMENTS_NAME}/${file.name}`);
        return at && windowOf(archive, at);
      },
      close: () => archive.close(),
    };
  } catch (error) {
    archive.close();
    throw error;
  }
}

/** Where in an archive each of its files is. */
function listTar(archive: DiskFile, path: string): Map<string, TarPlace> {
  const places = new Map<string, TarPlace>();
  for (let offset = 0;;) {
    const block = readExactly(archive, offset, TAR_BLOCK_BYTES);
    // An archive may be cut after its last file, never inside one.
    if (block === undefined && offset > 0) return places;
    if (block === undefined) throw noBackup(path);
    const entry = decodeTarHeader(block);
    if (entry === "end") return places;
    if (entry === "damaged") {
      if (offset === 0) throw noBackup(path);
      throw new QuipuError(
        "damaged",
        `Cannot restore "${path}": the archive is damaged at byte ${offset}`,
      );
    }
    offset += TAR_BLOCK_BYTES;
    if (entry.isFile) {
      const name = entry.name.replace(/^(\.\/)+/, "");
      places.set(name, { offset, bytes: entry.bytes });
    }
    offset += tarSize(entry.bytes);
  }
}

function windowOf(archive: DiskFile, place: TarPlace): ReadableFile {
  const { offset: start, bytes } = place;
  return {
    readAt(buffer, offset) {
      const length = Math.min(buffer.length, bytes - offset);
      return length <= 0
        ? 0
        : archive.readAt(buffer.subarray(0, length), start + offset);
    },
    size: () => bytes,
    close() {},
  };
}

function requireWhole(
  manifest: BackupManifest | "foreign" | "damaged",
  path: string,
): BackupManifest {
  if (manifest === "foreign") {
    throw new QuipuError(
      "foreignFormat",
      `Cannot restore "${path}": its manifest is not of this program's format`,
    );
  }
  if (manifest === "damaged") {
    throw new QuipuError(
      "damaged",
      `Cannot restore "${path}": its manifest is damaged`,
    );
  }
  return manifest;
}

function noBackup(path: string, why = "it is not a backup"): QuipuError {
  return new QuipuError("foreignFormat", `Cannot restore "${path}": ${why}`);
}

/**
 * Checks that all files of a backup are there and as they were written.
 *
 * @throws {QuipuError} `damaged`, naming the first file that is not.
 */
export async function verifyBackup(
  source: BackupSource,
  control: JobControl,
): Promise<void> {
  const { manifest } = source;
  const total = manifest.segments.reduce((sum, { bytes }) => sum + bytes, 0);
  const buffer = new Uint8Array(BACKUP_CHUNK_BYTES);
  let done = 0;
  let checksum = 0;
  for (const part of manifest.segments) {
    const file = source.open(part);
    if (file === undefined) throw damagedFile(part, "it is missing");
    try {
      if (file.size() !== part.bytes) {
        throw damagedFile(
          part,
          `it has ${file.size()} bytes instead of ${part.bytes}`,
        );
      }
      const fault = headerFaultOf(file, part, {
        storeId: manifest.storeId,
        checksum,
      });
      if (fault !== undefined) throw damagedFile(part, fault);
      let crc = 0;
      for (let offset = 0; offset < part.bytes;) {
        control.signal.throwIfAborted();
        const count = file.readAt(buffer, offset);
        if (count === 0) {
          throw damagedFile(part, "it cannot be read to its end");
        }
        crc = crc32(buffer.subarray(0, count), crc);
        offset += count;
        done += count;
        control.report({
          phase: "checking the backup",
          done,
          total,
          unit: "bytes",
        });
        await control.pause?.();
      }
      if (hexOf(crc) !== part.crc32) {
        throw damagedFile(part, "its checksum is another one");
      }
      checksum = part.checksum;
    } finally {
      file.close();
    }
  }
}

/** The fault of the header of a backup's file; undefined: none. */
function headerFaultOf(
  file: ReadableFile,
  part: BackupFile,
  expected: { readonly storeId: string; readonly checksum: number },
): string | undefined {
  const header = decodeSegmentHeader(readStart(file));
  if (typeof header === "string") return `its header is ${header}`;
  const isIt = header.storeId === expected.storeId &&
    header.number === part.number && header.generation === part.generation &&
    header.startPosition === part.startPosition &&
    header.previousChecksum === expected.checksum;
  return isIt ? undefined : "it does not go on where the one before it ends";
}

function damagedFile(part: BackupFile, what: string): QuipuError {
  return new QuipuError(
    "damaged",
    `Cannot restore the backup: segments/${part.name} is damaged: ${what}`,
  );
}
