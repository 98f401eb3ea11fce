/**
 * One file of a backup that is being written: bytes come in, their checksum is
 * made on the way, and under its own name the file appears only when it is
 * whole, synced, and every record in it was found in order.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { join } from "@std/path";
import { QuipuError } from "../../lib/model/errors.ts";
import type { Disk, DiskFile } from "../disk/disk.ts";
import { Remains, SCAVENGED_HEADER_BYTES } from "../log/remains.ts";
import type { Segment } from "../log/segment.ts";
import {
  decodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "../log/segment_header.ts";
import { scanSegment } from "../recovery/scan_segment.ts";
import { type BackupFile, hexOf, parseBackupFileName } from "./manifest.ts";

/** Bytes that are read and written at a time. */
export const BACKUP_CHUNK_BYTES = 256 * 1024;

/** What a backup is to hold of a segment, before its checksum is known. */
export type BackupPart = Omit<BackupFile, "crc32">;

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

/**
 * What a file of a backup is to hold, by its name and its header.
 *
 * @param start Bytes of the file from its start on, the header at least.
 * @param bytes Size of the file.
 * @returns Undefined when the two do not fit.
 */
export function partOfFile(
  name: string,
  start: Uint8Array,
  bytes: number,
): BackupPart | undefined {
  const said = parseBackupFileName(name);
  const header = decodeSegmentHeader(start);
  const isIt = said !== undefined && typeof header !== "string" &&
    headerCrcOf(start, header) === said.headerCrc;
  if (!isIt) return undefined;
  const { number, generation, endPosition, checksum } = said;
  const { startPosition } = header;
  return {
    name,
    number,
    generation,
    startPosition,
    endPosition,
    checksum,
    bytes,
  };
}

/**
 * CRC-32 of a segment's header, by which its file is told from others.
 *
 * @param start Bytes of the file from its start on, with the whole header.
 */
export function headerCrcOf(start: Uint8Array, header: SegmentHeader): number {
  const bytes = header.isScavenged === true
    ? SCAVENGED_HEADER_BYTES
    : SEGMENT_HEADER_BYTES;
  return crc32(start.subarray(0, bytes));
}

/** The start of a segment's file, so that the longest header is in it. */
export function readStart(file: Pick<DiskFile, "readAt">): Uint8Array {
  const array = new Uint8Array(SCAVENGED_HEADER_BYTES);
  return array.subarray(0, file.readAt(array, 0));
}

/** A segment that is read by itself, by its header. */
export function segmentOf(
  header: SegmentHeader,
  path: string,
  endPosition: number,
): Segment {
  const { number, generation, startPosition, remains } = header;
  return {
    number,
    generation,
    path,
    startPosition,
    endPosition,
    checksum: header.previousChecksum,
    ...(remains === undefined ? {} : { remains: new Remains(remains) }),
  };
}

/**
 * What is wrong with a file of a backup, by what it is to be; undefined when
 * its header, every record and their chain are in order.
 */
export function faultOfPart(
  file: DiskFile,
  part: BackupPart,
): string | undefined {
  if (file.size() !== part.bytes) {
    return `the file has ${file.size()} bytes instead of ${part.bytes}`;
  }
  const header = decodeSegmentHeader(readStart(file));
  if (typeof header === "string") return `its header is ${header}`;
  const isIt = header.number === part.number &&
    header.generation === part.generation &&
    header.startPosition === part.startPosition;
  if (!isIt) return "it is another segment";
  const segment = segmentOf(header, file.path, part.endPosition);
  const scanned = scanSegment(
    file,
    segment,
    {
      checksum: header.previousChecksum,
      lastPosition: -1,
      lastCreatedAtUs: 0,
    },
    () => {},
  );
  const isWhole = scanned.fault === undefined &&
    scanned.validEnd === part.endPosition && scanned.checksum === part.checksum;
  return isWhole
    ? undefined
    : `${scanned.fault ?? "its end is another one"} at position ` +
      `${
        scanned.fault === undefined ? scanned.validEnd : scanned.faultPosition
      }`;
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
