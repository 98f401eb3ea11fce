/**
 * The index of the whole store: which log position an ordinal of a list has,
 * and which records may carry an event id. It asks the memtables of the
 * segments that have no index file yet, newest first, then the index files.
 *
 * @module
 */

import { join } from "@std/path";
import { invariant } from "../../lib/model/errors.ts";
import type { Disk } from "../disk/disk.ts";
import {
  offsetOf,
  type OpenFiles,
  positionOf,
  type Segment,
  segmentPath,
} from "../log/segment.ts";
import {
  LIST_TOMBSTONED,
  ListDirectory,
  NO_SEGMENT,
} from "./list_directory.ts";
import {
  type ActiveEnd,
  type HeadsSnapshot,
  openHeadsSnapshot,
} from "./heads_snapshot.ts";
import { writeHeadsSnapshot } from "./heads_writer.ts";
import type { SliceOffsets } from "./index_writer.ts";
import {
  ListPlaces,
  type PositionRun,
  type UnsealedSegment,
} from "./list_places.ts";
import { type LogSample, Memtable } from "./memtable.ts";
import type { SealedIndex } from "./sealed_index.ts";
import { SealedSegments } from "./sealed_segments.ts";
import { type IndexMaker, makeIndexHere } from "./worker_index_maker.ts";

const SNAPSHOT_NAME = "heads.snap";
/** Ids that get a slot between two pauses. */
const LINKS_PER_PAUSE = 4096;
/** Lists that learn where their newest slice is between two pauses. */
const LISTS_PER_PAUSE = 8192;

interface StoreIndexOptions {
  readonly disk: Disk;
  readonly files: OpenFiles;
  readonly storeDirectory: string;
  readonly logDirectory: string;
  readonly blockCacheBytes: number;
  readonly idFilterBytesMax: number;
  /** Called when an index file cannot be read: it is to be made again. */
  readonly onDamage?: (segmentNumber: number) => void;
  /** Makes index files when segments are sealed; by default this thread does. */
  readonly indexMaker?: IndexMaker | undefined;
}

export class StoreIndex {
  readonly lists = new ListDirectory();
  readonly #options: StoreIndexOptions;
  /** Segments without an index file, oldest first; the last is active. */
  readonly #unsealed: UnsealedSegment[] = [];
  readonly #sealed: SealedSegments;
  readonly #places: ListPlaces;
  #sealing: Promise<void> | undefined;

  constructor(options: StoreIndexOptions) {
    this.#options = options;
    this.#sealed = new SealedSegments({
      ...options,
      lists: this.lists,
      onDamage: options.onDamage ?? (() => {}),
    });
    this.#places = new ListPlaces(this.lists, this.#unsealed, this.#sealed);
  }

  /** Sealed segments that the snapshot on disk stands on; 0 for no snapshot. */
  snapshotDigest = 0;
  /** Position up to which it knows what the active segment holds. */
  snapshotEnd = 0;

  /** Segments with an index file. */
  get sealed(): SealedSegments {
    return this.#sealed;
  }

  /** Memtable of the active segment. */
  get active(): Memtable {
    const last = this.#unsealed[this.#unsealed.length - 1];
    invariant(last !== undefined, "The store has an active segment");
    return last.memtable;
  }

  /** Position at which the active segment starts. */
  get activeStart(): number {
    return this.#unsealed[this.#unsealed.length - 1]?.segment.startPosition ??
      0;
  }

  /** How many segments have no index file, the active one included. */
  get unsealedCount(): number {
    return this.#unsealed.length;
  }

  /**
   * Adds a segment that has no index file, newer than all others.
   *
   * @param memtable What it holds already; nothing by default.
   */
  addUnsealed(segment: Segment, memtable = new Memtable()): Memtable {
    // It will grow about as large as the one before it.
    const before = this.#unsealed[this.#unsealed.length - 1];
    if (before !== undefined) memtable.reserveAs(before.memtable);
    this.#unsealed.push({ segment, memtable });
    return memtable;
  }

  /** Whether a list has entries in segments that have no index file. */
  hasUnsealed(listId: number): boolean {
    return this.#unsealed.some(({ memtable }) => memtable.lengthOf(listId) > 0);
  }

  /** Gives slots to the ids that were only entered while the store opened. */
  async linkIds(pause: () => Promise<void>): Promise<void> {
    for (const { memtable } of [...this.#unsealed]) {
      while (!memtable.ids.link(LINKS_PER_PAUSE)) await pause();
    }
  }

  /** Takes the active segment back, in which nothing was committed. */
  dropActive(): void {
    this.#unsealed.pop();
  }

  /** Takes back what was decided and never committed. */
  rollBack(): void {
    const { lists } = this;
    lists.rollBack();
    const last = this.#unsealed[this.#unsealed.length - 1];
    if (last === undefined) return;
    const { segment, memtable } = last;
    memtable.truncate(
      offsetOf(segment, segment.endPosition),
      (listId) => lists.visibleFlags[listId] === LIST_TOMBSTONED,
    );
  }

  /** Opens the index file of a sealed segment; false when it is to be made. */
  addSealed(segment: Segment, storeId: string): boolean {
    return this.#sealed.open(segment, storeId);
  }

  /** Whether a sealed segment's index file is as it was written. */
  isWhole(segment: Segment): boolean {
    return this.#sealed.isWhole(segment);
  }

  /** Takes back `addSealed`: the segment is to be scanned. */
  dropSealed(segment: Segment): void {
    this.#sealed.drop(segment);
  }

  /** Enters what an index file says of its lists: where they end. */
  enterSealed(segmentNumber: number): void {
    this.#sealed.enter(segmentNumber);
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
    const sealing = Promise.withResolvers<void>();
    this.#sealing = sealing.promise;
    try {
      return await this.#sealOldest(storeId, pause);
    } finally {
      this.#sealing = undefined;
      sealing.resolve();
    }
  }

  /** Settles when no index file is being written; undefined when none is. */
  get sealing(): Promise<void> | undefined {
    return this.#sealing;
  }

  async #sealOldest(
    storeId: string,
    pause: () => Promise<void>,
  ): Promise<Segment | undefined> {
    const oldest = this.#unsealed[0];
    if (oldest === undefined) return undefined;
    const { segment, memtable } = oldest;
    const { disk, logDirectory, indexMaker = makeIndexHere } = this.#options;
    const sliceOffsets = await indexMaker({
      disk,
      directoryPath: logDirectory,
      path: segmentPath(logDirectory, segment, "idx"),
      content: {
        storeId,
        segment,
        memtable,
        lists: this.lists,
        firstOrdinalOf: (listId) => this.#places.firstUnsealed(listId),
        older: {
          newest: (listId) => this.#sealed.newestSlice(listId),
          at: (listId, pointer) => this.#sealed.sliceAt(listId, pointer),
        },
      },
      olderIndexes: this.#sealed.files(),
      pause,
    });
    const isReadable = this.#sealed.open(segment, storeId);
    invariant(isReadable, "An index file just written can be read");
    await this.#enterSlices(segment, sliceOffsets, pause);
    this.#unsealed.shift();
    return segment;
  }

  /**
   * Enters the newest slice of each list. Until the memtable is gone it answers
   * for what is in them, so it may take a while.
   */
  async #enterSlices(
    segment: Segment,
    slices: SliceOffsets,
    pause: () => Promise<void>,
  ): Promise<void> {
    const { lists } = this;
    const { listIds, offsets } = slices;
    for (let index = 0; index < listIds.length; index++) {
      const listId = listIds[index] ?? 0;
      lists.lastSegment[listId] = segment.number;
      lists.lastSlice[listId] = offsets[index] ?? 0;
      if (index % LISTS_PER_PAUSE === LISTS_PER_PAUSE - 1) await pause();
    }
  }

  /**
   * Writes where the lists end as of the newest sealed segment.
   *
   * @param active Where the active segment ends, to write what it holds, too:
   * nothing may be decided that is not committed, nor be decided meanwhile.
   */
  async writeSnapshot(
    storeId: string,
    pause: () => Promise<void>,
    active?: ActiveEnd,
  ): Promise<void> {
    const sealed = this.#sealed.digest();
    const { disk, storeDirectory } = this.#options;
    await writeHeadsSnapshot({
      disk,
      directory: storeDirectory,
      path: join(storeDirectory, SNAPSHOT_NAME),
      storeId,
      sealed,
      lists: this.lists,
      sealedNextOf: (listId) => this.#places.firstUnsealed(listId),
      active: active && { end: active, memtable: this.active },
      pause,
    });
    this.snapshotDigest = sealed.value;
    this.snapshotEnd = active?.endPosition ?? 0;
  }

  /** Opens what `writeSnapshot` wrote; undefined if it cannot be used. */
  openSnapshot(): HeadsSnapshot | undefined {
    const { disk, storeDirectory } = this.#options;
    return openHeadsSnapshot(disk, join(storeDirectory, SNAPSHOT_NAME));
  }

  /** Positions of a list's entries; see `ListPlaces.positions`. */
  positions(
    listId: number,
    options: {
      from: number;
      count: number;
      direction: "forward" | "backward";
    },
  ): Generator<PositionRun> {
    return this.#places.positions(listId, options);
  }

  /** A list's nearest ordinal that is left; see `ListPlaces.leftNear`. */
  leftNear(listId: number, from: number, step: 1 | -1): number | undefined {
    return this.#places.leftNear(listId, from, step);
  }

  /** Segment and log position of one entry; undefined if there is none. */
  locate(
    listId: number,
    ordinal: number,
  ): { segment: Segment; position: number } | undefined {
    return this.#places.locate(listId, ordinal);
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
      const position = this.#sealed.findId(hash, matches);
      if (position !== undefined) return position;
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
    if (sample !== undefined) return positionOf(segment, sample.offset);
    // One that has no record left is as old as its last one was.
    const scavenged = segment.scavenged?.header;
    const isOlder = scavenged?.recordCount === 0 &&
      scavenged.lastCreatedAtUs < createdAtUs;
    return isOlder ? segment.startPosition : undefined;
  }

  #withSamples(
    segment: Segment,
    ofMemtable: (samples: readonly LogSample[]) => LogSample | undefined,
    ofIndex: (index: SealedIndex) => LogSample | undefined,
  ): LogSample | undefined {
    const sealed = this.#sealed.indexOf(segment);
    if (sealed !== undefined) return ofIndex(sealed);
    const unsealed = this.#unsealed.find((one) => one.segment === segment);
    return unsealed === undefined
      ? undefined
      : ofMemtable(unsealed.memtable.samples);
  }
}
