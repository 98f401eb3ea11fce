/**
 * What an index file is made from, taken out of a memtable part by part. Each
 * part is a copy, or a view of what does not change any more, and short work.
 *
 * @module
 */

import { invariant } from "../../lib/model/errors.ts";
import { GrowingBytes } from "../log/bytes.ts";
import { GONE_OFFSET, SLICE_SPARSE } from "./index_file.ts";
import type { IdRun, IndexPart, ListRun, SampleRun } from "./index_maker.ts";
import { LIST_TOMBSTONED, type ListDirectory } from "./list_directory.ts";
import type { Memtable } from "./memtable.ts";

/** Lists in a run, at most. */
const LISTS_PER_RUN = 2048;
/** Entries of lists in a run, at most. */
const NUMBERS_PER_RUN = 32 * 1024;
const IDS_PER_RUN = 64 * 1024;
const SAMPLES_PER_RUN = 16 * 1024;

interface PartsSource {
  readonly memtable: Memtable;
  readonly lists: ListDirectory;
  /** Whether entries may be gone. */
  readonly isScavenged: boolean;
  /** Ordinal of the list's first entry in the segment. */
  readonly firstOrdinalOf: (listId: number) => number;
}

/** Ids of the lists that have a slice, in the order of the file. */
export function listIdsOf(memtable: Memtable): Uint32Array {
  const { lists, tombstoned } = memtable;
  // A stream of which only the tombstone is here has a slice without entries.
  const withoutEntries = tombstoned.filter((id) => memtable.lengthOf(id) === 0);
  const ids = new Uint32Array(lists.length + withoutEntries.length);
  ids.set(lists);
  ids.set(withoutEntries, lists.length);
  return ids;
}

/** All parts, in their order. */
export function* indexPartsOf(
  listIds: Uint32Array,
  source: PartsSource,
): Generator<IndexPart> {
  yield* listRunsOf(listIds, source);
  yield* idRunsOf(source.memtable);
  yield* sampleRunsOf(source.memtable);
}

function* listRunsOf(
  listIds: Uint32Array,
  source: PartsSource,
): Generator<ListRun> {
  const { memtable, isScavenged } = source;
  const tombstoned = new Set(memtable.tombstoned);
  const run = new RunBuilder(source);
  for (const listId of listIds) {
    if (run.isFull) yield run.take();
    const offsets = memtable.offsetsOf(listId);
    const sparse = isScavenged ? sparseNumbers(offsets) : undefined;
    const numbers = sparse ?? offsets;
    run.add(listId, {
      // Of this segment alone: made again later, the file must be the same.
      flags: (tombstoned.has(listId) ? LIST_TOMBSTONED : 0) |
        (sparse === undefined ? 0 : SLICE_SPARSE),
      count: offsets.length,
      numberCount: numbers.length,
    });
    let taken = run.push(numbers, 0);
    while (taken < numbers.length) {
      yield run.take();
      taken = run.push(numbers, taken);
    }
  }
  if (!run.isEmpty) yield run.take();
}

/** What a slice holds if fewer than half of its entries are left. */
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

/** The run that is being filled; its columns serve run after run. */
class RunBuilder {
  readonly #source: PartsSource;
  #count = 0;
  #numberCount = 0;
  readonly #listIds = new Uint32Array(LISTS_PER_RUN);
  readonly #kinds = new Uint8Array(LISTS_PER_RUN);
  readonly #flags = new Uint8Array(LISTS_PER_RUN);
  readonly #names = new GrowingBytes(64 * 1024);
  readonly #nameEnds = new Uint32Array(LISTS_PER_RUN);
  readonly #firstOrdinals = new Float64Array(LISTS_PER_RUN);
  readonly #counts = new Uint32Array(LISTS_PER_RUN);
  readonly #lastSegments = new Uint32Array(LISTS_PER_RUN);
  readonly #lastSlices = new Uint32Array(LISTS_PER_RUN);
  readonly #numberCounts = new Uint32Array(LISTS_PER_RUN);
  readonly #numbers = new Uint32Array(NUMBERS_PER_RUN);

  constructor(source: PartsSource) {
    this.#source = source;
  }

  get isEmpty(): boolean {
    return this.#count === 0 && this.#numberCount === 0;
  }

  get isFull(): boolean {
    return this.#count === LISTS_PER_RUN ||
      this.#numberCount === NUMBERS_PER_RUN;
  }

  add(
    listId: number,
    { flags, count, numberCount }: {
      flags: number;
      count: number;
      numberCount: number;
    },
  ): void {
    const { lists, firstOrdinalOf } = this.#source;
    const at = this.#count++;
    this.#listIds[at] = listId;
    this.#kinds[at] = lists.kinds[listId] ?? 0;
    this.#flags[at] = flags;
    this.#names.push(lists.names.bytesOf(listId));
    this.#nameEnds[at] = this.#names.length;
    this.#firstOrdinals[at] = firstOrdinalOf(listId);
    this.#counts[at] = count;
    this.#lastSegments[at] = lists.lastSegment[listId] ?? 0;
    this.#lastSlices[at] = lists.lastSlice[listId] ?? 0;
    this.#numberCounts[at] = numberCount;
  }

  /** Takes numbers of the list added last; returns how many there are now. */
  push(numbers: Uint32Array, from: number): number {
    const count = Math.min(
      numbers.length - from,
      NUMBERS_PER_RUN - this.#numberCount,
    );
    for (let index = 0; index < count; index++) {
      this.#numbers[this.#numberCount + index] = numbers[from + index] ?? 0;
    }
    this.#numberCount += count;
    return from + count;
  }

  take(): ListRun {
    const count = this.#count;
    const run: ListRun = {
      type: "lists",
      listIds: this.#listIds.slice(0, count),
      kinds: this.#kinds.slice(0, count),
      flags: this.#flags.slice(0, count),
      names: new Uint8Array(this.#names.bytes()),
      nameEnds: this.#nameEnds.slice(0, count),
      firstOrdinals: this.#firstOrdinals.slice(0, count),
      counts: this.#counts.slice(0, count),
      lastSegments: this.#lastSegments.slice(0, count),
      lastSlices: this.#lastSlices.slice(0, count),
      numberCounts: this.#numberCounts.slice(0, count),
      numbers: this.#numbers.slice(0, this.#numberCount),
    };
    this.#count = 0;
    this.#numberCount = 0;
    this.#names.clear();
    return run;
  }
}

function* idRunsOf({ ids, recordCount }: Memtable): Generator<IdRun> {
  invariant(ids.size === recordCount, "Each record has one id");
  const { hashes, offsets } = ids.columns();
  for (let from = 0; from < hashes.length; from += IDS_PER_RUN) {
    const to = from + IDS_PER_RUN;
    yield {
      type: "ids",
      hashes: hashes.subarray(from, to),
      offsets: offsets.subarray(from, to),
    };
  }
}

function* sampleRunsOf({ samples }: Memtable): Generator<SampleRun> {
  for (let from = 0; from < samples.length; from += SAMPLES_PER_RUN) {
    const run = samples.slice(from, from + SAMPLES_PER_RUN);
    yield {
      type: "samples",
      offsets: Uint32Array.from(run, ({ offset }) => offset),
      times: Float64Array.from(run, ({ createdAtUs }) => createdAtUs),
    };
  }
}
