/**
 * The backup of a store that is open, while it is written and read: an archive
 * that is made as it is taken.
 *
 * @module
 */

import { QuipuError } from "../../../lib/model/errors.ts";
import type {
  BackupRequest,
  OpenBackup,
} from "../../../lib/store/maintenance.ts";
import type { Disk } from "../../disk/disk.ts";
import { lastTimeOfRemains } from "../../log/remains.ts";
import { RecordScanner } from "../../log/record_scanner.ts";
import type { OpenFiles, Segment } from "../../log/segment.ts";
import type { SegmentPins } from "../../log/segment_pins.ts";
import type { Publisher } from "../../write/publisher.ts";
import { partOf, type Snapshot } from "./snapshot.ts";
import { tarStream, tarStreamBytes } from "./tar_stream.ts";

/** The parts of an open store that its backup is taken of. */
export interface BackedUpStore {
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
  const { remains } = segment;
  if (remains !== undefined) return lastTimeOfRemains(remains.header);
  const file = files.open(segment.path);
  const record = new RecordScanner(file, segment, lastPosition)
    .next({ withBodies: false });
  return typeof record === "object" ? record.createdAtUs : undefined;
}
