/**
 * The source of a backup: the segments of a store up to one committed end.
 * They are read in one moment, and none of their files is changed or removed
 * until the snapshot is let go: sealed segments never change, the active one
 * only grows behind the end, and what replaces a segment waits for the pins.
 *
 * @module
 */

import { QuipuError } from "../../../lib/model/errors.ts";
import type { Disk } from "../../disk/disk.ts";
import { offsetOf, type Segment } from "../../log/segment.ts";
import { decodeSegmentHeader } from "../../log/segment_header.ts";
import { type BackupPart, headerCrcOf, readStart } from "./backup_part.ts";
import { backupFileName } from "../../disk/backup_names.ts";

/** A part of a segment, and the file that has it. */
export interface SnapshotPart extends BackupPart {
  readonly path: string;
}

export interface Snapshot {
  readonly storeId: string;
  readonly takenAtUs: number;
  readonly end: number;
  readonly checksum: number;
  /** Undefined: there is no record. */
  readonly lastCreatedAtUs: number | undefined;
  /** Oldest first. */
  readonly parts: readonly SnapshotPart[];
}

/** A segment at the moment of the snapshot. */
type SegmentState = Readonly<
  Pick<
    Segment,
    | "number"
    | "generation"
    | "path"
    | "startPosition"
    | "endPosition"
    | "checksum"
  >
>;

/**
 * The part of a segment that belongs in a backup.
 *
 * @throws {QuipuError} `corruptRecord` when its header is not whole.
 */
export function partOf(disk: Disk, segment: SegmentState): SnapshotPart {
  const file = disk.open(segment.path, "read");
  try {
    const start = readStart(file);
    const header = decodeSegmentHeader(start);
    if (typeof header === "string") {
      throw new QuipuError(
        "corruptRecord",
        `Cannot back up segment ${segment.number}: its header is ${header}`,
      );
    }
    const { number, generation, path, endPosition, checksum } = segment;
    return {
      name: backupFileName(segment, headerCrcOf(start, header)),
      number,
      generation,
      path,
      startPosition: segment.startPosition,
      endPosition,
      checksum,
      bytes: header.scavenged?.fileBytes ?? offsetOf(segment, endPosition),
    };
  } finally {
    file.close();
  }
}
