/**
 * Access for writing: the commit record and the active segment. Gained when the
 * store opens, and again after a failure.
 *
 * After a failed write or sync the file may hold anything behind its durable
 * end, and the kernel may have dropped pages that it could not write, so that
 * file is never written again: the log goes on in a new segment, which starts
 * at the durable end. Its header says where that is, which is where the segment
 * before it ends; bytes after that are never read.
 *
 * Order, so that a crash at any point leaves a store that opens:
 *
 *   1. the device takes a synced write, and has room for the ballast
 *   2. the commit record says what it said last, and is written anew
 *   3. the new segment: header written and synced, directory synced
 *
 * The end in the commit record never goes back: it stays a lower bound even
 * when a device loses the newest commits.
 *
 * @module
 */

import type { Clock } from "../../lib/model/clock.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import type { Logger } from "../../lib/model/logger.ts";
import type { StoreObserver } from "../../lib/store/store_observer.ts";
import type { CommitOutcome, Reconciled } from "../commit/catalog.ts";
import type { Disk, DiskFile } from "../disk/disk.ts";
import type { Sealer } from "../index/sealer.ts";
import type { StoreIndex } from "../index/store_index.ts";
import type { GrowingBytes } from "../log/bytes.ts";
import { isPreallocated, PREALLOCATION_STEP_BYTES } from "../log/record.ts";
import {
  offsetOf,
  type OpenFiles,
  type Segment,
  segmentPath,
} from "../log/segment.ts";
import { encodeSegmentHeader } from "../log/segment_header.ts";
import type { Ballast } from "./ballast.ts";
import type { CommitPoint } from "./commit_group.ts";
import { isDiskFull, reasonOf } from "./failure.ts";

/** More than SQLite needs to open a file and commit to it. */
const KV_FREE_BYTES_MIN = 256 * 1024;

/** The segment that is written, and its file. */
export interface ActiveSegment {
  readonly segment: Segment;
  readonly file: ActiveFile;
}

interface WriteAccessOptions {
  readonly disk: Disk;
  readonly logDirectory: string;
  readonly files: OpenFiles;
  readonly index: StoreIndex;
  /** Oldest first; new ones are added. */
  readonly segments: Segment[];
  readonly sealer: Sealer;
  readonly ballast: Ballast;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: StoreObserver;
  /** Reconciles log and commit record; throws when they cannot be written. */
  readonly reconcile: () => Promise<Reconciled>;
}

export class WriteAccess {
  readonly #options: WriteAccessOptions;
  #reconciled: Reconciled | undefined;

  /** Is told of each commit group. */
  readonly observer: StoreObserver;

  constructor(options: WriteAccessOptions) {
    this.#options = options;
    this.observer = options.observer;
  }

  /** Undefined until the commit record was written once. */
  get reconciled(): Reconciled | undefined {
    return this.#reconciled;
  }

  /** Gains access when the store opens; `point` is the end that was found. */
  async open(point: CommitPoint): Promise<ActiveSegment> {
    const { disk, index, segments, reconcile, sealer } = this.#options;
    this.#reconciled ??= await reconcile();
    const last = segments[segments.length - 1];
    // A scavenged one is never written, not even if the one after it is lost.
    const isSealed = index.unsealedCount === 0 || last?.scavenged !== undefined;
    const active = last === undefined || isSealed
      ? await this.#createSegment(point)
      : {
        segment: last,
        file: new ActiveFile(disk.open(last.path, "write")),
      };
    if (index.unsealedCount > 1) sealer.start();
    return active;
  }

  /** Makes a point the end of what is committed. */
  async commit(point: CommitPoint): Promise<CommitOutcome> {
    const { catalog, storeId, epoch } = this.#require();
    const startedAtMs = performance.now();
    const outcome = await catalog.commit({ storeId, epoch, ...point });
    this.observer.committed(performance.now() - startedAtMs);
    return outcome;
  }

  /** Begins the next segment at the end of the active one; nothing is in flight. */
  async roll(
    active: ActiveSegment,
    point: CommitPoint,
  ): Promise<ActiveSegment> {
    const { sealer, logger } = this.#options;
    // At most one segment waits for its index while another is written.
    await sealer.finished();
    const next = await this.#createSegment(point);
    await this.finish(active, point);
    logger.info("segment.rolled", { segment: next.segment.number });
    sealer.start();
    return next;
  }

  /** Closes the active segment's file, and cuts off its preallocation. */
  async finish(
    { segment, file }: ActiveSegment,
    point: CommitPoint,
  ): Promise<void> {
    try {
      await file.finish(offsetOf(segment, point.end));
    } catch (error) {
      // Preallocation that stays does no harm.
      const { logger } = this.#options;
      logger.debug("segment.preallocation_left", { reason: reasonOf(error) });
    }
  }

  /** Steps 1 and 2. Throws when the device does not take writes yet. */
  async regainCatalog(options: {
    /** Committed for sure. */
    readonly committed: CommitPoint;
    /** May have been committed: the attempt failed. */
    readonly inDoubt: CommitPoint | undefined;
  }): Promise<"committed" | "inDoubtCommitted"> {
    const { ballast, reconcile } = this.#options;
    await ballast.probe();
    await ballast.make();
    if (this.#reconciled === undefined) {
      this.#reconciled = await reconcile();
      return "committed";
    }
    const { committed, inDoubt } = options;
    const { catalog, storeId, epoch } = this.#reconciled;
    const record = await catalog.read();
    if (record === undefined) {
      throw new Error("the commit record cannot be read");
    }
    const isOurs = record.storeId === storeId && record.epoch === epoch;
    const found = [committed, inDoubt].find((point) =>
      isOurs && point?.end === record.end && point.checksum === record.checksum
    );
    if (found === undefined) throw fencedError();
    // Overwrites anything that a failed commit left in the journal.
    const outcome = await catalog.commit({ storeId, epoch, ...found });
    if (outcome === "fenced") throw fencedError();
    return found === committed ? "committed" : "inDoubtCommitted";
  }

  /** Step 3; nothing is decided beyond the point. */
  async regainSegment(point: CommitPoint): Promise<ActiveSegment> {
    const { sealer, segments, index } = this.#options;
    await sealer.finished();
    const last = segments[segments.length - 1];
    // Where nothing committed stands in it, a new file takes its place.
    const isEmpty = last !== undefined && last.startPosition === point.end;
    const active = await this.#createSegment(point, isEmpty ? last : undefined);
    if (index.unsealedCount > 1) sealer.start();
    return active;
  }

  /** Whether the device is full: SQLite says “disk I/O error” then, too. */
  async isDeviceFull(): Promise<boolean> {
    const { ballast, disk, logDirectory } = this.#options;
    try {
      await ballast.probe();
    } catch (error) {
      return isDiskFull(error);
    }
    return (disk.freeBytes?.(logDirectory) ?? Infinity) < KV_FREE_BYTES_MIN;
  }

  /** Removes the ballast, so that the commit record can be written. */
  async releaseBallast(): Promise<void> {
    await this.#options.ballast.release();
  }

  close(): void {
    this.#reconciled?.catalog.close();
  }

  /**
   * Creates a segment.
   *
   * @param replaced The newest one, whose place it takes: with a later
   * generation, because the latest counts when the store opens.
   */
  async #createSegment(
    point: CommitPoint,
    replaced?: Segment,
  ): Promise<ActiveSegment> {
    const { disk, logDirectory, index, segments, clock } = this.#options;
    const { storeId } = this.#require();
    const number = replaced?.number ?? segments.length;
    const first = (replaced?.generation ?? 0) + 1;
    for (let generation = first;; generation++) {
      const name = { number, generation };
      const path = segmentPath(logDirectory, name, "seg");
      let file;
      try {
        file = await disk.create(path);
      } catch (error) {
        // Left by an attempt that failed: it must not be written again.
        if (error instanceof Deno.errors.AlreadyExists) continue;
        throw error;
      }
      try {
        const header = encodeSegmentHeader({
          ...name,
          storeId,
          startPosition: point.end,
          previousChecksum: point.checksum,
          createdAtUs: clock.nowUs(),
        });
        await file.writeAt(header, 0);
        await file.sync();
        await disk.syncDirectory(logDirectory);
      } catch (error) {
        file.close();
        // A file that is perhaps only in memory must not be found.
        await disk.remove(path).catch(() => {});
        throw error;
      }
      const segment: Segment = {
        ...name,
        path,
        startPosition: point.end,
        endPosition: point.end,
        checksum: point.checksum,
      };
      if (replaced !== undefined) {
        segments.pop();
        index.dropActive();
        this.#options.files.forget(replaced.path);
      }
      index.addUnsealed(segment);
      segments.push(segment);
      return { segment, file: new ActiveFile(file) };
    }
  }

  #require(): Reconciled {
    if (this.#reconciled === undefined) {
      throw new QuipuError("storeReadOnly", "The store takes no writes yet");
    }
    return this.#reconciled;
  }
}

/** Another process writes: this one must never write again. */
export class FencedError extends QuipuError {
  constructor(message: string) {
    super("storeReadOnly", message);
  }
}

/** The refusal of a process that is fenced off. */
export function fencedError(): FencedError {
  return new FencedError(
    "Cannot append: another process has written to this store",
  );
}

export class ActiveFile {
  readonly #file: DiskFile;
  /** Bytes of the file, preallocation included. */
  #sizeBytes: number;

  /** @param file Open for writing; nothing but preallocation follows the log. */
  constructor(file: DiskFile) {
    this.#file = file;
    this.#sizeBytes = file.size();
  }

  /** Writes what comes next in the log. It is not synced. */
  async write(bytes: GrowingBytes, offset: number): Promise<void> {
    const end = offset + bytes.length;
    const zeros = end > this.#sizeBytes
      ? preallocationAfter(bytes.length, end)
      : 0;
    await this.#file.writeAt(bytes.bytesAndZeros(zeros), offset);
    this.#sizeBytes = Math.max(this.#sizeBytes, end + zeros);
  }

  /** Forces what was written to the device. */
  async sync(): Promise<void> {
    await this.#file.sync();
  }

  /**
   * Cuts off the preallocation after the log's end, and closes the file. Other
   * bytes stay: this process did not write them.
   */
  async finish(endOffset: number): Promise<void> {
    try {
      const isLonger = this.#sizeBytes > endOffset &&
        isPreallocated(this.#file, endOffset);
      if (isLonger) await this.#file.truncate(endOffset);
    } finally {
      this.close();
    }
  }

  /** Closes the file as it is. */
  close(): void {
    this.#file.close();
  }
}

/** Zeros to preallocate after bytes that make the file longer. */
function preallocationAfter(byteCount: number, end: number): number {
  // Bytes that fill a step by themselves gain nothing.
  if (byteCount >= PREALLOCATION_STEP_BYTES) return 0;
  return Math.ceil(end / PREALLOCATION_STEP_BYTES) * PREALLOCATION_STEP_BYTES -
    end;
}
