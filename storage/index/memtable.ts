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

/** The contents of a memtable as stored in a file. */
export interface MemtableDump {
  /** Ids of lists with entries, in the order of their first one. */
  readonly lists: Uint32Array<ArrayBuffer>;
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
  addBatchToList(listId: number, offsets: Uint32Array, count: number): void {
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

export class IdTable {
  /**
   * Entry index + 1 by slot; 0 for an empty slot. There are none before the
   * first id gets one: in a table that is only written down none does.
   */
  #slots = new Uint32Array(0);
  #hashes = new Uint32Array(1 << 9);
  #offsets = new Uint32Array(1 << 9);
  /** How many ids were entered. */
  size = 0;
  /** How many of them, the first ones, are in slots. */
  #linked = 0;

  /** Enters the record at `offset`. */
  add(hash: number, offset: number): void {
    this.addLater(hash, offset);
    this.link(LINKS_PER_ADD);
  }

  /**
   * Enters the record at `offset`, and leaves it to `link()` or the next
   * `find()` to give it a slot: a start that enters a million records has
   * other things to do first.
   */
  addLater(hash: number, offset: number): void {
    if (this.size === this.#hashes.length) this.reserve(this.size * 2);
    this.#hashes[this.size] = hash;
    this.#offsets[this.size] = offset;
    this.size++;
  }

  /**
   * Takes the first `size` of equally long columns of ids, by offset; they get
   * slots later.
   *
   * @param hashes As long as a power of two.
   */
  restore(
    hashes: Uint32Array<ArrayBuffer>,
    offsets: Uint32Array<ArrayBuffer>,
    size: number,
  ): void {
    this.size = size;
    this.#hashes = hashes;
    this.#offsets = offsets;
    this.#slots = new Uint32Array(0);
    this.#linked = 0;
  }

  /**
   * Hashes of all ids, and the offsets of their records, by offset: views that
   * hold until the next id is entered.
   */
  columns(): { readonly hashes: Uint32Array; readonly offsets: Uint32Array } {
    return {
      hashes: this.#hashes.subarray(0, this.size),
      offsets: this.#offsets.subarray(0, this.size),
    };
  }

  /**
   * Gives slots to at most `count` ids that have none.
   *
   * @returns Whether all have one now.
   */
  link(count: number): boolean {
    // At most half of the slots are ever taken.
    const slotCount = this.#hashes.length * 2;
    if (this.#slots.length < slotCount) {
      giveBack(this.#slots);
      this.#slots = new Uint32Array(slotCount);
    }
    const end = Math.min(this.size, this.#linked + count);
    const mask = this.#slots.length - 1;
    for (let index = this.#linked; index < end; index++) {
      let slot = (this.#hashes[index] ?? 0) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = index + 1;
    }
    this.#linked = end;
    return end === this.size;
  }

  /**
   * Offset of the first-entered record with that hash that `matches` accepts.
   */
  find(
    hash: number,
    matches: (offset: number) => boolean,
  ): number | undefined {
    this.link(this.size);
    const mask = this.#slots.length - 1;
    // Nothing is ever removed, so an earlier entry comes earlier on the way.
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] ?? 0;
      if (entry === 0) return undefined;
      if (this.#hashes[entry - 1] === hash) {
        const offset = this.#offsets[entry - 1] ?? 0;
        if (matches(offset)) return offset;
      }
    }
  }

  /** Hash of the entry with that index, in the order of the log. */
  hashAt(index: number): number {
    return this.#hashes[index] ?? 0;
  }

  offsetAt(index: number): number {
    return this.#offsets[index] ?? 0;
  }

  /** Drops the newest entries, all but the first `count`. */
  truncate(count: number): void {
    if (count >= this.size) return;
    this.size = count;
    this.#slots.fill(0);
    this.#linked = 0;
  }

  /** Gives the memory back; it cannot be used any more. */
  giveBack(): void {
    for (const array of [this.#slots, this.#hashes, this.#offsets]) {
      giveBack(array);
    }
  }

  /** Makes room for so many ids in all. */
  reserve(count: number): void {
    if (count <= this.#hashes.length) return;
    const capacity = 2 ** Math.ceil(Math.log2(count));
    const hashes = new Uint32Array(capacity);
    hashes.set(this.#hashes);
    const offsets = new Uint32Array(capacity);
    offsets.set(this.#offsets);
    giveBack(this.#hashes);
    giveBack(this.#offsets);
    this.#hashes = hashes;
    this.#offsets = offsets;
    if (this.#slots.length === 0) return;
    giveBack(this.#slots);
    this.#slots = new Uint32Array(capacity * 2);
    const linked = this.#linked;
    this.#linked = 0;
    this.link(linked);
  }
}

/** A backlog of ids without slots shrinks by one with each id that is added. */
const LINKS_PER_ADD = 2;
