/**
 * Makes the index file of a sealed segment again while the store is open: it
 * turned out to be damaged. The segment alone says what stands in it; where
 * its lists were before, the index files of older segments say.
 *
 * @module
 */

import { invariant } from "../../lib/model/errors.ts";
import type { Disk } from "../disk/disk.ts";
import { type SliceOffsets, writeIndexFile } from "./index_writer.ts";
import { RemainingEntries } from "./remaining_entries.ts";
import type { StoreIndex } from "./store_index.ts";
import type { RecordReader } from "../log/record_reader.ts";
import { type OpenFiles, type Segment, segmentPath } from "../log/segment.ts";
import { SegmentFile, WalkFault } from "../log/segment_file.ts";

/** Records that are looked at between two pauses. */
const RECORDS_PER_PAUSE = 500;

interface RebuildOptions {
  readonly disk: Disk;
  readonly logDirectory: string;
  readonly index: StoreIndex;
  readonly files: OpenFiles;
  /** Is told of a record that cannot be read. */
  readonly reader: Pick<RecordReader, "corrupt">;
  readonly storeId: string;
  readonly segmentNumber: number;
  /** Lets others work. */
  readonly pause: () => Promise<void>;
}

/**
 * Makes the index file again.
 *
 * @throws {QuipuError} `corruptRecord` when the segment is damaged as well.
 */
export async function rebuildIndex(options: RebuildOptions): Promise<void> {
  const { index, storeId, segmentNumber } = options;
  const { lists, sealed } = index;
  const segment = sealed.segmentOf(segmentNumber);
  invariant(segment !== undefined, "Only sealed segments have index files");
  const { listIds, offsets } = await writeIndexOf(segment, options);
  // Scavenged meanwhile: it has another file, and another index.
  if (sealed.segmentOf(segmentNumber) !== segment) return;
  if (segment.scavenged === undefined) {
    for (const [index, listId] of listIds.entries()) {
      const isSame = lists.lastSegment[listId] !== segmentNumber ||
        lists.lastSlice[listId] === offsets[index];
      invariant(isSame, "An index file made again is the same");
    }
  }
  sealed.closeFile(segment);
  const isReadable = sealed.open(segment, storeId);
  invariant(isReadable, "An index file just written can be read");
}

/**
 * Writes the index file of a segment, from its records and the index files of
 * those before it.
 *
 * @param entries Memory to use, empty.
 * @returns Offset of each slice.
 * @throws {QuipuError} `corruptRecord` when the segment is damaged.
 */
export async function writeIndexOf(
  segment: Segment,
  options: Omit<RebuildOptions, "segmentNumber">,
  entries: RemainingEntries = new RemainingEntries(
    options.index.lists,
    segment,
  ),
): Promise<SliceOffsets> {
  await readSegment(segment, options, entries);
  return await writeIndexOfEntries(segment, entries, options);
}

/**
 * Writes the index file of a segment from entries that are gathered already.
 *
 * @returns Offset of each slice.
 */
export async function writeIndexOfEntries(
  segment: Segment,
  entries: RemainingEntries,
  { disk, logDirectory, index, storeId, pause }: Pick<
    RebuildOptions,
    "disk" | "logDirectory" | "index" | "storeId" | "pause"
  >,
): Promise<SliceOffsets> {
  const { lists, sealed } = index;
  const path = segmentPath(logDirectory, segment, "idx");
  return await writeIndexFile({ disk, directoryPath: logDirectory, path }, {
    storeId,
    segment,
    memtable: entries.memtable,
    lists,
    firstOrdinalOf: (listId) => entries.firstOrdinalOf(listId),
    older: {
      newest: (listId) => sealed.sliceBefore(listId, segment.number),
      at: (listId, pointer) => sealed.sliceAt(listId, pointer),
    },
  }, pause);
}

/** Enters all records of a segment. */
async function readSegment(
  segment: Segment,
  { reader, files, pause }: Omit<RebuildOptions, "segmentNumber">,
  entries: RemainingEntries,
): Promise<void> {
  const walk = new SegmentFile(files.open(segment.path), segment).walk();
  for (const step of walk) {
    if (step instanceof WalkFault) {
      throw reader.corrupt(segment, step.position, step.fault);
    }
    entries.enter(step);
    if (walk.recordCount % RECORDS_PER_PAUSE === 0) await pause();
  }
}
