/**
 * Writes index files of sealed segments in the background, one at a time, and
 * now and then a snapshot of the heads.
 *
 * @module
 */

import type { Logger } from "../../lib/model/logger.ts";
import { type ActiveEnd, snapshotBytesFor } from "./heads_snapshot.ts";
import type { StoreIndex } from "./store_index.ts";

/** The log grows by so many times the size of a snapshot between two of them. */
const SNAPSHOT_SHARE = 4;
/** Milliseconds that background work goes on before it lets others work. */
const WORK_MS = 2;
/** Time after which an index file that could not be made is tried again. */
const REBUILD_AGAIN_MS = 10_000;

type RebuildIndex = (
  segmentNumber: number,
  pause: () => Promise<void>,
) => Promise<void>;

export class Sealer {
  readonly #index: StoreIndex;
  readonly #storeId: () => string;
  readonly #logger: Logger;
  readonly #rebuildIndex: RebuildIndex;
  readonly #activeBytesMin: number;
  #work: Promise<void> = Promise.resolve();
  /** Bytes of log that were sealed since the last snapshot. */
  #sealedBytes = 0;
  /** Segments whose index file is being made again, or could not lately. */
  readonly #damaged = new Map<number, { failedAtMs: number }>();
  #isClosing = false;

  constructor(options: {
    readonly index: StoreIndex;
    readonly storeId: () => string;
    readonly logger: Logger;
    /** Makes the index file of a sealed segment again. */
    readonly rebuildIndex: RebuildIndex;
    /** Bytes of an active segment that are written down when it closes. */
    readonly activeBytesMin: number;
  }) {
    this.#index = options.index;
    this.#storeId = options.storeId;
    this.#logger = options.logger;
    this.#rebuildIndex = options.rebuildIndex;
    this.#activeBytesMin = options.activeBytesMin;
  }

  /** Seals what waits, after what is under way. */
  start(): void {
    this.#work = this.#work.then(() => this.#seal());
  }

  /** Finishes what opening left for later, after what is under way. */
  finishOpening(): void {
    this.#work = this.#work.then(() => this.#index.linkIds(createPause()));
  }

  /** Settles once nothing is under way. */
  finished(): Promise<void> {
    return this.#work;
  }

  /**
   * Makes the index file of a sealed segment again, once for all who ask for
   * it while that is under way.
   */
  rebuild(segmentNumber: number): void {
    const before = this.#damaged.get(segmentNumber)?.failedAtMs ?? -Infinity;
    const isTooSoon = performance.now() < before + REBUILD_AGAIN_MS;
    if (isTooSoon || this.#isClosing) return;
    this.#damaged.set(segmentNumber, { failedAtMs: Infinity });
    this.#work = this.#work.then(() => this.#rebuild(segmentNumber));
  }

  /** Writes down where lists end, after what is under way. */
  snapshot(): Promise<void> {
    return this.#work = this.#work.then(() => this.#snapshot());
  }

  /**
   * Finishes what is under way, and writes down what spares the next start a
   * look at the log.
   *
   * @param activeEnd Says where the active segment ends; undefined when writing
   * has failed: then not all that was decided is committed.
   */
  async close(
    activeEnd: (() => ActiveEnd | undefined) | undefined,
  ): Promise<void> {
    this.#isClosing = true;
    await this.#work;
    if (activeEnd === undefined) return;
    const index = this.#index;
    const active = index.unsealedCount === 1 ? activeEnd() : undefined;
    const { count, value } = index.sealed.digest();
    const isOutdated = count > 0 && value !== index.snapshotDigest;
    const unknownBytes = active === undefined ? 0 : Math.min(
      active.endPosition - index.snapshotEnd,
      active.endPosition - index.activeStart,
    );
    if (isOutdated || unknownBytes >= this.#activeBytesMin) {
      await this.#snapshot(active);
    }
  }

  async #seal(): Promise<void> {
    try {
      // One more than the active one waits after a failure.
      while (this.#index.unsealedCount > 1) {
        const segment = await this.#index.sealOldest(
          this.#storeId(),
          createPause(),
        );
        if (segment === undefined) return;
        this.#logger.info("segment.sealed", { segment: segment.number });
        this.#sealedBytes += segment.endPosition - segment.startPosition;
      }
      const snapshotBytes = snapshotBytesFor(this.#index.lists.size);
      if (this.#sealedBytes > SNAPSHOT_SHARE * snapshotBytes) {
        await this.#snapshot();
      }
    } catch (error) {
      // The segment is served from memory; its file is made after the next
      // roll, or at the next start.
      this.#logger.error("segment.seal_failed", { reason: reasonOf(error) });
    }
  }

  async #rebuild(segmentNumber: number): Promise<void> {
    try {
      await this.#rebuildIndex(segmentNumber, createPause());
      this.#damaged.delete(segmentNumber);
      this.#logger.warn("segment.index_rebuilt", { segment: segmentNumber });
    } catch (error) {
      this.#damaged.set(segmentNumber, { failedAtMs: performance.now() });
      this.#logger.error("segment.index_rebuild_failed", {
        segment: segmentNumber,
        reason: reasonOf(error),
      });
    }
  }

  async #snapshot(active?: ActiveEnd): Promise<void> {
    try {
      await this.#index.writeSnapshot(this.#storeId(), createPause(), active);
      this.#sealedBytes = 0;
    } catch (error) {
      this.#logger.warn("heads.snapshot_failed", { reason: reasonOf(error) });
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Makes a function that now and then lets what is waiting run. */
function createPause(): () => Promise<void> {
  let resumedAtMs = performance.now();
  return async () => {
    if (performance.now() - resumedAtMs < WORK_MS) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    resumedAtMs = performance.now();
  };
}
