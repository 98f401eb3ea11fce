/**
 * The snapshot of a store that no process has open: its directory is locked
 * meanwhile. The commit record is read; nothing is changed. Whole runs behind
 * the record's end belong to the backup, as the store would adopt them; what
 * is torn behind them does not.
 *
 * @module
 */

import { join } from "@std/path";
import type { Clock } from "../../../lib/model/clock.ts";
import { QuipuError } from "../../../lib/model/errors.ts";
import { FILE_LIMITS } from "../../disk/limits.ts";
import { OpenFiles, positionOf } from "../../log/segment.ts";
import { SegmentFile } from "../../log/segment_file.ts";
import { SEGMENTS_NAME, takeForReading } from "../../disk/store_directory.ts";
import { lastTimeOfRemains } from "../../log/remains.ts";
import type { StorePlatform } from "../../commit/platform.ts";
import { findSegments, type FoundSegment } from "../../log/find_segments.ts";
import { type ScanResult, scanSegment } from "../../log/scan_segment.ts";
import { readCommitRecord } from "../../open/settle.ts";
import { segmentOf } from "./backup_part.ts";
import { partOf, type Snapshot, type SnapshotPart } from "./snapshot.ts";

/**
 * Takes the directory of a store and finds out what is in it.
 *
 * @returns The snapshot, and what lets the directory go.
 * @throws {QuipuError} `directoryLocked` while a process has the store open,
 * `notWritable` when there is none, `damaged` when not all is there that was
 * committed.
 */
export async function snapshotClosedStore(
  platform: StorePlatform,
  { directory, clock }: { readonly directory: string; readonly clock: Clock },
): Promise<{ readonly snapshot: Snapshot; release(): void }> {
  const { disk } = platform;
  const lock = await takeForReading(disk, directory);
  const files = new OpenFiles(disk, FILE_LIMITS.openFilesMax);
  try {
    const commit = await readCommitRecord(platform, directory);
    const logDirectory = join(directory, SEGMENTS_NAME);
    const { found } = await findSegments({ disk, logDirectory, files });
    const last = found[found.length - 1];
    const scanned = last === undefined ? undefined : scanLast(files, last);
    const end = scanned?.validEnd ?? 0;
    const checksum = scanned?.checksum ?? 0;
    const storeId = last?.header.storeId ?? commit?.storeId;
    if (storeId === undefined) {
      throw new QuipuError(
        "notWritable",
        `Cannot back up "${directory}": there is nothing in it yet`,
      );
    }
    if (commit !== undefined && commit.end > end) {
      throw new QuipuError(
        "damaged",
        `Cannot back up "${directory}": position ${commit.end} is committed, ` +
          `the log is whole up to ${end}; run quipu verify on it`,
      );
    }
    const parts: SnapshotPart[] = found.map((segment, at) => {
      const next = found[at + 1]?.header;
      return partOf(disk, {
        number: segment.number,
        generation: segment.generation,
        path: segment.path,
        startPosition: segment.header.startPosition,
        endPosition: next?.startPosition ?? end,
        checksum: next?.previousChecksum ?? checksum,
      });
    });
    return {
      snapshot: {
        storeId,
        takenAtUs: clock.nowUs(),
        end,
        checksum,
        lastCreatedAtUs: lastTimeOf(files, found, scanned),
        parts,
      },
      release: () => lock.release(),
    };
  } catch (error) {
    lock.release();
    throw error;
  } finally {
    files.close();
  }
}

/**
 * Time of the last record; undefined when there is none. The newest segment may
 * be empty, and then an older one tells.
 */
function lastTimeOf(
  files: OpenFiles,
  found: readonly FoundSegment[],
  newest: ScanResult | undefined,
): number | undefined {
  for (const segment of found.toReversed()) {
    const { remains } = segment.header;
    if (remains !== undefined) return lastTimeOfRemains(remains);
    const { lastPosition, lastCreatedAtUs } =
      newest !== undefined && segment === found.at(-1)
        ? newest
        : scanLast(files, segment);
    if (lastPosition >= 0) return lastCreatedAtUs;
  }
  return undefined;
}

/** Finds where a segment's last whole run ends. */
function scanLast(files: OpenFiles, found: FoundSegment): ScanResult {
  const { header, path } = found;
  const file = files.open(path);
  const segment = segmentOf(header, path, header.startPosition);
  segment.endPosition = header.remains?.endPosition ??
    positionOf(segment, file.size());
  return scanSegment(
    new SegmentFile(file, segment),
    { checksum: header.previousChecksum, lastPosition: -1, lastCreatedAtUs: 0 },
    () => {},
  );
}
