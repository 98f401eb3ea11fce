/**
 * When a run writes a checkpoint (spec: projections §6.2).
 *
 * @module
 */

import type { ProjectionConfig } from "../contract.ts";

/** What has been taken by now. */
export interface Progress {
  /** Events that handlers have taken. */
  readonly handledCount: number;
  /** Bytes of events that no handler takes. */
  readonly unhandledBytes: number;
}

/** Partitions to be written from which on checkpoints take time. */
const MANY_PARTITIONS = 500;
/** Such a checkpoint is followed by so many times its own time without one. */
const PAUSE_FACTOR = 4;
/** It is postponed to so many times its threshold at most. */
const POSTPONED_MAX = 100;

/** Plans the checkpoints of one run. */
export class CheckpointSchedule {
  readonly #config: ProjectionConfig;
  readonly #nowMs: () => number;
  #last: Progress = { handledCount: 0, unhandledBytes: 0 };
  #beganAtMs = -Infinity;
  #endedAtMs = -Infinity;

  /** @param nowMs Milliseconds of a clock that never goes back. */
  constructor(config: ProjectionConfig, nowMs: () => number) {
    this.#config = config;
    this.#nowMs = nowMs;
  }

  /** Events that may be taken before one is due. */
  untilNext({ handledCount }: Progress): number {
    const { checkpointHandledThreshold: threshold } = this.#config;
    const since = handledCount - this.#last.handledCount;
    // One that is postponed is no reason to take less.
    return since < threshold ? threshold - since : Infinity;
  }

  /** Whether one is due because events are passed that no handler takes. */
  isPassing({ unhandledBytes }: Progress): boolean {
    const threshold = this.#config.checkpointUnhandledBytesThreshold;
    return threshold > 0 &&
      unhandledBytes - this.#last.unhandledBytes >= threshold;
  }

  /** @param dirtyCount Partitions that have to be written. */
  isDue(progress: Progress, dirtyCount: number): boolean {
    const { checkpointHandledThreshold: threshold, checkpointAfterMs } =
      this.#config;
    const since = progress.handledCount - this.#last.handledCount;
    const isDue = threshold > 0 && since >= threshold ||
      this.isPassing(progress);
    if (!isDue) return false;
    const tookMs = dirtyCount < MANY_PARTITIONS
      ? 0
      : this.#endedAtMs - this.#beganAtMs;
    const pauseMs = Math.max(checkpointAfterMs, PAUSE_FACTOR * tookMs);
    return this.#nowMs() - this.#endedAtMs >= pauseMs ||
      since >= POSTPONED_MAX * threshold;
  }

  /** One is being written. */
  began(): void {
    this.#beganAtMs = this.#nowMs();
  }

  /** It is written. */
  ended({ handledCount, unhandledBytes }: Progress): void {
    this.#endedAtMs = this.#nowMs();
    this.#last = { handledCount, unhandledBytes };
  }
}
