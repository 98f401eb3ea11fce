/**
 * A copy of what the index file of a segment is made of, for another thread.
 * Lists are numbered in the order of the file, from 0 on.
 *
 * @module
 */

import type { IndexContent } from "./index_writer.ts";
import { listIdsOf, type SealedTable } from "./index_builder.ts";
import { type ListDirectory, NameBytes } from "./list_directory.ts";
import type { MemtableDump } from "./memtable.ts";
import type { PlacedLists } from "./older_files.ts";

/** Lists that are copied between two pauses. */
const LISTS_PER_PAUSE = 2048;

/** Lists, column by column. */
export interface ListColumns {
  readonly names: {
    readonly count: number;
    readonly bytes: Uint8Array<ArrayBuffer>;
    readonly starts: Uint32Array<ArrayBuffer>;
  };
  readonly kinds: Uint8Array<ArrayBuffer>;
  readonly firstOrdinals: Float64Array<ArrayBuffer>;
  readonly lastSegment: Uint32Array<ArrayBuffer>;
  readonly lastSlice: Uint32Array<ArrayBuffer>;
}

/** The data that another thread needs. */
export interface SealedCopy {
  readonly memtable: MemtableDump;
  readonly lists: ListColumns;
}

/**
 * Makes the copy.
 *
 * @param content Of a segment that is not written any more.
 * @param pause Lets others work.
 */
export async function copySealed(
  content: IndexContent & { readonly lists: ListDirectory },
  pause: () => Promise<void>,
): Promise<SealedCopy> {
  const { memtable, lists, firstOrdinalOf } = content;
  const listIds = listIdsOf(memtable);
  const count = listIds.length;
  const kinds = new Uint8Array(count);
  const firstOrdinals = new Float64Array(count);
  const lastSegment = new Uint32Array(count);
  const lastSlice = new Uint32Array(count);
  const starts = new Uint32Array(count + 1);
  const lengths = new Uint32Array(memtable.lists.length);
  const tombstonedIds = new Set(memtable.tombstoned);
  const tombstoned: number[] = [];
  let entryCount = 0;
  for (const [index, listId] of listIds.entries()) {
    kinds[index] = lists.kinds[listId] ?? 0;
    firstOrdinals[index] = firstOrdinalOf(listId);
    lastSegment[index] = lists.lastSegment[listId] ?? 0;
    lastSlice[index] = lists.lastSlice[listId] ?? 0;
    starts[index + 1] = (starts[index] ?? 0) +
      lists.names.bytesOf(listId).length;
    if (index < lengths.length) lengths[index] = memtable.lengthOf(listId);
    entryCount += memtable.lengthOf(listId);
    if (tombstonedIds.has(listId)) tombstoned.push(index);
    if (index % LISTS_PER_PAUSE === LISTS_PER_PAUSE - 1) await pause();
  }
  const bytes = new Uint8Array(starts[count] ?? 0);
  const entries = new Uint32Array(entryCount);
  let entryAt = 0;
  for (const [index, listId] of listIds.entries()) {
    bytes.set(lists.names.bytesOf(listId), starts[index]);
    entries.set(memtable.offsetsOf(listId), entryAt);
    entryAt += memtable.lengthOf(listId);
    if (index % LISTS_PER_PAUSE === LISTS_PER_PAUSE - 1) await pause();
  }
  const { samples, recordCount } = memtable;
  const ids = memtable.ids.columns();
  return {
    memtable: {
      lists: Uint32Array.from(lengths.keys()),
      lengths,
      entries,
      tombstoned: Uint32Array.from(tombstoned),
      sampleOffsets: Uint32Array.from(samples, ({ offset }) => offset),
      sampleTimes: Float64Array.from(samples, (sample) => sample.createdAtUs),
      recordCount,
      idHashes: ids.hashes.slice() as Uint32Array<ArrayBuffer>,
      idOffsets: ids.offsets.slice() as Uint32Array<ArrayBuffer>,
    },
    lists: {
      names: { count, bytes, starts },
      kinds,
      firstOrdinals,
      lastSegment,
      lastSlice,
    },
  };
}

/** A copy as the builder of index files reads it. */
export function readCopy({ memtable, lists }: SealedCopy): {
  readonly memtable: SealedTable;
  readonly lists: PlacedLists;
  readonly firstOrdinalOf: (listId: number) => number;
} {
  const { lengths, entries, sampleTimes } = memtable;
  const starts = new Uint32Array(lengths.length);
  for (let id = 1; id < starts.length; id++) {
    starts[id] = (starts[id - 1] ?? 0) + (lengths[id - 1] ?? 0);
  }
  const lengthOf = (id: number) => lengths[id] ?? 0;
  const startOf = (id: number) => starts[id] ?? 0;
  const { idHashes: hashes, idOffsets: offsets } = memtable;
  return {
    memtable: {
      lists: memtable.lists,
      tombstoned: Array.from(memtable.tombstoned),
      recordCount: memtable.recordCount,
      lengthOf,
      offsetsOf: (id) =>
        entries.subarray(startOf(id), startOf(id) + lengthOf(id)),
      samples: Array.from(memtable.sampleOffsets, (offset, index) => ({
        offset,
        createdAtUs: sampleTimes[index] ?? 0,
      })),
      ids: { size: hashes.length, columns: () => ({ hashes, offsets }) },
    },
    lists: { ...lists, names: new NameBytes(lists.names) },
    firstOrdinalOf: (id) => lists.firstOrdinals[id] ?? 0,
  };
}

/** The memory of a copy, to be handed over. */
export function buffersOf({ memtable, lists }: SealedCopy): ArrayBuffer[] {
  const { bytes, starts } = lists.names;
  return [bytes, starts, ...Object.values(memtable), ...Object.values(lists)]
    .flatMap((column) =>
      ArrayBuffer.isView(column) && column.buffer instanceof ArrayBuffer
        ? [column.buffer]
        : []
    );
}
