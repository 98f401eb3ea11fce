/**
 * Gives back what readers can never see again: each sealed segment that holds
 * something hidden is written anew without it, and takes the place of the old
 * one, while readers and writers go on.
 *
 * Order, so that a crash at any point leaves a store that opens:
 *
 *   1. the new segment, under a temporary name: written and synced
 *   2. its index file: written, synced, renamed, directory synced
 *   3. the new segment is renamed, the directory synced: now it is the one
 *      that counts, because the latest whole generation does
 *   4. readers go over to it, in one step
 *   5. the old files go, once nobody has them pinned
 *
 * A crash before 3 leaves files that opening removes; after it, old ones that
 * opening removes. What is hidden is decided once for the whole of it, but for
 * streams of which the metadata changes meanwhile: a segment that lost events
 * of one of those is done once more.
 *
 * @module
 */

import { QuipuError } from "../../../lib/model/errors.ts";
import { LIMITS } from "../../../lib/model/limits.ts";
import {
  isMetastream,
  originalOfMetastream,
} from "../../../lib/model/stream_names.ts";
import type {
  JobControl,
  ScavengedSegment,
  ScavengeReport,
  ScavengeRequest,
} from "../../../lib/store/maintenance.ts";
import { type Segment, segmentPath } from "../../log/segment.ts";
import { failureOf, reasonOf } from "../../write/failure.ts";
import { findActiveGarbage, hasGarbage } from "./find_garbage.ts";
import type { ListSet } from "./list_set.ts";
import { Retention } from "./retention.ts";
import { RewriteMemory } from "./rewrite_memory.ts";
import {
  removeQuietly,
  rewriteSegment,
  type Rewritten,
} from "./rewrite_segment.ts";
import type { ScavengerParts } from "./scavenger_parts.ts";

/** The active segment is sealed if at least one of so many records can go. */
const SEAL_SHARE = 16;
/** How often a segment is begun again because metadata changed. */
const TRIES_MAX = 4;

/**
 * Scavenges a store.
 *
 * @throws {QuipuError} `storeReadOnly` when the store was opened for reading
 * alone; `storeFull` when there was no room for a single segment.
 */
export async function scavenge(
  parts: ScavengerParts,
  request: ScavengeRequest,
  control: JobControl,
): Promise<ScavengeReport> {
  if (parts.isReadOnly) {
    throw new QuipuError(
      "storeReadOnly",
      "Cannot scavenge a store that was opened with --read-only",
    );
  }
  control.signal.throwIfAborted();
  const scavenger = new Scavenger(parts, request, control);
  try {
    return await scavenger.run(request);
  } finally {
    scavenger.close();
  }
}

class Scavenger {
  readonly #parts: ScavengerParts;
  readonly #control: JobControl;
  readonly #nowUs: number;
  readonly #retention: Retention;
  readonly #memory: RewriteMemory;
  readonly #pause: () => Promise<void>;
  readonly #endListening: () => void;
  readonly #onSegment: (segment: ScavengedSegment) => void;
  /** Streams whose metadata was written since a segment was begun. */
  readonly #changed = new Set<number>();
  readonly #skipped = new Map<number, string>();
  /** Segments for which there was no room. */
  #roomless: number[] = [];
  #removedCount = 0;
  #freedBytes = 0;
  #scavengedCount = 0;
  #doneBytes = 0;
  #totalBytes = 0;

  constructor(
    parts: ScavengerParts,
    request: ScavengeRequest,
    control: JobControl,
  ) {
    this.#parts = parts;
    this.#control = control;
    this.#onSegment = request.onSegment ?? (() => {});
    this.#nowUs = parts.clock.nowUs();
    this.#pause = () => control.pause?.() ?? Promise.resolve();
    const { lists } = parts.index;
    const { states } = parts;
    this.#retention = new Retention({ lists, states, nowUs: this.#nowUs });
    this.#memory = new RewriteMemory(lists);
    this.#endListening = parts.publisher.watch((events) => {
      for (const { streamName } of events) {
        const name = originalOfMetastream(streamName);
        const streamId = lists.find("stream", name);
        this.#retention.forget(streamId);
        this.#changed.add(streamId);
      }
    }, isMetastream);
  }

  close(): void {
    this.#endListening();
    this.#memory[Symbol.dispose]();
  }

  async run(request: ScavengeRequest): Promise<ScavengeReport> {
    const { segments, sealer } = this.#parts;
    const isActiveSealed = await this.#sealActive();
    // One that failed lately has left its segment without an index file.
    sealer.start();
    await sealer.finished();
    const from = request.fromSegment ?? 0;
    const numbers = segments.slice(0, -1)
      .map(({ number }) => number)
      .filter((number) => number >= from);
    this.#totalBytes = numbers.reduce(
      (sum, number) => sum + this.#sizeOf(number),
      0,
    );
    for (const number of numbers) await this.#scavengeOne(number);
    // Others may have made room for these.
    if (this.#scavengedCount > 0) {
      const again = this.#roomless;
      this.#roomless = [];
      for (const number of again) {
        this.#skipped.delete(number);
        await this.#scavengeOne(number);
      }
    }
    if (this.#scavengedCount > 0) await sealer.snapshot();
    else if (this.#roomless.length > 0) throw this.#noRoom();
    return {
      segmentCount: numbers.length,
      scavengedCount: this.#scavengedCount,
      removedCount: this.#removedCount,
      freedBytes: this.#freedBytes,
      isActiveSealed,
      isComplete: this.#skipped.size === 0,
      skipped: [...this.#skipped].slice(0, LIMITS.findingsMax)
        .map(([segment, reason]) => ({ segment, reason })),
    };
  }

  /** Begins another segment if enough of the active one can go. */
  async #sealActive(): Promise<boolean> {
    const { segments, failure, endSegment } = this.#parts;
    const active = segments.at(-1);
    const isWritten = active !== undefined && active.scavenged === undefined &&
      active.endPosition > active.startPosition;
    if (!isWritten || failure() !== undefined) return false;
    const found = await findActiveGarbage(active, {
      ...this.#parts,
      retention: this.#retention,
      pause: this.#pause,
    });
    const isWorth = found.hiddenCount > 0 &&
      (found.isDeleted ||
        found.hiddenCount * SEAL_SHARE >= found.recordCount);
    if (!isWorth || segments.at(-1) !== active) return false;
    await endSegment();
    return true;
  }

  /** Does one segment, or notes why it could not be done. */
  async #scavengeOne(number: number): Promise<void> {
    const control = this.#control;
    await this.#pause();
    control.signal.throwIfAborted();
    const before = this.#doneBytes;
    const bytes = this.#sizeOf(number);
    const beganAtUs = this.#parts.clock.nowUs();
    const freedBefore = this.#freedBytes;
    const scavengedBefore = this.#scavengedCount;
    const tell = (failure: string | undefined) =>
      this.#onSegment({
        segment: number,
        tookUs: this.#parts.clock.nowUs() - beganAtUs,
        freedBytes: this.#freedBytes - freedBefore,
        failure,
      });
    this.#report();
    try {
      await this.#tryOne(number);
      if (this.#scavengedCount > scavengedBefore) tell(undefined);
    } catch (error) {
      if (control.signal.aborted && error === control.signal.reason) {
        throw error;
      }
      const failure = failureOf("scavenge", error);
      if (failure.code === "storeFull") this.#roomless.push(number);
      this.#skipped.set(number, reasonOf(error));
      this.#parts.logger.warn("scavenge.segment_skipped", {
        segment: number,
        reason: reasonOf(error),
      });
      tell(reasonOf(error));
    }
    this.#doneBytes = before + bytes;
    this.#report();
  }

  async #tryOne(number: number): Promise<void> {
    const { index, logger } = this.#parts;
    for (let tries = 1; tries <= TRIES_MAX; tries++) {
      const segment = index.sealed.segmentOf(number);
      if (segment === undefined) {
        throw new Error("it has no index file at the moment");
      }
      const searching = {
        ...this.#parts,
        retention: this.#retention,
        pause: this.#pause,
      };
      if (!await hasGarbage(segment, searching)) return;
      this.#changed.clear();
      const rewritten = await this.#rewrite(segment);
      if (rewritten === undefined) return;
      const oldBytes = this.#sizeOf(number);
      if (!await this.#replace(segment, rewritten)) continue;
      const newBytes = this.#sizeOf(number);
      this.#scavengedCount++;
      this.#removedCount += rewritten.removedCount;
      this.#freedBytes += oldBytes - newBytes;
      logger.info("segment.scavenged", {
        segment: number,
        removedEvents: rewritten.removedCount,
        freedBytes: oldBytes - newBytes,
      });
      return;
    }
    throw new Error("metadata of its streams changes all the time");
  }

  #rewrite(segment: Segment): Promise<Rewritten | undefined> {
    const { disk, directory, storeId, failure, reserveBytes } = this.#parts;
    return rewriteSegment(segment, {
      ...this.#parts,
      storeId: storeId(),
      retention: this.#retention,
      memory: this.#memory,
      nowUs: this.#nowUs,
      control: this.#control,
      pause: this.#pause,
      onRead: (byteCount) => {
        this.#doneBytes += byteCount;
        this.#report();
      },
      onWrite: (byteCount) => {
        // What appends need is left to them; if they get nothing anyway, what
        // is left is best used for making room.
        if (failure() !== undefined) return;
        const free = disk.freeBytes?.(directory) ?? Infinity;
        if (free - byteCount < reserveBytes) throw noRoom(free, reserveBytes);
      },
    });
  }

  /**
   * Steps 3 to 5.
   *
   * @returns False when metadata of a stream that loses events changed: nothing
   * was replaced then.
   */
  async #replace(segment: Segment, rewritten: Rewritten): Promise<boolean> {
    const { disk, logDirectory, index, segments, files, storeId } = this.#parts;
    const { segment: next, temporaryPath } = rewritten;
    const indexPath = segmentPath(logDirectory, next, "idx");
    const takeBack = async (): Promise<void> => {
      files.forget(indexPath);
      files.forget(next.path);
      await removeQuietly(disk, [temporaryPath, next.path, indexPath]);
    };
    try {
      this.#control.signal.throwIfAborted();
      if (this.#hasChanged(rewritten.streams)) {
        await takeBack();
        return false;
      }
      await disk.rename(temporaryPath, next.path);
      await disk.syncDirectory(logDirectory);
      const at = segments.indexOf(segment);
      const isFit = at >= 0 && !this.#hasChanged(rewritten.streams) &&
        index.sealed.segmentOf(segment.number) === segment;
      if (!isFit) {
        await takeBack();
        return false;
      }
      // From here to the end of this step nobody else runs.
      if (!index.addSealed(next, storeId())) {
        throw new Error("its new index file cannot be read");
      }
      segments[at] = next;
    } catch (error) {
      await takeBack();
      throw error;
    }
    await this.#removeOld([
      segmentPath(logDirectory, segment, "idx"),
      segment.path,
    ]);
    return true;
  }

  /** Removes files, those that somebody has pinned later on. */
  async #removeOld(paths: readonly string[]): Promise<void> {
    const { disk, files, pins } = this.#parts;
    for (const path of paths) {
      files.forget(path);
      if (!pins.isPinned(path)) {
        await removeQuietly(disk, [path]);
        continue;
      }
      pins.whenFree(path, () => {
        files.forget(path);
        removeQuietly(disk, [path]);
      });
    }
  }

  #hasChanged(streams: Pick<ListSet, "has">): boolean {
    for (const streamId of this.#changed) {
      if (streams.has(streamId)) return true;
    }
    return false;
  }

  /** Bytes of a segment's files. */
  #sizeOf(number: number): number {
    const { files, logDirectory, segments } = this.#parts;
    const segment = segments.find((one) => one.number === number);
    if (segment === undefined) return 0;
    try {
      return files.open(segment.path).size() +
        files.open(segmentPath(logDirectory, segment, "idx")).size();
    } catch {
      return 0;
    }
  }

  #report(): void {
    this.#control.report({
      phase: "scavenging segments",
      done: Math.min(this.#doneBytes, this.#totalBytes),
      total: this.#totalBytes,
      unit: "bytes",
    });
  }

  #noRoom(): QuipuError {
    const reason = this.#skipped.get(this.#roomless[0] ?? 0);
    return new QuipuError("storeFull", `Cannot scavenge: ${reason}`);
  }
}

function noRoom(freeBytes: number, reserveBytes: number): QuipuError {
  return new QuipuError(
    "storeFull",
    "a segment is rewritten before the old one is removed, and there is no " +
      `room for it: ${Math.max(0, freeBytes)} bytes are free, and ` +
      `${reserveBytes} are kept for appends`,
  );
}

export class ScavengeRunner {
  readonly #parts: ScavengerParts;
  readonly #closing = new AbortController();
  #running: Promise<ScavengeReport> | undefined;

  constructor(parts: ScavengerParts) {
    this.#parts = parts;
  }

  /** Scavenges; see the port. */
  async run(
    request: ScavengeRequest,
    control: JobControl,
  ): Promise<ScavengeReport> {
    this.#closing.signal.throwIfAborted();
    if (this.#running !== undefined) {
      throw new QuipuError(
        "invalidRequest",
        "Cannot scavenge: that is being done already",
      );
    }
    // Report and control are the same objects for the whole scavenge.
    const signal = AbortSignal.any([control.signal, this.#closing.signal]);
    this.#running = scavenge(this.#parts, request, {
      signal,
      report: (progress) => control.report(progress),
      ...(control.pause && { pause: () => control.pause?.() ?? NOTHING }),
    });
    try {
      return await this.#running;
    } finally {
      this.#running = undefined;
    }
  }

  /** Stops what is under way. */
  async close(): Promise<void> {
    this.#closing.abort(
      new QuipuError("storeClosed", "The server is shutting down"),
    );
    await this.#running?.catch(() => {});
  }
}

const NOTHING = Promise.resolve();
