/**
 * The backup of a store that is open, while it is written and read: an archive
 * that is made as it is taken.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { QuipuError } from "../../../lib/model/errors.ts";
import type {
  BackupRequest,
  OpenBackup,
} from "../../../lib/store/maintenance.ts";
import { encodeUtf8 } from "../../../lib/text/utf8.ts";
import {
  BACKUP_SEGMENTS_NAME,
  hexOf,
  MANIFEST_NAME,
} from "../../disk/backup_names.ts";
import type { Disk } from "../../disk/disk.ts";
import { RecordScanner } from "../../log/record_scanner.ts";
import { lastTimeOfScavenged } from "../../log/scavenged_segment.ts";
import type { OpenFiles, Segment } from "../../log/segment.ts";
import type { SegmentPins } from "../../log/segment_pins.ts";
import type { Publisher } from "../../write/publisher.ts";
import { BACKUP_CHUNK_BYTES } from "./backup_file.ts";
import { type BackupFile, encodeManifest } from "./manifest.ts";
import { checkPart } from "./part_fault.ts";
import { partOf, type Snapshot, type SnapshotPart } from "./snapshot.ts";
import { fileOf, manifestOf } from "./take_backup.ts";
import {
  encodeTarHeader,
  TAR_BLOCK_BYTES,
  tarEnd,
  tarPadding,
  tarSize,
} from "./tar.ts";

/** The parts of an open store that its backup is taken of. */
interface BackedUpStore {
  readonly disk: Disk;
  readonly segments: readonly Segment[];
  readonly files: OpenFiles;
  readonly publisher: Publisher;
  readonly pins: SegmentPins;
  readonly storeId: () => string;
}

/**
 * Takes a snapshot of what is committed, and pins its files until the backup
 * is closed or made whole.
 *
 * @throws {QuipuError} `corruptRecord` when a segment's header is damaged,
 * `storeReadOnly` while a new store has no id.
 */
export function openBackup(
  store: BackedUpStore,
  request: BackupRequest,
): OpenBackup {
  const { disk, segments, pins } = store;
  const release = pins.pin(segments.map(({ path }) => path));
  try {
    const snapshot = snapshotOf(store, request.takenAtUs);
    const options = {
      disk,
      snapshot,
      version: request.version,
      have: request.have,
      isChecked: request.isChecked,
      onSent: ({ path }: { readonly path: string }) => release(path),
    };
    const pieces = tarStream(options);
    return {
      storeId: snapshot.storeId,
      end: snapshot.end,
      bytes: tarStreamBytes(options),
      next() {
        const { done, value } = pieces.next();
        return done === true ? undefined : value;
      },
      close() {
        pieces.return();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** Reads, in one moment, what is committed. */
function snapshotOf(store: BackedUpStore, takenAtUs: number): Snapshot {
  const { disk, segments, publisher, storeId } = store;
  const id = storeId();
  if (id === "") {
    throw new QuipuError(
      "storeReadOnly",
      "Cannot back up a store that was never written",
    );
  }
  return {
    storeId: id,
    takenAtUs,
    end: publisher.end,
    checksum: segments[segments.length - 1]?.checksum ?? 0,
    lastCreatedAtUs: lastTimeOf(store),
    parts: segments.map((segment) => partOf(disk, segment)),
  };
}

/** Time of the last record; undefined when there is none. */
function lastTimeOf(
  { segments, files, publisher }: BackedUpStore,
): number | undefined {
  const { lastPosition } = publisher;
  const segment = segments.findLast(({ startPosition, endPosition }) =>
    startPosition <= lastPosition && lastPosition < endPosition
  );
  if (segment === undefined) return undefined;
  const { scavenged } = segment;
  if (scavenged !== undefined) return lastTimeOfScavenged(scavenged.header);
  const file = files.open(segment.path);
  const record = new RecordScanner(file, segment, lastPosition)
    .next({ withBodies: false });
  return typeof record === "object" ? record.createdAtUs : undefined;
}

interface TarStreamOptions {
  readonly disk: Disk;
  readonly snapshot: Snapshot;
  readonly version: string;
  /** Files that the reader has already: name → CRC-32 in hexadecimal digits. */
  readonly have: ReadonlyMap<string, string>;
  /** Whether every record is checked before it is sent. */
  readonly isChecked: boolean;
  /** Is told which part was sent: its file is not needed any more. */
  readonly onSent: (part: SnapshotPart) => void;
}

/** Bytes of the whole archive. */
function tarStreamBytes(options: TarStreamOptions): number {
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
