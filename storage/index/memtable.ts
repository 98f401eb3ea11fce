/**
 * The index of one segment in memory: per list, where its records are; by
 * event id, which record it is; and now and then a record's time and place.
 * The active segment has one, and a sealed one until its index file is there.
 *
 * Offsets are bytes from the start of the segment's file.
 *
 * @module
 */

import { IdTable } from "./id_table.ts";

/** Sizes of an arena's blocks are powers of two from 2⁰ on. */
const BLOCK_CLASSES = 32;
/** A sample of place and time is kept for each so many records. */
const RECORDS_PER_SAMPLE = 128;

/** Place and time of a record. */
export interface LogSample {
  readonly offset: number;
  readonly createdAtUs: number;
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
  /** Ids of lists with entries, in the order of their first one. */
  lists: number[] = [];
  /** Ids of streams whose tombstone is in this segment. */
  tombstoned: number[] = [];

  /** Enters a record that the segment holds at `offset`. */
  addRecord(offset: number, createdAtUs: number): void {
    if (this.recordCount % RECORDS_PER_SAMPLE === 0) {
      this.samples.push({ offset, createdAtUs });
    }
    this.recordCount++;
  }

  /** Enters the record at `offset` at the end of a list. */
  addToList(listId: number, offset: number): void {
    if (listId >= this.#lengths.length) this.#growLists(listId);
    const length = this.#lengths[listId] ?? 0;
    if (length === 0) {
      this.lists.push(listId);
      this.#starts[listId] = this.#allocate(0);
    } else if ((length & (length - 1)) === 0) {
      this.#moveToLarger(listId, length);
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

  /** Offsets of all the list's entries in this segment; a view, not a copy. */
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
    this.lists = this.lists.filter((listId) => this.lengthOf(listId) > 0);
    this.tombstoned = this.tombstoned.filter(isTombstoned);
    while ((this.samples[this.samples.length - 1]?.offset ?? -1) >= offset) {
      this.samples.pop();
    }
    let count = this.ids.size;
    while (count > 0 && this.ids.offsetAt(count - 1) >= offset) count--;
    this.ids.truncate(count);
    this.recordCount = count;
  }

  /** A block is full when the length is a power of two: doubles it. */
  #moveToLarger(listId: number, length: number): void {
    const blockClass = 31 - Math.clz32(length);
    const from = this.#starts[listId] ?? 0;
    const to = this.#allocate(blockClass + 1);
    this.#arena.copyWithin(to, from, from + length);
    this.#starts[listId] = to;
    this.#free[blockClass]?.push(from);
  }

  #allocate(blockClass: number): number {
    const reused = this.#free[blockClass]?.pop();
    if (reused !== undefined) return reused;
    const start = this.#arenaEnd;
    this.#arenaEnd += 2 ** blockClass;
    if (this.#arenaEnd > this.#arena.length) {
      const grown = new Uint32Array(
        Math.max(this.#arenaEnd, this.#arena.length * 2),
      );
      grown.set(this.#arena);
      this.#arena = grown;
    }
    return start;
  }

  #growLists(listId: number): void {
    const capacity = Math.max(listId + 1, this.#lengths.length * 2);
    const lengths = new Uint32Array(capacity);
    lengths.set(this.#lengths);
    const starts = new Uint32Array(capacity);
    starts.set(this.#starts);
    this.#lengths = lengths;
    this.#starts = starts;
  }
}
