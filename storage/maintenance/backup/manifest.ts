/**
 * The manifest of a backup: what it holds, up to where, and how to tell that
 * it is whole. It is written last; without it there is no backup.
 *
 * `manifest.json`, UTF-8 JSON:
 *
 * ```
 * format           1
 * version          of the program that took it
 * storeId          of the store
 * takenAt          ISO time at which its end was read
 * end              log position after the last record
 * checksum         header CRC of that record
 * lastCreatedAtUs  time of that record, microseconds since 1970
 * segments         oldest first, for each:
 *   name             of its file in `segments/`, see `backupFileName`
 *   number, generation, startPosition, endPosition
 *   checksum         header CRC of its last record
 *   bytes, crc32     of the file; the CRC-32 as eight hexadecimal digits
 * crc32            of all of the above, as JSON without spaces
 * ```
 *
 * CRC-32, because the checksum guards against accidents, as those in the log
 * do, and every record is under one of its own, too: `node:zlib` makes it at
 * the speed of memory, where SHA-256 would take a core from the server. Who
 * can change a backup on purpose can change its manifest as well: against that
 * help only access rights.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { hexOf, parseBackupFileName } from "../../disk/backup_names.ts";
import { isUuid } from "../../../lib/text/uuid.ts";

const FORMAT = 1;

/** A part of a segment's file, from its start on, that a backup holds. */
export interface BackupFile {
  readonly name: string;
  readonly number: number;
  readonly generation: number;
  readonly startPosition: number;
  /** Log position after the last record of it that the backup holds. */
  readonly endPosition: number;
  readonly checksum: number;
  readonly bytes: number;
  /** Of the file, eight hexadecimal digits. */
  readonly crc32: string;
}

export interface BackupManifest {
  readonly version: string;
  readonly storeId: string;
  readonly takenAtUs: number;
  readonly end: number;
  readonly checksum: number;
  /** Undefined: not known, or there is no record. */
  readonly lastCreatedAtUs: number | undefined;
  readonly segments: readonly BackupFile[];
}

/** The manifest as text. Its length does not depend on the checksums. */
export function encodeManifest(manifest: BackupManifest): string {
  // Undefined values are left out: unknown is never a value.
  const { takenAtUs, version, storeId, ...rest } = manifest;
  const body = {
    format: FORMAT,
    version,
    storeId,
    takenAt: new Date(takenAtUs / 1000).toISOString(),
    end: rest.end,
    checksum: rest.checksum,
    lastCreatedAtUs: rest.lastCreatedAtUs,
    segments: rest.segments.map((file) => ({
      name: file.name,
      number: file.number,
      generation: file.generation,
      startPosition: file.startPosition,
      endPosition: file.endPosition,
      checksum: file.checksum,
      bytes: file.bytes,
      crc32: file.crc32,
    })),
  };
  const crc = hexOf(crc32(JSON.stringify(body)));
  return JSON.stringify({ ...body, crc32: crc }, null, 1) + "\n";
}

/**
 * Reads a manifest.
 *
 * @returns `"foreign"` when it is of another program or of a later format,
 * `"damaged"` when its checksum is wrong or it does not fit together.
 */
export function decodeManifest(
  text: string,
): BackupManifest | "foreign" | "damaged" {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return "damaged";
  }
  if (!isRecord(parsed)) return "foreign";
  const { crc32: crc, ...body } = parsed;
  if (crc !== hexOf(crc32(JSON.stringify(body)))) return "damaged";
  if (body["format"] !== FORMAT) return "foreign";
  const manifest = manifestOf(body);
  // Anything else than what this program would write was changed.
  const isIt = manifest !== undefined && fitsTogether(manifest) &&
    encodeManifest(manifest) === text;
  if (!isIt) return "damaged";
  // Versions before 0.2 wrote 0 for a time that they did not know.
  const { lastCreatedAtUs } = manifest;
  return lastCreatedAtUs === 0
    ? { ...manifest, lastCreatedAtUs: undefined }
    : manifest;
}

function manifestOf(
  body: Readonly<Record<string, unknown>>,
): BackupManifest | undefined {
  const { version, storeId, takenAt, end, checksum, segments } = body;
  const { lastCreatedAtUs } = body;
  const isWhole = typeof version === "string" && typeof storeId === "string" &&
    isUuid(storeId) && typeof takenAt === "string" &&
    isCount(end) && isCount(checksum) &&
    (lastCreatedAtUs === undefined || isCount(lastCreatedAtUs)) &&
    Array.isArray(segments) && segments.every(isBackupFile);
  if (!isWhole) return undefined;
  const takenAtUs = Date.parse(takenAt) * 1000;
  return {
    version,
    storeId,
    takenAtUs,
    end,
    checksum,
    lastCreatedAtUs,
    segments,
  };
}

/** Whether a value from outside is what a manifest says of a file. */
function isBackupFile(value: unknown): value is BackupFile {
  return isRecord(value) && typeof value["name"] === "string" &&
    parseBackupFileName(value["name"]) !== undefined &&
    isCount(value["number"]) &&
    isCount(value["generation"]) && isCount(value["startPosition"]) &&
    isCount(value["endPosition"]) && isCount(value["checksum"]) &&
    isCount(value["bytes"]) && typeof value["crc32"] === "string";
}

/** Whether each segment goes on where the one before it ends. */
function fitsTogether(manifest: BackupManifest): boolean {
  let end = 0;
  let checksum = 0;
  for (const [at, file] of manifest.segments.entries()) {
    const follows = file.number === at && file.startPosition === end &&
      file.endPosition >= end;
    if (!follows) return false;
    end = file.endPosition;
    checksum = file.checksum;
  }
  return manifest.end === end && manifest.checksum === checksum;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
