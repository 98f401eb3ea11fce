/**
 * The index of the whole store: which log position an ordinal of a list has,
 * and which records may carry an event id. It asks the memtables of the
 * segments that have no index file yet, newest first, then the index files.
 *
 * @module
 */

import { join } from "@std/path";
import { invariant, QuipuError } from "../../lib/model/errors.ts";
import type { Disk } from "../disk/disk.ts";
import { encodeUtf8 } from "../log/bytes.ts";
import {
  type OpenFiles,
  positionOf,
  type Segment,
  segmentPath,
} from "../log/segment.ts";
import { BlockCache } from "./blocked_file.ts";
import { LIST_KINDS, ListDirectory, NO_SEGMENT } from "./list_directory.ts";
import type { Slice, SlicePointer } from "./index_file.ts";
import {
  type HeadsSnapshot,
  openHeadsSnapshot,
  writeHeadsSnapshot,
} from "./heads_snapshot.ts";
import { writeIndexFile } from "./index_writer.ts";
import { type LogSample, Memtable } from "./memtable.ts";
import { openSealedIndex, type SealedIndex } from "./sealed_index.ts";

/** Positions of consecutive entries of a list that lie in one segment. */
export interface PositionRun {
  readonly segment: Segment;
  /** In the order asked for. */
  readonly positions: readonly number[];
  /** Ordinal of the first of them. */
  readonly ordinal: number;
}

const SNAPSHOT_NAME = "heads.snap";

interface UnsealedSegment {
  readonly segment: Segment;
  readonly memtable: Memtable;
}

export interface StoreIndexOptions {
  readonly disk: Disk;
  readonly files: OpenFiles;
  readonly storeDirectory: string;
  readonly logDirectory: string;
  readonly blockCacheBytes: number;
  readonly idFilterBytesMax: number;
}

export class StoreIndex {
  readonly lists = new ListDirectory();
  readonly #options: StoreIndexOptions;
  readonly #cache: BlockCache;
  /** Segments without an index file, oldest first; the last is active. */
  readonly #unsealed: UnsealedSegment[] = [];
  /** Sealed segments by number, oldest first. */
  readonly #sealed = new Map<
    number,
    { segment: Segment; index: SealedIndex }
  >();
  #filterBytes = 0;

  constructor(options: StoreIndexOptions) {
    this.#options = options;
    this.#cache = new BlockCache(options.blockCacheBytes);
  }

  /** Memtable of the active segment. */
  get active(): Memtable {
    const last = this.#unsealed[this.#unsealed.length - 1];
    invariant(last !== undefined, "The store has an active segment");
    return last.memtable;
  }

  /** How many segments have no index file, the active one included. */
  get unsealedCount(): number {
    return this.#unsealed.length;
  }

  /** Adds a segment that has no index file, newer than all others. */
  addUnsealed(segment: Segment): Memtable {
    const memtable = new Memtable();
    this.#unsealed.push({ segment, memtable });
    return memtable;
  }

  /** Opens the index file of a sealed segment; false when it is to be made. */
  addSealed(segment: Segment, storeId: string): boolean {
    const { files, logDirectory } = this.#options;
    const path = segmentPath(logDirectory, segment, "idx");
    let index: SealedIndex | undefined;
    try {
      index = openSealedIndex(
        () => files.open(path),
        this.#cache,
        segment.number,
      );
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    const isOfSegment = index !== undefined &&
      index.footer.storeId === storeId &&
      index.footer.segmentNumber === segment.number &&
      index.footer.generation === segment.generation &&
      index.footer.startPosition === segment.startPosition;
    if (index === undefined || !isOfSegment) {
      files.forget(path);
      return false;
    }
    segment.endPosition = index.footer.endPosition;
    segment.checksum = index.footer.checksum;
    this.#addSealedIndex(segment, index);
    return true;
  }

  #addSealedIndex(segment: Segment, index: SealedIndex): void {
    if (
      this.#filterBytes + index.filterBytes <= this.#options.idFilterBytesMax
    ) {
      index.loadFilter();
      this.#filterBytes += index.filterBytes;
    }
    this.#sealed.set(segment.number, { segment, index });
  }

  /** Enters what an index file says of its lists: where they end. */
  enterSealed(segmentNumber: number): void {
    const { lists } = this;
    for (
      const { slice, offset, name } of this.#sealedIndex(segmentNumber).walk()
    ) {
      const kind = LIST_KINDS[slice.kind];
      invariant(kind !== undefined, "A slice has a kind");
      const id = lists.findOrCreate(kind, name);
      if (slice.count > 0) {
        lists.visibleNext[id] = slice.firstOrdinal + slice.count;
        lists.decidedNext[id] = slice.firstOrdinal + slice.count;
      }
      lists.lastSegment[id] = segmentNumber;
      lists.lastSlice[id] = offset;
      const flags = (lists.visibleFlags[id] ?? 0) | slice.flags;
      lists.visibleFlags[id] = flags;
      lists.decidedFlags[id] = flags;
    }
  }

  /**
   * Writes the index file of the oldest segment that waits for it, which must
   * not be written any more.
   *
   * @param pause Lets others work.
   * @returns The segment; undefined when none waits.
   */
  async sealOldest(
    storeId: string,
    pause: () => Promise<void>,
  ): Promise<Segment | undefined> {
    const oldest = this.#unsealed[0];
    if (oldest === undefined) return undefined;
    const { segment, memtable } = oldest;
    const { disk, files, logDirectory } = this.#options;
    const path = segmentPath(logDirectory, segment, "idx");
    const sliceOffsets = await writeIndexFile({
      disk,
      directoryPath: logDirectory,
      path,
      storeId,
      segment,
      memtable,
      lists: this.lists,
      firstOrdinalOf: (listId) => this.#firstOrdinalIn(listId, 0),
      previousSliceOf: (listId) => this.#newestSlice(listId),
      sliceAt: (pointer) => this.#slice(pointer),
      pause,
    });
    const index = openSealedIndex(
      () => files.open(path),
      this.#cache,
      segment.number,
    );
    invariant(index !== undefined, "An index file just written can be read");
    for (const [listId, offset] of sliceOffsets) {
      this.lists.lastSegment[listId] = segment.number;
      this.lists.lastSlice[listId] = offset;
    }
    this.#addSealedIndex(segment, index);
    this.#unsealed.shift();
    return segment;
  }

  /** Writes where the lists end as of the newest sealed segment. */
  async writeSnapshot(
    storeId: string,
    pause: () => Promise<void>,
  ): Promise<void> {
    const newest = [...this.#sealed.values()].at(-1);
    if (newest === undefined) return;
    const { disk, storeDirectory } = this.#options;
    await writeHeadsSnapshot({
      disk,
      directory: storeDirectory,
      path: join(storeDirectory, SNAPSHOT_NAME),
      storeId,
      segment: newest.segment,
      lists: this.lists,
      sealedNextOf: (listId) => this.#firstOrdinalIn(listId, 0),
      pause,
    });
  }

  /** Opens what `writeSnapshot` wrote; undefined if it cannot be used. */
  openSnapshot(): HeadsSnapshot | undefined {
    const { disk, storeDirectory } = this.#options;
    return openHeadsSnapshot(disk, join(storeDirectory, SNAPSHOT_NAME));
  }

  /**
   * Log positions of a list's entries, from `from` on in the direction,
   * `count` of them at most, in runs of one segment each.
   */
  *positions(
    listId: number,
    options: {
      from: number;
      count: number;
      direction: "forward" | "backward";
    },
  ): Generator<PositionRun> {
    const step = options.direction === "forward" ? 1 : -1;
    let ordinal = options.from;
    let left = options.count;
    while (left > 0) {
      const place = this.#placeOf(listId, ordinal);
      if (place === undefined) return;
      const { segment, firstOrdinal, count } = place;
      const room = step > 0
        ? firstOrdinal + count - ordinal
        : ordinal - firstOrdinal + 1;
      const take = Math.min(left, room);
      const positions = new Array<number>(take);
      for (let index = 0; index < take; index++) {
        const offset = place.offsetAt(ordinal + step * index - firstOrdinal);
        positions[index] = positionOf(segment, offset);
      }
      yield { segment, positions, ordinal };
      ordinal += step * take;
      left -= take;
    }
  }

  /** Segment and log position of one entry; undefined if there is none. */
  locate(
    listId: number,
    ordinal: number,
  ): { segment: Segment; position: number } | undefined {
    const place = this.#placeOf(listId, ordinal);
    if (place === undefined) return undefined;
    const offset = place.offsetAt(ordinal - place.firstOrdinal);
    return {
      segment: place.segment,
      position: positionOf(place.segment, offset),
    };
  }

  /**
   * Position of the first-written record whose (stream, id) has that hash and
   * that `matches` accepts.
   *
   * @param listId The stream: segments from before its first one are skipped.
   */
  findId(
    listId: number,
    hash: number,
    matches: (segment: Segment, position: number) => boolean,
  ): number | undefined {
    if (this.lists.lastSegment[listId] !== NO_SEGMENT) {
      for (const { segment, index } of this.#sealed.values()) {
        const offset = index.findId(
          hash,
          (candidate) => matches(segment, positionOf(segment, candidate)),
        );
        if (offset !== undefined) return positionOf(segment, offset);
      }
    }
    for (const { segment, memtable } of this.#unsealed) {
      const offset = memtable.ids.find(
        hash,
        (candidate) => matches(segment, positionOf(segment, candidate)),
      );
      if (offset !== undefined) return positionOf(segment, offset);
    }
    return undefined;
  }

  /**
   * Position of a record at or before `position` in the segment, near it;
   * undefined when the segment has none there.
   */
  recordNear(segment: Segment, position: number): number | undefined {
    const offset = position - positionOf(segment, 0);
    const sample = this.#withSamples(
      segment,
      (samples) => samples.findLast((sample) => sample.offset <= offset),
      (index) => index.sampleAt(offset),
    );
    return sample === undefined
      ? undefined
      : positionOf(segment, sample.offset);
  }

  /** Position of a record older than the time, near the first one that isn't. */
  recordBefore(segment: Segment, createdAtUs: number): number | undefined {
    const sample = this.#withSamples(
      segment,
      (samples) =>
        samples.findLast((sample) => sample.createdAtUs < createdAtUs),
      (index) => index.sampleBefore(createdAtUs),
    );
    return sample === undefined
      ? undefined
      : positionOf(segment, sample.offset);
  }

  #withSamples(
    segment: Segment,
    ofMemtable: (samples: readonly LogSample[]) => LogSample | undefined,
    ofIndex: (index: SealedIndex) => LogSample | undefined,
  ): LogSample | undefined {
    const sealed = this.#sealed.get(segment.number);
    if (sealed !== undefined) return ofIndex(sealed.index);
    const unsealed = this.#unsealed.find((one) => one.segment === segment);
    return unsealed === undefined
      ? undefined
      : ofMemtable(unsealed.memtable.samples);
  }

  /** Ordinal of the list's first entry in an unsealed segment. */
  #firstOrdinalIn(listId: number, unsealedIndex: number): number {
    let next = this.lists.decidedNext[listId] ?? 0;
    for (let at = this.#unsealed.length - 1; at >= unsealedIndex; at--) {
      next -= this.#unsealed[at]?.memtable.lengthOf(listId) ?? 0;
    }
    return next;
  }

  /** Where an ordinal's neighbourhood is: its part of the list in a segment. */
  #placeOf(listId: number, ordinal: number): ListPlace | undefined {
    let next = this.lists.decidedNext[listId] ?? 0;
    if (ordinal < 0 || ordinal >= next) return undefined;
    for (let at = this.#unsealed.length - 1; at >= 0; at--) {
      const unsealed = this.#unsealed[at];
      if (unsealed === undefined) break;
      const count = unsealed.memtable.lengthOf(listId);
      const firstOrdinal = next - count;
      if (ordinal >= firstOrdinal) {
        const { segment, memtable } = unsealed;
        return {
          segment,
          firstOrdinal,
          count,
          offsetAt: (index) => memtable.offsetAt(listId, index),
        };
      }
      next = firstOrdinal;
    }
    return this.#sealedPlaceOf(listId, ordinal);
  }

  #sealedPlaceOf(listId: number, ordinal: number): ListPlace | undefined {
    let found = this.#newestSlice(listId);
    while (found !== undefined && ordinal < found.slice.firstOrdinal) {
      const jump = this.#sliceOf(found.slice.jump);
      const isTooFar = jump === undefined ||
        jump.slice.firstOrdinal + jump.slice.count <= ordinal;
      found = isTooFar ? this.#sliceOf(found.slice.previous) : jump;
    }
    if (found === undefined) return undefined;
    const { slice, pointer } = found;
    if (ordinal >= slice.firstOrdinal + slice.count) return undefined;
    const sealed = this.#sealed.get(pointer.segment);
    invariant(sealed !== undefined, "A slice lies in a sealed segment");
    return {
      segment: sealed.segment,
      firstOrdinal: slice.firstOrdinal,
      count: slice.count,
      offsetAt: (index) => sealed.index.entryOf(slice, index),
    };
  }

  #newestSlice(
    listId: number,
  ): { pointer: SlicePointer; slice: Slice } | undefined {
    const segment = this.lists.lastSegment[listId] ?? NO_SEGMENT;
    if (segment === NO_SEGMENT) return undefined;
    const offset = this.lists.lastSlice[listId] ?? 0;
    const slice = this.#sealedIndex(segment).sliceAt(offset);
    if (!hasName(slice, this.lists.nameOf(listId))) {
      throw new QuipuError(
        "corruptRecord",
        `Cannot read the index of segment ${segment}: another list is where ` +
          `that of "${this.lists.nameOf(listId)}" should be`,
      );
    }
    return { pointer: { segment, offset, depth: slice.depth }, slice };
  }

  #sliceOf(
    pointer: SlicePointer,
  ): { pointer: SlicePointer; slice: Slice } | undefined {
    return pointer.segment === NO_SEGMENT
      ? undefined
      : { pointer, slice: this.#slice(pointer) };
  }

  #slice(pointer: SlicePointer): Slice {
    return this.#sealedIndex(pointer.segment).sliceAt(pointer.offset);
  }

  #sealedIndex(segmentNumber: number): SealedIndex {
    const sealed = this.#sealed.get(segmentNumber);
    if (sealed === undefined) {
      throw new QuipuError(
        "corruptRecord",
        `Cannot read the index of segment ${segmentNumber}: there is none`,
      );
    }
    return sealed.index;
  }
}

/** A list's part in one segment. */
interface ListPlace {
  readonly segment: Segment;
  readonly firstOrdinal: number;
  readonly count: number;
  /** Offset of the entry with that index in this part. */
  offsetAt(index: number): number;
}

function hasName(slice: Slice, name: string): boolean {
  const bytes = encodeUtf8(name);
  return bytes.length === slice.name.length &&
    bytes.every((byte, index) => slice.name[index] === byte);
}
