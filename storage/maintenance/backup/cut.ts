/**
 * Where a backup is cut that is to be restored up to a position or a time:
 * between two batches, as what was written by one request is there whole or not
 * at all. What begins before the place and ends behind it is left out.
 *
 * @module
 */

import { QuipuError } from "../../../lib/model/errors.ts";
import type { LogPoint } from "../../../lib/store/transfer.ts";
import type { DiskFile } from "../../disk/disk.ts";
import { RECORD_HEADER_BYTES } from "../../log/record.ts";
import { bytesOf, getSafeUint64 } from "../../log/bytes.ts";
import { SCAVENGED_HEADER_BYTES } from "../../log/scavenged_segment.ts";
import {
  decodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "../../log/segment_header.ts";
import { offsetOf } from "../../log/segment.ts";
import { SegmentFile } from "../../log/segment_file.ts";
import { scanSegment } from "../../log/scan_segment.ts";
import { readStart, segmentOf } from "./backup_part.ts";
import type { BackupSource, ReadableFile } from "./backup_source.ts";
import type { BackupFile } from "./manifest.ts";

/** The part of a backup to restore. */
export interface Cut {
  readonly end: number;
  readonly checksum: number;
  /** Undefined: not known, or there is no record. */
  readonly lastCreatedAtUs: number | undefined;
  /** How many of the backup's segments. */
  readonly segmentCount: number;
  /** Bytes of the last one of them. */
  readonly lastBytes: number;
}

/**
 * Finds where to cut.
 *
 * @throws {QuipuError} `invalidRequest` for a position behind the backup's
 * end, or one inside a part of the log that was scavenged.
 */
export function findCut(
  source: BackupSource,
  point: LogPoint | undefined,
): Cut {
  const { manifest } = source;
  const { segments, end, checksum, lastCreatedAtUs } = manifest;
  const whole: Cut = {
    end,
    checksum,
    lastCreatedAtUs,
    segmentCount: segments.length,
    lastBytes: segments[segments.length - 1]?.bytes ?? 0,
  };
  if (point === undefined) return whole;
  const isPosition = "position" in point;
  if (isPosition && point.position > end) {
    throw new QuipuError(
      "invalidRequest",
      `Cannot restore up to position ${point.position}: the backup ends at ` +
        `${end}`,
    );
  }
  const isWanted = isPosition
    ? point.position === end
    : lastCreatedAtUs !== undefined && point.timeUs > lastCreatedAtUs;
  if (isWanted) return whole;
  const at = isPosition
    ? segments.findLastIndex((part) => part.startPosition < point.position)
    : lastBefore(source, point.timeUs);
  const part = segments[at];
  return part === undefined
    ? EMPTY_CUT
    : cutSegment(source, { at, part, point });
}

/** Nothing stands before the place. */
const EMPTY_CUT: Cut = {
  end: 0,
  checksum: 0,
  lastCreatedAtUs: undefined,
  segmentCount: 0,
  lastBytes: 0,
};

/** Index of the last segment that begins with a record from before a time. */
function lastBefore({ manifest, open }: BackupSource, timeUs: number): number {
  let low = 0;
  let high = manifest.segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const part = manifest.segments[middle];
    const firstUs = part === undefined ? undefined : firstTimeOf(open, part);
    // Only the newest segment can be without records.
    if (firstUs !== undefined && firstUs < timeUs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Time of a segment's first record; undefined when it has none. */
function firstTimeOf(
  open: BackupSource["open"],
  part: BackupFile,
): number | undefined {
  const file = open(part);
  if (file === undefined) return undefined;
  try {
    const header = decodeSegmentHeader(readStart(file));
    if (typeof header === "string") return undefined;
    const { scavenged } = header;
    // Of one that was scavenged empty the last time is as good.
    if (scavenged?.recordCount === 0) return scavenged.lastCreatedAtUs;
    const at = firstOffsetOf(header);
    const array = new Uint8Array(RECORD_HEADER_BYTES);
    if (file.readAt(array, at) < array.length) return undefined;
    return getSafeUint64(bytesOf(array).view, 16);
  } finally {
    file.close();
  }
}

function firstOffsetOf(header: SegmentHeader): number {
  return header.isScavenged === true
    ? SCAVENGED_HEADER_BYTES
    : SEGMENT_HEADER_BYTES;
}

interface CutPlace {
  readonly at: number;
  readonly part: BackupFile;
  readonly point: LogPoint;
}

/** Cuts between two batches of one segment. */
function cutSegment(source: BackupSource, place: CutPlace): Cut {
  const { at, part, point } = place;
  const file = source.open(part);
  if (file === undefined) throw new Error(`"${part.name}" is gone`);
  try {
    const header = decodeSegmentHeader(readStart(file));
    if (typeof header === "string") {
      throw new QuipuError("damaged", `"${part.name}" is ${header}`);
    }
    const { scavenged } = header;
    if (scavenged !== undefined) {
      const isWhole = "position" in point
        ? point.position === part.endPosition
        : point.timeUs > scavenged.lastCreatedAtUs;
      if (!isWhole) throw scavengedError(part);
      return {
        end: part.endPosition,
        checksum: part.checksum,
        lastCreatedAtUs: scavenged.lastCreatedAtUs,
        segmentCount: at + 1,
        lastBytes: part.bytes,
      };
    }
    const segment = segmentOf(header, part.name, part.endPosition);
    let end = part.startPosition;
    let checksum = header.previousChecksum;
    let lastCreatedAtUs = 0;
    let isOver = false;
    scanSegment(
      new SegmentFile(asDiskFile(file, part.name), segment),
      { checksum, lastPosition: -1, lastCreatedAtUs: 0 },
      (batch) => {
        const last = batch[batch.length - 1];
        if (last === undefined || isOver) return;
        const runEnd = last.logPosition + last.lengthBytes;
        isOver = "position" in point
          ? runEnd > point.position
          : last.createdAtUs >= point.timeUs;
        if (isOver) return;
        end = runEnd;
        checksum = last.headerCrc;
        lastCreatedAtUs = last.createdAtUs;
      },
    );
    if (end > part.startPosition) {
      return {
        end,
        checksum,
        lastCreatedAtUs,
        segmentCount: at + 1,
        lastBytes: offsetOf(segment, end),
      };
    }
    return endOf(source, at - 1);
  } finally {
    file.close();
  }
}

/** The cut behind all of a segment; of none: before everything. */
function endOf(source: BackupSource, at: number): Cut {
  const part = source.manifest.segments[at];
  return part === undefined ? EMPTY_CUT : cutSegment(source, {
    at,
    part,
    point: { position: part.endPosition },
  });
}

function scavengedError(part: BackupFile): QuipuError {
  return new QuipuError(
    "invalidRequest",
    `Cannot restore up to a place between the positions ` +
      `${part.startPosition} and ${part.endPosition}: that part was ` +
      `scavenged and can only be restored whole. Name one of the two, or ` +
      `use an older backup`,
  );
}

/** A file of a backup as readers of store files see it. */
function asDiskFile(file: ReadableFile, path: string): DiskFile {
  const refuse = (): never => {
    throw new TypeError(`Cannot write "${path}": it is read alone`);
  };
  return {
    path,
    readAt: (buffer, offset) => file.readAt(buffer, offset),
    size: () => file.size(),
    close: () => {},
    writeAt: refuse,
    sync: refuse,
    truncate: refuse,
  };
}
