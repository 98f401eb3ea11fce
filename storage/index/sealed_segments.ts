/**
 * The sealed segments of a store and their index files: where a list's older
 * entries are, found from its newest slice back over jump slices.
 *
 * @module
 */

import { invariant, QuipuError } from "../../lib/model/errors.ts";
import type { CacheStatus } from "../../lib/store/maintenance.ts";
import { readEnds } from "../log/scavenged_segment.ts";
import {
  type OpenFiles,
  positionOf,
  type Segment,
  segmentPath,
} from "../log/segment.ts";
import { BlockCache } from "./block_cache.ts";
import { SealedDigest } from "./heads_snapshot.ts";
import {
  GUESSES_MAX,
  isLikelyTooFar,
  type Slice,
  type SlicePointer,
} from "./index_file.ts";
import type { FoundSlice } from "./index_builder.ts";
import {
  LIST_KINDS,
  LIST_TOMBSTONED,
  type ListDirectory,
  NO_SEGMENT,
} from "./list_directory.ts";
import { findNamedSlice } from "./named_slice.ts";
import type { OlderIndex } from "./older_files.ts";
import {
  isIndexOf,
  openSealedIndex,
  type SealedIndex,
} from "./sealed_index.ts";

/** A list's part in one segment. */
export interface ListPlace {
  readonly segment: Segment;
  readonly firstOrdinal: number;
  readonly count: number;
  /**
   * Offset in the segment of the entry with that index in this part;
   * `GONE_OFFSET` if it is gone.
   */
  offsetAt(index: number): number;
}

interface SealedSegmentsOptions {
  readonly files: OpenFiles;
  readonly logDirectory: string;
  readonly lists: ListDirectory;
  readonly blockCacheBytes: number;
  /** Bytes of filters of event ids that are kept in memory. */
  readonly idFilterBytesMax: number;
  /** Called when an index file cannot be read: it is to be made again. */
  readonly onDamage: (segmentNumber: number) => void;
}

export class SealedSegments {
  readonly #options: SealedSegmentsOptions;
  readonly #cache: BlockCache;
  /** By number, oldest first. */
  readonly #segments = new Map<
    number,
    { segment: Segment; index: SealedIndex }
  >();
  #filterBytes = 0;
  /** Index files opened so far: each has its own key in the cache. */
  #openedCount = 0;

  constructor(options: SealedSegmentsOptions) {
    this.#options = options;
    this.#cache = new BlockCache(options.blockCacheBytes);
  }

  /** How often a block of an index file was in memory. */
  get cacheStatus(): CacheStatus {
    const { hits, misses } = this.#cache;
    return { hits, misses };
  }

  /** The newest of them. */
  get newest(): Segment | undefined {
    let newest: Segment | undefined;
    for (const { segment } of this.#segments.values()) newest = segment;
    return newest;
  }

  /** The index files of all of them, as they are now. */
  files(): OlderIndex[] {
    const { logDirectory } = this.#options;
    return Array.from(this.#segments.values(), ({ segment }) => ({
      segmentNumber: segment.number,
      path: segmentPath(logDirectory, segment, "idx"),
    }));
  }

  /** Which sealed segments there are. */
  digest(): SealedDigest {
    const digest = new SealedDigest();
    for (const { segment } of this.#segments.values()) digest.add(segment);
    return digest;
  }

  /** Index of a segment; undefined when it is not sealed. */
  indexOf(segment: Segment): SealedIndex | undefined {
    return this.#segments.get(segment.number)?.index;
  }

  /**
   * Opens the index file of a segment, which learns from it where it ends.
   *
   * @returns False when there is none that is whole and the segment's own: it
   * is to be made.
   */
  open(segment: Segment, storeId: string): boolean {
    const { files, logDirectory } = this.#options;
    const path = segmentPath(logDirectory, segment, "idx");
    let index: SealedIndex | undefined;
    try {
      index = openSealedIndex(
        () => files.open(path),
        this.#cache,
        // A file that is made again must not be read from the old one's blocks.
        this.#openedCount++,
        () => this.#options.onDamage(segment.number),
      );
      if (index !== undefined && !isIndexOf(index, segment, storeId)) {
        index = undefined;
      }
      if (index !== undefined) this.#loadFilter(index);
    } catch {
      // Missing, damaged or on a bad part of the device: the segment has it all.
      index = undefined;
    }
    if (index === undefined) {
      files.forget(path);
      return false;
    }
    const before = this.#segments.get(segment.number);
    if (before !== undefined) this.#filterBytes -= before.index.filterBytesKept;
    segment.endPosition = index.footer.endPosition;
    segment.checksum = index.footer.checksum;
    this.#segments.set(segment.number, { segment, index });
    return true;
  }

  /** Whether every block of a segment's index file is as it was written. */
  isWhole(segment: Segment): boolean {
    return this.#indexAt(segment.number).isWhole();
  }

  /** Closes an index file that turned out to be unfit: it is to be made. */
  drop(segment: Segment): void {
    this.#segments.delete(segment.number);
    this.closeFile(segment);
  }

  /** Closes a segment's index file; it is opened again when it is read. */
  closeFile(segment: Segment): void {
    const { files, logDirectory } = this.#options;
    files.forget(segmentPath(logDirectory, segment, "idx"));
  }

  /** The segment of a number; undefined when it is not sealed. */
  segmentOf(segmentNumber: number): Segment | undefined {
    return this.#segments.get(segmentNumber)?.segment;
  }

  /** The list's newest slice in the segments before one. */
  sliceBefore(listId: number, segmentNumber: number): FoundSlice | undefined {
    const { lists } = this.#options;
    const last = lists.lastSegment[listId] ?? NO_SEGMENT;
    if (last === NO_SEGMENT) return undefined;
    return last < segmentNumber
      ? this.newestSlice(listId)
      : this.#findSlice(listId, segmentNumber - 1);
  }

  /** The list's newest slice in a segment or those before it. */
  #findSlice(listId: number, newest: number): FoundSlice | undefined {
    const { lists } = this.#options;
    const list = {
      kind: lists.kinds[listId] ?? 0,
      name: lists.names.bytesOf(listId),
    };
    return findNamedSlice(list, newest, (segment) => this.#indexAt(segment));
  }

  /** Enters what an index file says of its lists: where they end. */
  enter(segmentNumber: number): void {
    const { lists } = this.#options;
    for (
      const { slice, offset, name } of this.#indexAt(segmentNumber).walk()
    ) {
      const kind = LIST_KINDS[slice.kind];
      invariant(kind !== undefined, "A slice has a kind");
      const id = lists.findOrCreate(kind, name);
      if (slice.count > 0) {
        const next = Math.max(
          lists.decidedNext[id] ?? 0,
          slice.firstOrdinal + slice.count,
        );
        lists.visibleNext[id] = next;
        lists.decidedNext[id] = next;
      }
      lists.lastSegment[id] = segmentNumber;
      lists.lastSlice[id] = offset;
      const flags = (lists.visibleFlags[id] ?? 0) |
        (slice.flags & LIST_TOMBSTONED);
      lists.visibleFlags[id] = flags;
      lists.decidedFlags[id] = flags;
    }
    this.#enterEnds(segmentNumber);
  }

  /** Enters where lists end of which a scavenged segment lost the last entry. */
  #enterEnds(segmentNumber: number): void {
    const segment = this.segmentOf(segmentNumber);
    if (segment?.scavenged === undefined) return;
    const { lists, files } = this.#options;
    const ends = readEnds(files.open(segment.path), segment.scavenged.header);
    if (ends === undefined) {
      throw new QuipuError(
        "corruptRecord",
        `Cannot read where lists end in segment ${segmentNumber}`,
      );
    }
    for (const { kind, name, next } of ends) {
      const id = lists.findOrCreate(LIST_KINDS[kind] ?? "stream", name);
      if (next <= (lists.decidedNext[id] ?? 0)) continue;
      lists.visibleNext[id] = next;
      lists.decidedNext[id] = next;
    }
  }

  /**
   * Position of the first-written record whose (stream, id) has that hash and
   * that `matches` accepts.
   */
  findId(
    hash: number,
    matches: (segment: Segment, position: number) => boolean,
  ): number | undefined {
    for (const { segment, index } of this.#segments.values()) {
      const offset = index.findId(
        hash,
        (candidate) => matches(segment, positionOf(segment, candidate)),
      );
      if (offset !== undefined) return positionOf(segment, offset);
    }
    return undefined;
  }

  /** The part of a list in which an ordinal is; undefined when it is in none. */
  placeOf(listId: number, ordinal: number): ListPlace | undefined {
    let found = this.newestSlice(listId);
    for (
      let guessCount = 0;
      found !== undefined && ordinal < found.slice.firstOrdinal;
    ) {
      const { slice } = found;
      if (guessCount < GUESSES_MAX && isLikelyTooFar(slice, ordinal)) {
        guessCount++;
        const previous = this.#peekPrevious(listId, slice);
        if (previous !== undefined) {
          found = previous;
          continue;
        }
      }
      const jump = this.#sliceOf(listId, slice.jump);
      const isTooFar = jump === undefined ||
        jump.slice.firstOrdinal + jump.slice.count <= ordinal;
      found = isTooFar ? this.#sliceOf(listId, slice.previous) : jump;
    }
    if (found === undefined) return undefined;
    const { slice, pointer } = found;
    if (ordinal >= slice.firstOrdinal + slice.count) return undefined;
    const sealed = this.#segments.get(pointer.segment);
    invariant(sealed !== undefined, "A slice lies in a sealed segment");
    return {
      segment: sealed.segment,
      firstOrdinal: slice.firstOrdinal,
      count: slice.count,
      offsetAt: (index) => sealed.index.entryOf(slice, index),
    };
  }

  /**
   * The list's nearest ordinal that is left, from one on in the direction;
   * undefined when none is.
   */
  leftNear(listId: number, from: number, step: 1 | -1): number | undefined {
    let after: FoundSlice | undefined;
    let found = this.newestSlice(listId);
    while (found !== undefined && from < found.slice.firstOrdinal) {
      after = found;
      const jump = this.#sliceOf(listId, found.slice.jump);
      const isBefore = jump === undefined || jump.slice.firstOrdinal <= from;
      found = isBefore ? this.#sliceOf(listId, found.slice.previous) : jump;
    }
    while (found !== undefined) {
      const { firstOrdinal, count } = found.slice;
      const index = from - firstOrdinal;
      const left = index < count || step < 0
        ? this.#indexAt(found.pointer.segment).leftNear(
          found.slice,
          Math.min(index, count - 1),
          step,
        )
        : undefined;
      if (left !== undefined) return firstOrdinal + left;
      if (step > 0) break;
      found = this.#sliceOf(listId, found.slice.previous);
    }
    // The first entry of a slice is left; only a tombstone's slice has none.
    const { firstOrdinal, count } = after?.slice ??
      { firstOrdinal: 0, count: 0 };
    return step < 0 || count === 0 ? undefined : firstOrdinal;
  }

  /** The list's newest slice; undefined when it has none. */
  newestSlice(listId: number): FoundSlice | undefined {
    const { lists } = this.#options;
    const segment = lists.lastSegment[listId] ?? NO_SEGMENT;
    if (segment === NO_SEGMENT) return undefined;
    const offset = lists.lastSlice[listId] ?? 0;
    if (this.#indexAt(segment).footer.isScavenged) {
      const found = this.#findSlice(listId, segment);
      // The next one need not look so far.
      lists.lastSegment[listId] = found?.pointer.segment ?? NO_SEGMENT;
      lists.lastSlice[listId] = found?.pointer.offset ?? 0;
      return found;
    }
    const slice = this.#indexAt(segment).sliceAt(offset);
    if (!lists.names.hasBytes(listId, slice.name)) {
      throw new QuipuError(
        "corruptRecord",
        `Cannot read the index of segment ${segment}: another list is where ` +
          `that of "${lists.nameOf(listId)}" should be`,
      );
    }
    return { pointer: { segment, offset, depth: slice.depth }, slice };
  }

  /**
   * The list's slice that a pointer points at, or the newest before it if that
   * one is gone.
   */
  #sliceOf(listId: number, pointer: SlicePointer): FoundSlice | undefined {
    if (pointer.segment === NO_SEGMENT) return undefined;
    const index = this.#indexAt(pointer.segment);
    return index.footer.isScavenged
      ? this.#findSlice(listId, pointer.segment)
      : { pointer, slice: index.sliceAt(pointer.offset) };
  }

  /**
   * The slice before one, for a guess: undefined if it cannot be read. A guess
   * may look at a segment that need not be looked at, and must not fail there.
   */
  #peekPrevious(listId: number, slice: Slice): FoundSlice | undefined {
    try {
      return this.#sliceOf(listId, slice.previous);
    } catch (error) {
      if (error instanceof QuipuError) return undefined;
      throw error;
    }
  }

  /** The list's slice that a pointer points at, or one before it. */
  sliceAt(listId: number, pointer: SlicePointer): Slice | undefined {
    return this.#sliceOf(listId, pointer)?.slice;
  }

  #indexAt(segmentNumber: number): SealedIndex {
    const sealed = this.#segments.get(segmentNumber);
    if (sealed === undefined) {
      throw new QuipuError(
        "corruptRecord",
        `Cannot read the index of segment ${segmentNumber}: there is none`,
      );
    }
    return sealed.index;
  }

  #loadFilter(index: SealedIndex): void {
    const bytes = this.#filterBytes + index.filterBytes;
    if (bytes > this.#options.idFilterBytesMax) return;
    index.loadFilter();
    this.#filterBytes = bytes;
  }
}
