/**
 * The index of one segment in memory: per list, where its records are; by
 * event id, which record it is; and now and then a record's time and place.
 * The active segment has one, and a sealed one until its index file is there.
 *
 * Offsets are bytes from the start of the segment's file.
 *
 * @module
 */

import { giveBack } from "../log/bytes.ts";
import { IdTable } from "./id_table.ts";
import { Uint32List } from "./uint32_list.ts";

/** Sizes of an arena's blocks are powers of two from 2⁰ on. */
const BLOCK_CLASSES = 32;
/** A sample of place and time is kept for each so many records. */
const RECORDS_PER_SAMPLE = 128;

/** Place and time of a record. */
export interface LogSample {
  readonly offset: number;
  readonly createdAtUs: number;
}

/** What a memtable holds, as a file keeps it. */
interface MemtableDump {
  /** Ids of lists with entries, in the order of their first one. */
  readonly lists: Uint32Array;
  /** How many each of them has. */
  readonly lengths: Uint32Array;
  /** All of them, list by list. */
  readonly entries: Uint32Array;
  readonly tombstoned: Uint32Array;
  readonly sampleOffsets: Uint32Array;
  readonly sampleTimes: Float64Array;
  /** Number of records. */
  readonly recordCount: number;
  /**
   * Hash of each record's id, and where the record is; by that place. Longer
   * than there are records: as long as some power of two.
   */
  readonly idHashes: Uint32Array<ArrayBuffer>;
  readonly idOffsets: Uint32Array<ArrayBuffer>;
}

/**
 * Per list, a growing array of offsets. All arrays live in one, in blocks of
 * powers of two; a block that grew too small is reused for other lists.
 */
export class Memtable {
  readonly ids = new IdTable();
  /** Places and times of every 128th record, in the order of the log. */
  readonly samples: LogSample[] = [];
  recordCount = 0;

  #arena = new Uint32Array(1 << 12);
  #arenaEnd = 0;
  /** Freed blocks by class. */
  readonly #free: number[][] = Array.from({ length: BLOCK_CLASSES }, () => []);
  #starts = new Uint32Array(1 << 10);
  #lengths = new Uint32Array(1 << 10);
  readonly #lists = new Uint32List();
  /** Ids of streams whose tombstone is in this segment. */
  tombstoned: number[] = [];

  /** A memtable as it was when it was written down. */
  static from(dump: MemtableDump): Memtable {
    const { lists, lengths, entries } = dump;
    const memtable = new Memtable();
    memtable.#restoreLists(lists, lengths, entries);
    memtable.tombstoned = Array.from(dump.tombstoned);
    for (let index = 0; index < dump.sampleOffsets.length; index++) {
      memtable.samples.push({
        offset: dump.sampleOffsets[index] ?? 0,
        createdAtUs: dump.sampleTimes[index] ?? 0,
      });
    }
    memtable.recordCount = dump.recordCount;
    memtable.ids.restore(dump.idHashes, dump.idOffsets, dump.recordCount);
    return memtable;
  }

  /**
   * Ids of lists with entries, in the order of their first one: a view that
   * holds until entries are taken back.
   */
  get lists(): Uint32Array<ArrayBuffer> {
    return this.#lists.values();
  }

  /** Makes room for as much as another one holds: nothing moves until then. */
  reserveAs(other: Memtable): void {
    this.ids.reserve(other.recordCount);
    this.#lists.reserve(other.#lists.length);
    this.#reserve(other.#lengths.length, other.#arenaEnd);
  }

  /** Makes room for records that are in three or four lists each. */
  reserve(
    records: { readonly count: number; readonly listCount: number },
  ): void {
    this.ids.reserve(records.count);
    this.#lists.reserve(Math.min(records.count, records.listCount));
    this.#reserve(records.listCount, records.count * 4);
  }

  #reserve(listCount: number, arenaLength: number): void {
    if (this.#arena.length < arenaLength) {
      this.#arena = grownTo(arenaLength, this.#arena);
    }
    if (this.#lengths.length < listCount) this.#growLists(listCount - 1);
  }

  /** Forgets everything, and keeps the memory for what comes. */
  clear(): void {
    this.#lengths.fill(0);
    this.#lists.length = 0;
    this.tombstoned = [];
    this.samples.length = 0;
    this.recordCount = 0;
    this.ids.truncate(0);
    this.#arenaEnd = 0;
    for (const blocks of this.#free) blocks.length = 0;
  }

  /** Gives the memory back; it cannot be used any more. */
  giveBack(): void {
    giveBack(this.#arena);
    giveBack(this.#starts);
    giveBack(this.#lengths);
    this.ids.giveBack();
  }

  /** Entries of all lists, in the order of `lists`, in parts of that length. */
  *entryParts(partLength: number): Generator<Uint32Array<ArrayBuffer>> {
    let part = new Uint32Array(partLength);
    let filled = 0;
    for (const listId of this.lists) {
      const start = this.#starts[listId] ?? 0;
      const end = start + this.lengthOf(listId);
      for (let at = start; at < end; at++) {
        part[filled++] = this.#arena[at] ?? 0;
        if (filled < partLength) continue;
        yield part;
        part = new Uint32Array(partLength);
        filled = 0;
      }
    }
    yield part.subarray(0, filled);
  }

  /** Enters a record that the segment holds at `offset`. */
  addRecord(offset: number, createdAtUs: number): void {
    if (this.recordCount % RECORDS_PER_SAMPLE === 0) {
      this.samples.push({ offset, createdAtUs });
    }
    this.recordCount++;
  }

  /**
   * Enters the records at the first `count` of `offsets`, one or more, at the
   * end of a list.
   */
  addRunToList(listId: number, offsets: Uint32Array, count: number): void {
    if (listId >= this.#lengths.length) this.#growLists(listId);
    const length = this.#lengths[listId] ?? 0;
    const newLength = length + count;
    if (length === 0) {
      this.#lists.push(listId);
      this.#starts[listId] = this.#allocate(classOf(newLength));
    } else if (classOf(newLength) > classOf(length)) {
      this.#moveToLarger(listId, length, classOf(newLength));
    }
    const arena = this.#arena;
    const to = (this.#starts[listId] ?? 0) + length;
    for (let index = 0; index < count; index++) {
      arena[to + index] = offsets[index] ?? 0;
    }
    this.#lengths[listId] = newLength;
  }

  /** Enters the record at `offset` at the end of a list. */
  addToList(listId: number, offset: number): void {
    if (listId >= this.#lengths.length) this.#growLists(listId);
    const length = this.#lengths[listId] ?? 0;
    if (length === 0) {
      this.#lists.push(listId);
      this.#starts[listId] = this.#allocate(0);
    } else if ((length & (length - 1)) === 0) {
      this.#moveToLarger(listId, length, classOf(length) + 1);
    }
    this.#arena[(this.#starts[listId] ?? 0) + length] = offset;
    this.#lengths[listId] = length + 1;
  }

  /** How many of the list's entries are in this segment. */
  lengthOf(listId: number): number {
    return this.#lengths[listId] ?? 0;
  }

  /** Offset of the list's entry with the given index in this segment. */
  offsetAt(listId: number, index: number): number {
    return this.#arena[(this.#starts[listId] ?? 0) + index] ?? 0;
  }

  /**
   * Offsets of all the list's entries in this segment; a view, not a copy,
   * which holds until the next entry is added.
   */
  offsetsOf(listId: number): Uint32Array {
    const start = this.#starts[listId] ?? 0;
    return this.#arena.subarray(start, start + this.lengthOf(listId));
  }

  /**
   * Takes back the entries of records from `offset` on: they were written in
   * vain.
   *
   * @param isTombstoned Whether a stream's tombstone is among those that stay.
   */
  truncate(offset: number, isTombstoned: (listId: number) => boolean): void {
    for (const listId of this.lists) {
      let length = this.lengthOf(listId);
      while (length > 0 && this.offsetAt(listId, length - 1) >= offset) {
        length--;
      }
      this.#lengths[listId] = length;
    }
    this.#lists.keep((listId) => this.lengthOf(listId) > 0);
    this.tombstoned = this.tombstoned.filter(isTombstoned);
    while ((this.samples[this.samples.length - 1]?.offset ?? -1) >= offset) {
      this.samples.pop();
    }
    let count = this.ids.size;
    while (count > 0 && this.ids.offsetAt(count - 1) >= offset) count--;
    this.ids.truncate(count);
    this.recordCount = count;
  }

  #restoreLists(
    lists: Uint32Array,
    lengths: Uint32Array,
    entries: Uint32Array,
  ): void {
    this.#lists.assign(lists);
    let arenaLength = 0;
    let listIdMax = 0;
    for (let index = 0; index < lists.length; index++) {
      arenaLength += 2 ** classOf(lengths[index] ?? 0);
      listIdMax = Math.max(listIdMax, lists[index] ?? 0);
    }
    this.#arena = new Uint32Array(arenaLength + (arenaLength >>> 3) + 4096);
    this.#growLists(listIdMax);
    let from = 0;
    for (let index = 0; index < lists.length; index++) {
      const listId = lists[index] ?? 0;
      const length = lengths[index] ?? 0;
      const start = this.#allocate(classOf(length));
      this.#starts[listId] = start;
      this.#lengths[listId] = length;
      for (let at = 0; at < length; at++) {
        this.#arena[start + at] = entries[from + at] ?? 0;
      }
      from += length;
    }
  }

  /** Moves a list of that length to a block of a larger class. */
  #moveToLarger(listId: number, length: number, blockClass: number): void {
    const from = this.#starts[listId] ?? 0;
    const to = this.#allocate(blockClass);
    this.#arena.copyWithin(to, from, from + length);
    this.#starts[listId] = to;
    this.#free[classOf(length)]?.push(from);
  }

  #allocate(blockClass: number): number {
    const reused = this.#free[blockClass]?.pop();
    if (reused !== undefined) return reused;
    const start = this.#arenaEnd;
    this.#arenaEnd += 2 ** blockClass;
    if (this.#arenaEnd > this.#arena.length) {
      const length = Math.max(this.#arenaEnd, this.#arena.length * 2);
      this.#arena = grownTo(length, this.#arena);
    }
    return start;
  }

  #growLists(listId: number): void {
    const capacity = Math.max(
      listId + 1,
      Math.ceil(this.#lengths.length * 1.5),
    );
    this.#lengths = grownTo(capacity, this.#lengths);
    this.#starts = grownTo(capacity, this.#starts);
  }
}

function grownTo(
  length: number,
  from: Uint32Array<ArrayBuffer>,
): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(length);
  grown.set(from);
  giveBack(from);
  return grown;
}

/** Class of the block that so many entries are in. */
function classOf(length: number): number {
  return length <= 1 ? 0 : 32 - Math.clz32(length - 1);
}
