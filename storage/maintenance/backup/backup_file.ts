/**
 * One file of a backup that is being written: bytes come in, their checksum is
 * made on the way, and under its own name the file appears only when it is
 * whole, synced, and every record in it was found in order.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { join } from "@std/path";
import { QuipuError } from "../../../lib/model/errors.ts";
import type { Disk, DiskFile } from "../../disk/disk.ts";
import type { BackupPart } from "./backup_part.ts";
import { hexOf } from "../../disk/backup_names.ts";
import type { BackupFile } from "./manifest.ts";
import { faultOfPart } from "./part_fault.ts";

/** Bytes that are read and written at a time. */
export const BACKUP_CHUNK_BYTES = 256 * 1024;

/** A file of a backup while it is written. */
export class BackupFileWriter {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #part: BackupPart;
  readonly #file: DiskFile;
  #bytes = 0;
  #crc = 0;

  private constructor(
    disk: Disk,
    directory: string,
    part: BackupPart,
    file: DiskFile,
  ) {
    this.#disk = disk;
    this.#directory = directory;
    this.#part = part;
    this.#file = file;
  }

  /** Begins a file; what an interrupted backup left of it goes. */
  static async create(
    disk: Disk,
    directory: string,
    part: BackupPart,
  ): Promise<BackupFileWriter> {
    const path = join(directory, part.name + ".part");
    await removeIfThere(disk, path);
    const file = await disk.create(path);
    return new BackupFileWriter(disk, directory, part, file);
  }

  /** Adds bytes at the end; they may be used again afterwards. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#crc = crc32(bytes, this.#crc);
    await this.#file.writeAt(bytes, this.#bytes);
    this.#bytes += bytes.length;
  }

  /**
   * Ends the file.
   *
   * @throws {QuipuError} `damaged` when it is not what it was to be.
   */
  async finish(): Promise<BackupFile> {
    const part = this.#part;
    try {
      await this.#file.sync();
      const fault = faultOfPart(this.#file, part);
      if (fault !== undefined) {
        throw new QuipuError(
          "damaged",
          `Cannot back up segment ${part.number}: ${fault}; ` +
            `run quipu verify on the store`,
        );
      }
    } finally {
      this.#file.close();
    }
    const path = join(this.#directory, part.name);
    await this.#disk.rename(path + ".part", path);
    return { ...part, crc32: hexOf(this.#crc) };
  }

  /** Gives the file up; what was written stays as a partial file. */
  abandon(): void {
    this.#file.close();
  }
}

/** CRC-32 of a whole file. */
export function crcOf(file: DiskFile): number {
  const buffer = new Uint8Array(BACKUP_CHUNK_BYTES);
  let crc = 0;
  for (let offset = 0;;) {
    const count = file.readAt(buffer, offset);
    if (count === 0) return crc;
    crc = crc32(buffer.subarray(0, count), crc);
    offset += count;
  }
}

/** Removes a file that need not be there. */
export async function removeIfThere(disk: Disk, path: string): Promise<void> {
  try {
    await disk.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Writes a small file whole, under a temporary name first. */
export async function writeWhole(
  disk: Disk,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  const temporary = path + ".part";
  await removeIfThere(disk, temporary);
  const file = await disk.create(temporary);
  try {
    await file.writeAt(bytes, 0);
    await file.sync();
  } finally {
    file.close();
  }
  await disk.rename(temporary, path);
}
