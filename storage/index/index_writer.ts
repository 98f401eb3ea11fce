/**
 * Writes the index file of a segment from its memtable: under a temporary
 * name, synced, renamed, and the directory synced, so that a file with the
 * right name is always whole. Appends and reads go on beside it.
 *
 * @module
 */

import type { Disk } from "../disk/disk.ts";
import { SyncedWriter } from "../disk/synced_writer.ts";
import type { Segment } from "../log/segment.ts";
import { MAKER_HERE } from "./index_builder.ts";
import type { Slice, SlicePointer } from "./index_file.ts";
import {
  type FoundSlice,
  type IndexMaker,
  IndexMakerError,
  type OlderIndex,
} from "./index_maker.ts";
import { indexPartsOf, listIdsOf } from "./index_parts.ts";
import type { ListDirectory } from "./list_directory.ts";
import type { Memtable } from "./memtable.ts";

/**
 * Where in an index file the slice of each list is: list id and offset, in the
 * order of the file. A segment may have a million, so they are two arrays.
 */
export class SliceOffsets implements Iterable<[number, number]> {
  readonly listIds: Uint32Array;
  readonly #offsets: Uint32Array;
  #count = 0;

  /** @param listIds Of all lists, in the order of their slices. */
  constructor(listIds: Uint32Array) {
    this.listIds = listIds;
    this.#offsets = new Uint32Array(listIds.length);
  }

  get size(): number {
    return this.#count;
  }

  /** Notes where the slices of the next lists are. */
  push(offsets: Uint32Array): void {
    this.#offsets.set(offsets, this.#count);
    this.#count += offsets.length;
  }

  /** Id of the list whose slice is the one with that index in the file. */
  listIdAt(index: number): number {
    return this.listIds[index] ?? 0;
  }

  /** Offset of the slice with that index in the file. */
  offsetAt(index: number): number {
    return this.#offsets[index] ?? 0;
  }

  *[Symbol.iterator](): Generator<[number, number]> {
    for (let index = 0; index < this.#count; index++) {
      yield [this.listIdAt(index), this.offsetAt(index)];
    }
  }
}

interface IndexWriteRequest {
  readonly disk: Disk;
  readonly directoryPath: string;
  /** Path of the file when it is complete. */
  readonly path: string;
  readonly storeId: string;
  readonly segment: Segment;
  readonly memtable: Memtable;
  readonly lists: ListDirectory;
  /** Ordinal of the list's first entry in the segment. */
  readonly firstOrdinalOf: (listId: number) => number;
  /** The list's newest slice in the segments before. */
  readonly previousSliceOf: (listId: number) => FoundSlice | undefined;
  /** The list's slice that a pointer points at, or one before it. */
  readonly sliceAt: (
    listId: number,
    pointer: SlicePointer,
  ) => Slice | undefined;
  /** Lets others work. */
  readonly pause: () => Promise<void>;
  /**
   * Makes it, as long as the segment is the newest of those with an index
   * file; by default it is made here.
   */
  readonly maker?: {
    readonly maker: IndexMaker;
    /** Index files of all segments before. */
    readonly olderIndexes: readonly OlderIndex[];
    /** Is told why the maker failed; the file is made here then. */
    readonly onFailure: (error: IndexMakerError) => void;
  } | undefined;
}

/**
 * Writes the index file.
 *
 * @returns Offset of each written slice.
 */
export async function writeIndexFile(
  request: IndexWriteRequest,
): Promise<SliceOffsets> {
  const { maker } = request;
  if (maker !== undefined) {
    try {
      return await writeBy(maker.maker, request);
    } catch (error) {
      if (!(error instanceof IndexMakerError)) throw error;
      maker.onFailure(error);
    }
  }
  return await writeBy(MAKER_HERE, request);
}

async function writeBy(
  maker: IndexMaker,
  request: IndexWriteRequest,
): Promise<SliceOffsets> {
  const { disk, path, memtable, segment, lists } = request;
  const temporaryPath = path + ".tmp";
  await disk.remove(temporaryPath).catch(() => {});
  const file = await disk.create(temporaryPath);
  try {
    const synced = new SyncedWriter(file);
    const listIds = listIdsOf(memtable);
    const sliceOffsets = new SliceOffsets(listIds);
    const isScavenged = segment.remains !== undefined;
    await maker.make({
      head: {
        storeId: request.storeId,
        segmentNumber: segment.number,
        generation: segment.generation,
        isScavenged,
        startPosition: segment.startPosition,
        endPosition: segment.endPosition,
        checksum: segment.checksum,
        recordCount: memtable.recordCount,
        listCount: listIds.length,
        sampleCount: memtable.samples.length,
      },
      parts: indexPartsOf(listIds, {
        memtable,
        lists,
        isScavenged,
        firstOrdinalOf: request.firstOrdinalOf,
      }),
      older: {
        newest: ({ listIds }, index) =>
          request.previousSliceOf(listIds[index] ?? 0),
        at: ({ listIds }, index, pointer) =>
          request.sliceAt(listIds[index] ?? 0, pointer),
      },
      olderIndexes: request.maker?.olderIndexes,
      file: synced,
      placed: (offsets) => sliceOffsets.push(offsets),
      pause: request.pause,
    });
    await synced.sync();
    file.close();
    await disk.rename(temporaryPath, path);
    await disk.syncDirectory(request.directoryPath);
    return sliceOffsets;
  } finally {
    file.close();
  }
}
