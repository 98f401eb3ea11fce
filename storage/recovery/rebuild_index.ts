/**
 * Makes the index file of a sealed segment again while the store is open: it
 * turned out to be damaged. The segment alone says what stands in it; where
 * its lists were before, the index files of older segments say.
 *
 * @module
 */

import { invariant, QuipuError } from "../../lib/model/errors.ts";
import type { Disk } from "../disk/disk.ts";
import { writeIndexFile } from "../index/index_writer.ts";
import { NO_LIST } from "../index/list_directory.ts";
import { Membership } from "../index/membership.ts";
import { Memtable } from "../index/memtable.ts";
import type { StoreIndex } from "../index/store_index.ts";
import type { LogRecord } from "../log/log_record.ts";
import { FLAG_TOMBSTONE } from "../log/record.ts";
import { corrupt, type RecordReader } from "../log/record_reader.ts";
import { offsetOf, type Segment, segmentPath } from "../log/segment.ts";

/** Records that are looked at between two pauses. */
const RECORDS_PER_PAUSE = 500;

export interface RebuildOptions {
  readonly disk: Disk;
  readonly logDirectory: string;
  readonly index: StoreIndex;
  readonly reader: RecordReader;
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
  const { disk, logDirectory, index, storeId, segmentNumber } = options;
  const { lists, sealed } = index;
  const segment = sealed.segmentOf(segmentNumber);
  invariant(segment !== undefined, "Only sealed segments have index files");
  const { memtable, firstOrdinals } = await readSegment(segment, options);
  const sliceOffsets = await writeIndexFile({
    disk,
    directoryPath: logDirectory,
    path: segmentPath(logDirectory, segment, "idx"),
    storeId,
    segment,
    memtable,
    lists,
    // Of a stream with nothing but its tombstone here: where it ended.
    firstOrdinalOf: (listId) =>
      firstOrdinals.get(listId) ?? lists.decidedNext[listId] ?? 0,
    previousSliceOf: (listId) => sealed.sliceBefore(listId, segmentNumber),
    sliceAt: (pointer) => sealed.sliceAt(pointer),
    pause: options.pause,
  });
  for (const [listId, offset] of sliceOffsets) {
    const isSame = lists.lastSegment[listId] !== segmentNumber ||
      lists.lastSlice[listId] === offset;
    invariant(isSame, "An index file made again is the same");
  }
  sealed.closeFile(segment);
  const isReadable = sealed.open(segment, storeId);
  invariant(isReadable, "An index file just written can be read");
}

async function readSegment(
  segment: Segment,
  { index, reader, pause }: RebuildOptions,
): Promise<{ memtable: Memtable; firstOrdinals: Map<number, number> }> {
  const memtable = new Memtable();
  const firstOrdinals = new Map<number, number>();
  const membership = new Membership();
  const scanner = reader.scan(segment, segment.startPosition);
  let checksum: number | undefined;
  for (let count = 1;; count++) {
    const { position } = scanner;
    const record = scanner.next({ withBodies: true });
    if (record === undefined) break;
    if (typeof record === "string") throw corrupt(segment, position, record);
    if (checksum !== undefined && record.previousCrc !== checksum) {
      throw new QuipuError(
        "corruptRecord",
        `Cannot read segment ${segment.number}: the record at position ` +
          `${position} does not follow the one before it`,
      );
    }
    checksum = record.headerCrc;
    enter(record);
    if (count % RECORDS_PER_PAUSE === 0) await pause();
  }
  return { memtable, firstOrdinals };

  function enter(record: LogRecord): void {
    const { lists } = index;
    const { streamName, eventNumber, logPosition } = record;
    const streamId = lists.findOrCreate("stream", streamName);
    const isTombstone = (record.flags & FLAG_TOMBSTONE) !== 0;
    const offset = offsetOf(segment, logPosition);
    memtable.addRecord(offset, record.createdAtUs);
    memtable.ids.add(record.hashId(lists.hashes[streamId] ?? 0), offset);
    membership.find(lists, streamId, record);
    enterInList(isTombstone ? NO_LIST : streamId, eventNumber);
    enterInList(membership.categoryList, record.categoryOrdinal);
    enterInList(membership.typeList, record.typeOrdinal);
    enterInList(membership.streamsList, record.streamsOrdinal);
    enterInList(membership.categoryStreamsList, record.categoryStreamsOrdinal);
    if (isTombstone) memtable.tombstoned.push(streamId);

    function enterInList(listId: number, ordinal: number): void {
      if (listId === NO_LIST) return;
      if (memtable.lengthOf(listId) === 0) firstOrdinals.set(listId, ordinal);
      memtable.addToList(listId, offset);
    }
  }
}
