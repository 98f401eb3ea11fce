/**
 * Parts of segments, as a backup holds them, and what their files say.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import type { DiskFile } from "../../disk/disk.ts";
import {
  SCAVENGED_HEADER_BYTES,
  ScavengedSegment,
} from "../../log/scavenged_segment.ts";
import type { Segment } from "../../log/segment.ts";
import {
  decodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "../../log/segment_header.ts";
import { parseBackupFileName } from "../../disk/backup_names.ts";
import type { BackupFile } from "./manifest.ts";

/** A segment's entry in a backup, before its checksum is known. */
export type BackupPart = Omit<BackupFile, "crc32">;

/**
 * The expected contents of a file of a backup, by its name and its header.
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
  const { number, generation, startPosition, scavenged } = header;
  return {
    number,
    generation,
    path,
    startPosition,
    endPosition,
    checksum: header.previousChecksum,
    ...(scavenged === undefined
      ? {}
      : { scavenged: new ScavengedSegment(scavenged) }),
  };
}
