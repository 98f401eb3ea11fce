/**
 * Makes the bytes of an index file from what a memtable holds: the one place,
 * whether a segment is sealed, its index is made again, or it is checked. It
 * runs in any thread, and pauses often, for one that has other things to do.
 *
 * @module
 */

import { invariant } from "../../lib/model/errors.ts";
import type { DiskFile } from "../disk/disk.ts";
import { giveBack, GrowingBytes } from "../log/bytes.ts";
import { hashListName } from "../log/event_id_hash.ts";
import type { Segment } from "../log/segment.ts";
import { BlockedWriter } from "./blocked_file.ts";
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
import { LIST_TOMBSTONED, NO_SEGMENT } from "./list_directory.ts";
import type { Memtable } from "./memtable.ts";

/** Lists between two pauses: each may take a look at all older index files. */
const LISTS_PER_PAUSE = 8;
/** Bytes of slices that are put together before they go into blocks. */
const SLICE_BYTES = 64 * 1024;
/** First bits of a hash by which entries are spread before they are sorted. */
const BUCKET_BITS = 12;
const BUCKET_SHIFT = 32 - BUCKET_BITS;
const HASHES_PER_PAUSE = 16_384;

/** Nothing before: the first slice of a list. */
const NO_SLICE: SlicePointer = { segment: NO_SEGMENT, offset: 0, depth: 0 };
const NO_POINTERS = {
  depth: 0,
  previous: NO_SLICE,
  jump: NO_SLICE,
  jumpJump: NO_SLICE,
};

/** A slice and where it is. */
export interface FoundSlice {
  readonly pointer: SlicePointer;
  readonly slice: Slice;
}

/** Finds older slices of lists. */
export interface OlderSlices {
  /** The list's newest slice in the segments before. */
  newest(listId: number): FoundSlice | undefined;
  /** The list's slice that a pointer points at, or one before it. */
  at(listId: number, pointer: SlicePointer): Slice | undefined;
}

/** Kinds and names of lists, by id. */
export interface NamedLists {
  /** Codes of their kinds. */
  readonly kinds: Uint8Array;
  readonly names: {
    /** UTF-8; a view that holds until a name is added. */
    bytesOf(listId: number): Uint8Array;
  };
}

/** The contents of a memtable that gets no more entries. */
export type SealedTable =
  & Pick<
    Memtable,
    | "lists"
    | "tombstoned"
    | "lengthOf"
    | "offsetsOf"
    | "samples"
    | "recordCount"
  >
  & { readonly ids: Pick<Memtable["ids"], "size" | "columns"> };

/** An index file's content, and where it goes. */
export interface IndexJob {
  readonly storeId: string;
  readonly segment: Segment;
  readonly memtable: SealedTable;
  readonly lists: NamedLists;
  /** Ordinal of the list's first entry in the segment. */
  readonly firstOrdinalOf: (listId: number) => number;
  readonly older: OlderSlices;
  /** Takes the file's bytes, from its start to its end. */
  readonly file: Pick<DiskFile, "writeAt">;
  /** Lets others work. */
  readonly pause: () => Promise<void>;
}

/** Ids of the lists that have a slice, in the order of the file. */
export function listIdsOf(memtable: SealedTable): Uint32Array<ArrayBuffer> {
  const { lists } = memtable;
  // A stream of which only the tombstone is here has a slice without entries.
  const withoutEntries = memtable.tombstoned.filter(
    (id) => memtable.lengthOf(id) === 0,
  );
  const ids = new Uint32Array(lists.length + withoutEntries.length);
  ids.set(lists);
  ids.set(withoutEntries, lists.length);
  return ids;
}

/**
 * Makes the bytes.
 *
 * @returns Where the slice of each list is, in the order of `listIdsOf()`.
 */
export async function buildIndex(
  job: IndexJob,
): Promise<Uint32Array<ArrayBuffer>> {
  return await new IndexBuilder(job).build();
}

/** Hashes, and the offset that belongs to each. */
interface HashColumns {
  readonly hashes: Uint32Array;
  readonly offsets: Uint32Array;
}

class IndexBuilder {
  readonly #job: IndexJob;
  readonly #writer: BlockedWriter;
  readonly #out = new GrowingBytes(SLICE_BYTES * 2);

  constructor(job: IndexJob) {
    this.#job = job;
    this.#writer = new BlockedWriter(job.file);
  }

  async build(): Promise<Uint32Array<ArrayBuffer>> {
    const writer = this.#writer;
    const { storeId, segment, memtable } = this.#job;
    const slices = await this.#writeSlices();
    await writer.flush();
    const directoryOffset = writer.offset;
    await this.#writeByHash(slices, () => {});
    giveBack(slices.hashes);
    writer.endBlock();
    const idsOffset = writer.offset;
    invariant(
      memtable.ids.size === memtable.recordCount,
      "Each record has one id",
    );
    const filter = new Uint8Array(filterBytesFor(memtable.recordCount));
    await this.#writeByHash(
      memtable.ids.columns(),
      (hash) => addToFilter(filter, hash),
    );
    const filterOffset = writer.offset;
    writer.push(filter);
    await writer.flush();
    const samplesOffset = writer.offset;
    await this.#writeSamples();
    writer.endBlock();
    writer.push(encodeFooter({
      storeId,
      segmentNumber: segment.number,
      generation: segment.generation,
      isScavenged: segment.scavenged !== undefined,
      startPosition: segment.startPosition,
      endPosition: segment.endPosition,
      checksum: segment.checksum,
      recordCount: memtable.recordCount,
      sampleCount: memtable.samples.length,
      sliceCount: slices.offsets.length,
      directoryOffset,
      idsOffset,
      filterOffset,
      filterBytes: filter.length,
      samplesOffset,
    }));
    await writer.finish();
    return slices.offsets;
  }

  async #writeSlices(): Promise<{
    readonly hashes: Uint32Array<ArrayBuffer>;
    readonly offsets: Uint32Array<ArrayBuffer>;
  }> {
    const { memtable, lists, pause, segment } = this.#job;
    const out = this.#out;
    out.clear();
    const listIds = listIdsOf(memtable);
    const tombstoned = new Set(memtable.tombstoned);
    const hashes = new Uint32Array(listIds.length);
    const offsets = new Uint32Array(listIds.length);
    for (let index = 0; index < listIds.length; index++) {
      const listId = listIds[index] ?? 0;
      const kind = lists.kinds[listId] ?? 0;
      const name = lists.names.bytesOf(listId);
      offsets[index] = this.#writer.offset + out.length;
      hashes[index] = hashListName(kind, name, 0, name.length);
      const entries = memtable.offsetsOf(listId);
      const sparse = segment.scavenged && sparseNumbers(entries);
      encodeSlice(out, {
        kind,
        name,
        // Of this segment alone: made again later, the file must be the same.
        flags: (tombstoned.has(listId) ? LIST_TOMBSTONED : 0) |
          (sparse === undefined ? 0 : SLICE_SPARSE),
        count: entries.length,
        ...this.#placeOf(listId),
      });
      await this.#pushNumbers(sparse ?? entries);
      if (index % LISTS_PER_PAUSE === LISTS_PER_PAUSE - 1) await pause();
    }
    await this.#writeOut();
    return { hashes, offsets };
  }

  /** Adds to the newest slice. */
  async #pushNumbers(numbers: Uint32Array): Promise<void> {
    for (let index = 0; index < numbers.length; index++) {
      this.#out.pushUint32(numbers[index] ?? 0);
      if (this.#out.length >= SLICE_BYTES) await this.#writeOut();
    }
  }

  async #writeOut(): Promise<void> {
    const isFull = this.#writer.push(this.#out.bytes());
    this.#out.clear();
    if (!isFull) return;
    await this.#writer.flush();
    await this.#job.pause();
  }

  #placeOf(
    listId: number,
  ): Pick<
    Slice,
    "firstOrdinal" | "depth" | "previous" | "jump" | "jumpJump"
  > {
    const { firstOrdinalOf, older } = this.#job;
    const firstOrdinal = firstOrdinalOf(listId);
    // Nothing is before what a list begins with, a tombstone's slice aside.
    const before = firstOrdinal === 0 ? undefined : older.newest(listId);
    if (before === undefined) return { firstOrdinal, ...NO_POINTERS };
    const { pointer, slice } = before;
    const depth = slice.depth + 1;
    const jumpsEquallyFar = slice.jumpJump.segment !== NO_SEGMENT &&
      slice.depth - slice.jump.depth ===
        slice.jump.depth - slice.jumpJump.depth;
    const [jump, jumpJump] = jumpsEquallyFar
      ? [slice.jumpJump, older.at(listId, slice.jumpJump)?.jump ?? NO_SLICE]
      : [pointer, slice.jump];
    return { firstOrdinal, depth, previous: pointer, jump, jumpJump };
  }

  async #writeSamples(): Promise<void> {
    const { samples } = this.#job.memtable;
    const out = this.#out;
    out.clear();
    for (const { offset, createdAtUs } of samples) {
      out.pushUint32(offset);
      out.pushUint64(createdAtUs);
      if (out.length >= SLICE_BYTES) await this.#writeOut();
    }
    await this.#writeOut();
  }

  /** Writes pairs of hash and offset in the order of both. */
  async #writeByHash(
    columns: HashColumns,
    visit: (hash: number) => void,
  ): Promise<void> {
    const ends = new Uint32Array(2 ** BUCKET_BITS + 1);
    let counted = 0;
    for (const hash of columns.hashes) {
      const bucket = hash >>> BUCKET_SHIFT;
      ends[bucket + 1] = (ends[bucket + 1] ?? 0) + 1;
      if (++counted % HASHES_PER_PAUSE === 0) await this.#job.pause();
    }
    for (let bucket = 0; bucket < 2 ** BUCKET_BITS; bucket++) {
      ends[bucket + 1] = (ends[bucket + 1] ?? 0) + (ends[bucket] ?? 0);
    }
    const keys = await this.#spread(columns, ends);
    const out = this.#out;
    for (let bucket = 0; bucket < 2 ** BUCKET_BITS; bucket++) {
      if (ends[bucket] === ends[bucket + 1]) continue;
      const sorted = keys.subarray(ends[bucket], ends[bucket + 1]).sort();
      out.clear();
      for (const key of sorted) {
        const hash = (bucket << BUCKET_SHIFT | Math.floor(key / 2 ** 32)) >>> 0;
        visit(hash);
        out.pushUint32(hash);
        out.pushUint32(key % 2 ** 32);
      }
      if (this.#writer.push(out.bytes())) await this.#writer.flush();
      if (bucket % 8 === 7) await this.#job.pause();
    }
    out.clear();
    giveBack(keys);
    await this.#writer.flush();
  }

  /**
   * Hash and offset of each pair as one number, bucket after bucket. The
   * bucket's bits left out, the two are exact in a double.
   */
  async #spread(
    { hashes, offsets }: HashColumns,
    ends: Uint32Array,
  ): Promise<Float64Array<ArrayBuffer>> {
    const keys = new Float64Array(hashes.length);
    const next = ends.slice();
    for (let index = 0; index < hashes.length; index++) {
      const hash = hashes[index] ?? 0;
      const at = next[hash >>> BUCKET_SHIFT] ?? 0;
      next[hash >>> BUCKET_SHIFT] = at + 1;
      keys[at] = (hash & (2 ** BUCKET_SHIFT - 1)) * 2 ** 32 +
        (offsets[index] ?? 0);
      if (index % HASHES_PER_PAUSE === HASHES_PER_PAUSE - 1) {
        await this.#job.pause();
      }
    }
    return keys;
  }
}

/** A slice's numbers if fewer than half of its entries are left. */
function sparseNumbers(offsets: Uint32Array): Uint32Array | undefined {
  const left: number[] = [];
  for (let index = 0; index < offsets.length; index++) {
    if (offsets[index] !== GONE_OFFSET) left.push(index);
  }
  if (left.length * 2 >= offsets.length) return undefined;
  const numbers = new Uint32Array(1 + left.length * 2);
  numbers[0] = left.length;
  numbers.set(left, 1);
  numbers.set(left.map((index) => offsets[index] ?? 0), 1 + left.length);
  return numbers;
}
