/**
 * A backup as one tar archive, made piece by piece while it is sent: segments
 * first, the manifest last, so that an archive with a manifest is whole. A
 * reader that has some of the segments says so and does not get them again.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { QuipuError } from "../../../lib/model/errors.ts";
import type { Disk } from "../../disk/disk.ts";
import { BACKUP_CHUNK_BYTES } from "./backup_file.ts";
import {
  BACKUP_SEGMENTS_NAME,
  MANIFEST_NAME,
} from "../../disk/backup_names.ts";
import { hexOf } from "../../disk/backup_names.ts";
import { type BackupFile, encodeManifest } from "./manifest.ts";
import type { Snapshot, SnapshotPart } from "./snapshot.ts";
import { checkPart } from "./part_fault.ts";
import { fileOf, manifestOf } from "./take_backup.ts";
import {
  encodeTarHeader,
  TAR_BLOCK_BYTES,
  tarEnd,
  tarPadding,
  tarSize,
} from "./tar.ts";
import { encodeUtf8 } from "../../../lib/text/utf8.ts";

export interface TarStreamOptions {
  readonly disk: Disk;
  readonly snapshot: Snapshot;
  readonly version: string;
  /** What the reader has already: name → CRC-32 in hexadecimal digits. */
  readonly have: ReadonlyMap<string, string>;
  /** Whether every record is checked before it is sent. */
  readonly isChecked: boolean;
  /** Is told which part was sent: its file is not needed any more. */
  readonly onSent: (part: SnapshotPart) => void;
}

/** Bytes of the whole archive. */
export function tarStreamBytes(options: TarStreamOptions): number {
  const { snapshot, have } = options;
  let bytes = tarEnd().length;
  for (const part of snapshot.parts) {
    if (!have.has(part.name)) bytes += TAR_BLOCK_BYTES + tarSize(part.bytes);
  }
  // Checksums are of one length, so the manifest's is known before they are.
  const segments = snapshot.parts.map((part) => fileWith(part, "00000000"));
  const manifest = encodeManifest(
    manifestOf(snapshot, { version: options.version, segments }),
  );
  return bytes + TAR_BLOCK_BYTES + tarSize(manifest.length);
}

/**
 * The archive's bytes, in pieces that are the receiver's.
 *
 * @throws {QuipuError} `corruptRecord` when a file ends before it should, or
 * a record is damaged: before any byte of it was handed over, and long before
 * the manifest, so that what was sent is no backup.
 */
export function* tarStream(
  options: TarStreamOptions,
): Generator<Uint8Array, void, void> {
  const { snapshot, version, have } = options;
  const seconds = Math.floor(snapshot.takenAtUs / 1e6);
  const segments: BackupFile[] = [];
  for (const part of snapshot.parts) {
    const known = have.get(part.name);
    if (known !== undefined) segments.push(fileWith(part, known));
    else {
      yield encodeTarHeader({
        name: `${BACKUP_SEGMENTS_NAME}/${part.name}`,
        bytes: part.bytes,
        seconds,
      });
      segments.push(fileWith(part, yield* fileBytes(options, part)));
      yield tarPadding(part.bytes);
    }
    options.onSent(part);
  }
  const manifest = encodeUtf8(
    encodeManifest(manifestOf(snapshot, { version, segments })),
  );
  yield encodeTarHeader({
    name: MANIFEST_NAME,
    bytes: manifest.length,
    seconds,
  });
  yield manifest;
  yield tarPadding(manifest.length);
  yield tarEnd();
}

/** A part's bytes; returns their CRC-32. */
function* fileBytes(
  { disk, isChecked }: TarStreamOptions,
  part: SnapshotPart,
): Generator<Uint8Array, string> {
  const file = disk.open(part.path, "read");
  try {
    const check = isChecked ? checkPart(file, part) : undefined;
    if (typeof check === "string") throw damagedPart(part, check);
    let crc = 0;
    for (let offset = 0; offset < part.bytes;) {
      const piece = new Uint8Array(
        Math.min(BACKUP_CHUNK_BYTES, part.bytes - offset),
      );
      const count = file.readAt(piece, offset);
      if (count === 0) throw damagedPart(part, `its file ends at ${offset}`);
      const read = piece.subarray(0, count);
      crc = crc32(read, crc);
      offset += count;
      const fault = offset < part.bytes ? check?.upTo(offset) : check?.finish();
      if (fault !== undefined) throw damagedPart(part, fault);
      yield read;
    }
    return hexOf(crc);
  } finally {
    file.close();
  }
}

function damagedPart(part: SnapshotPart, fault: string): QuipuError {
  return new QuipuError(
    "corruptRecord",
    `Cannot back up segment ${part.number}: ${fault}; verify the store`,
  );
}

function fileWith(part: SnapshotPart, crc: string): BackupFile {
  return { ...fileOf(part), crc32: crc };
}
