/**
 * Makes the index file of a segment from its memtable: under a temporary name,
 * synced, renamed, and the directory synced, so that a file with the right
 * name is always whole. It pauses often: appends and reads go on beside it.
 *
 * @module
 */

import { invariant } from "../../lib/model/errors.ts";
import type { Disk } from "../disk/disk.ts";
import { GrowingBytes } from "../log/bytes.ts";
import type { Segment } from "../log/segment.ts";
import { BlockedWriter } from "./blocked_file.ts";
import { hashName } from "../log/event_id_hash.ts";
import {
  addToFilter,
  encodeFooter,
  encodeSlice,
  filterBytesFor,
  GONE_OFFSET,
  type Slice,
  SLICE_SPARSE,
  type SlicePointer,
} from "./index_file.ts";
import {
  LIST_TOMBSTONED,
  type ListDirectory,
  NO_SEGMENT,
} from "./list_directory.ts";
import type { Memtable } from "./memtable.ts";

/** Lists or ids that are handled between two pauses: about a millisecond. */
const WORK_PER_PAUSE = 1000;

/** Nothing before: the first slice of a list. */
export const NO_SLICE: SlicePointer = {
  segment: NO_SEGMENT,
  offset: 0,
  depth: 0,
};

/**
 * Where in an index file the slice of each list is: list id and offset, in the
 * order of the file. A segment may have a million, so they are two arrays.
 */
export class SliceOffsets implements Iterable<[number, number]> {
  readonly #listIds: Uint32Array;
  readonly #offsets: Uint32Array;
  #count = 0;

  /** @param listIds Of all lists, in the order of their slices. */
  constructor(listIds: Uint32Array) {
    this.#listIds = listIds;
    this.#offsets = new Uint32Array(listIds.length);
  }

  get size(): number {
    return this.#count;
  }

  /** Notes where the next list's slice is. */
  push(offset: number): void {
    this.#offsets[this.#count++] = offset;
  }

  *[Symbol.iterator](): Generator<[number, number]> {
    for (let index = 0; index < this.#count; index++) {
      yield [this.#listIds[index] ?? 0, this.#offsets[index] ?? 0];
    }
  }
}

export interface IndexWriteRequest {
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
  readonly previousSliceOf: (
    listId: number,
  ) => { pointer: SlicePointer; slice: Slice } | undefined;
  /** The list's slice that a pointer points at, or one before it. */
  readonly sliceAt: (
    listId: number,
    pointer: SlicePointer,
  ) => Slice | undefined;
  /** Lets others work. */
  readonly pause: () => Promise<void>;
}

/**
 * Writes the index file.
 *
 * @returns Offset of each written slice: list id → offset.
 */
export async function writeIndexFile(
  request: IndexWriteRequest,
): Promise<Map<number, number>> {
  return new Map(await writeLargeIndexFile(request));
}

/**
 * Writes the index file, in less memory.
 *
 * @returns Offset of each written slice.
 */
export async function writeLargeIndexFile(
  request: IndexWriteRequest,
): Promise<SliceOffsets> {
  const { disk, path, memtable, segment } = request;
  const temporaryPath = path + ".tmp";
  await disk.remove(temporaryPath).catch(() => {});
  const file = await disk.create(temporaryPath);
  try {
    const writer = new BlockedWriter(file);
    const sliceOffsets = await writeSlices(writer, request);
    const directoryOffset = writer.offset;
    await writeDirectory(writer, sliceOffsets, request);
    writer.endBlock();
    const idsOffset = writer.offset;
    const filter = await writeIds(writer, request);
    const filterOffset = writer.offset;
    writer.push(filter);
    await writer.flush();
    const samplesOffset = writer.offset;
    writeSamples(writer, memtable);
    writer.endBlock();
    writer.push(encodeFooter({
      storeId: request.storeId,
      segmentNumber: segment.number,
      generation: segment.generation,
      isScavenged: segment.remains !== undefined,
      startPosition: segment.startPosition,
      endPosition: segment.endPosition,
      checksum: segment.checksum,
      recordCount: memtable.recordCount,
      sliceCount: sliceOffsets.size,
      directoryOffset,
      idsOffset,
      filterOffset,
      filterBytes: filter.length,
      samplesOffset,
      sampleCount: memtable.samples.length,
    }));
    await writer.finish();
    await file.sync();
    file.close();
    await disk.rename(temporaryPath, path);
    await disk.syncDirectory(request.directoryPath);
    return sliceOffsets;
  } finally {
    file.close();
  }
}

async function writeSlices(
  writer: BlockedWriter,
  request: IndexWriteRequest,
): Promise<SliceOffsets> {
  const { memtable, lists, segment } = request;
  const out = new GrowingBytes(64 * 1024);
  let work = 0;
  const tombstoned = new Set(memtable.tombstoned);
  // A stream of which only the tombstone is here has a slice without entries.
  const withoutEntries = memtable.tombstoned.filter((id) =>
    memtable.lengthOf(id) === 0
  );
  const { length } = memtable.lists;
  const ids = new Uint32Array(length + withoutEntries.length);
  ids.set(memtable.lists);
  ids.set(withoutEntries, length);
  const sliceOffsets = new SliceOffsets(ids);
  for (const listId of ids) {
    out.clear(1 << 20);
    sliceOffsets.push(writer.offset);
    const offsets = memtable.offsetsOf(listId);
    const left = segment.remains === undefined ? undefined : leftIfFew(offsets);
    encodeSlice(out, {
      kind: lists.kinds[listId] ?? 0,
      // Of this segment alone: made again later, the file must be the same.
      flags: (tombstoned.has(listId) ? LIST_TOMBSTONED : 0) |
        (left === undefined ? 0 : SLICE_SPARSE),
      name: lists.names.bytesOf(listId),
      firstOrdinal: request.firstOrdinalOf(listId),
      count: offsets.length,
      ...pointersOf(listId, request),
    });
    if (left !== undefined) {
      out.pushUint32(left.length);
      for (const index of left) out.pushUint32(index);
      for (const index of left) out.pushUint32(offsets[index] ?? 0);
    } else for (const offset of offsets) out.pushUint32(offset);
    const isFull = writer.push(out.bytes());
    work += 1 + offsets.length / 8;
    if (isFull) await writer.flush();
    if (work >= WORK_PER_PAUSE) {
      work = 0;
      await request.pause();
    }
  }
  await writer.flush();
  return sliceOffsets;
}

/** Indexes of the entries that are left, if fewer than half of them are. */
function leftIfFew(offsets: Uint32Array): number[] | undefined {
  const left: number[] = [];
  for (let index = 0; index < offsets.length; index++) {
    if (offsets[index] !== GONE_OFFSET) left.push(index);
  }
  return left.length * 2 < offsets.length ? left : undefined;
}

function pointersOf(
  listId: number,
  request: IndexWriteRequest,
): Pick<Slice, "depth" | "previous" | "jump" | "jumpJump"> {
  const before = request.previousSliceOf(listId);
  if (before === undefined) {
    return {
      depth: 0,
      previous: NO_SLICE,
      jump: NO_SLICE,
      jumpJump: NO_SLICE,
    };
  }
  const { pointer, slice } = before;
  const depth = slice.depth + 1;
  const jumpsEquallyFar = slice.jumpJump.segment !== NO_SEGMENT &&
    slice.depth - slice.jump.depth === slice.jump.depth - slice.jumpJump.depth;
  return jumpsEquallyFar
    ? {
      depth,
      previous: pointer,
      jump: slice.jumpJump,
      jumpJump: request.sliceAt(listId, slice.jumpJump)?.jump ?? NO_SLICE,
    }
    : { depth, previous: pointer, jump: pointer, jumpJump: slice.jump };
}

async function writeDirectory(
  writer: BlockedWriter,
  sliceOffsets: SliceOffsets,
  request: IndexWriteRequest,
): Promise<void> {
  const { lists } = request;
  const hashes = new Uint32Array(sliceOffsets.size);
  const offsets = new Uint32Array(sliceOffsets.size);
  let count = 0;
  for (const [listId, offset] of sliceOffsets) {
    hashes[count] = hashName((lists.kinds[listId] ?? 0) + lists.nameOf(listId));
    offsets[count] = offset;
    count++;
    if (count % (WORK_PER_PAUSE * 8) === 0) await request.pause();
  }
  await writeByHash(
    writer,
    {
      count,
      hashAt: (index) => hashes[index] ?? 0,
      offsetAt: (index) => offsets[index] ?? 0,
    },
    request.pause,
    () => {},
  );
}

/** Writes the ids; returns the filter of their hashes. */
async function writeIds(
  writer: BlockedWriter,
  request: IndexWriteRequest,
): Promise<Uint8Array> {
  const { ids, recordCount } = request.memtable;
  invariant(ids.size === recordCount, "Each record has one id");
  const filter = new Uint8Array(filterBytesFor(ids.size));
  await writeByHash(
    writer,
    {
      count: ids.size,
      hashAt: (index) => ids.hashAt(index),
      offsetAt: (index) => ids.offsetAt(index),
    },
    request.pause,
    (hash) => addToFilter(filter, hash),
  );
  return filter;
}

/** First bits of a hash by which entries are spread before they are sorted. */
const BUCKET_BITS = 12;

/** Writes pairs of hash and offset in the order of both. */
async function writeByHash(
  writer: BlockedWriter,
  entries: {
    count: number;
    hashAt(index: number): number;
    offsetAt(index: number): number;
  },
  pause: () => Promise<void>,
  visit: (hash: number) => void,
): Promise<void> {
  const shift = 32 - BUCKET_BITS;
  const ends = new Uint32Array(2 ** BUCKET_BITS + 1);
  for (let index = 0; index < entries.count; index++) {
    const bucket = entries.hashAt(index) >>> shift;
    ends[bucket + 1] = (ends[bucket + 1] ?? 0) + 1;
    if (index % 65_536 === 65_535) await pause();
  }
  for (let bucket = 0; bucket < 2 ** BUCKET_BITS; bucket++) {
    ends[bucket + 1] = (ends[bucket + 1] ?? 0) + (ends[bucket] ?? 0);
  }
  // The hash's other bits and the offset together are exact in a double.
  const keys = new Float64Array(entries.count);
  const next = ends.slice();
  for (let index = 0; index < entries.count; index++) {
    const hash = entries.hashAt(index);
    const at = next[hash >>> shift] ?? 0;
    next[hash >>> shift] = at + 1;
    keys[at] = (hash & (2 ** shift - 1)) * 2 ** 32 + entries.offsetAt(index);
    if (index % 65_536 === 65_535) await pause();
  }
  const out = new GrowingBytes(64 * 1024);
  for (let bucket = 0; bucket < 2 ** BUCKET_BITS; bucket++) {
    if (ends[bucket] === ends[bucket + 1]) continue;
    const sorted = keys.subarray(ends[bucket], ends[bucket + 1]).sort();
    out.clear();
    for (const key of sorted) {
      const hash = (bucket << shift | Math.floor(key / 2 ** 32)) >>> 0;
      visit(hash);
      out.pushUint32(hash);
      out.pushUint32(key % 2 ** 32);
    }
    if (writer.push(out.bytes())) await writer.flush();
    if (bucket % 8 === 7) await pause();
  }
  await writer.flush();
}

function writeSamples(writer: BlockedWriter, memtable: Memtable): void {
  const out = new GrowingBytes(memtable.samples.length * 12 + 12);
  for (const sample of memtable.samples) {
    out.pushUint32(sample.offset);
    out.pushUint64(sample.createdAtUs);
  }
  writer.push(out.bytes());
}
