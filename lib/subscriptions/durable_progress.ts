/**
 * When a group's progress is written down: checkpoints by the original's rules
 * (spec: subscriptions §8), and what is done above them soon after.
 *
 * An answer is covered once a write holds it that was begun after it. Answers
 * are covered `checkPointAfter` after they were given at the latest, if the
 * store is well: half of that time is left to the write itself.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import type { Timers } from "../model/clock.ts";
import { isDue } from "./due_times.ts";
import type { Group } from "./group.ts";
import type { GroupRecords } from "./group_records.ts";
import type { GroupSettings } from "./settings.ts";

/** What it works with. */
export interface DurableProgressOptions {
  readonly group: Group;
  readonly settings: GroupSettings;
  readonly records: GroupRecords;
  readonly timers: Timers;
  /** The last checkpoint; undefined: there is none. */
  readonly checkpoint: number | undefined;
  /** Whether progress is counted in messages: places are no numbers of them. */
  readonly countsMessages: boolean;
  /** Whether a replay of parked messages was cut off. */
  readonly hasReplay: boolean;
  /** Number that ends the replay of parked messages, if there is one. */
  readonly replayEnd: () => number;
  readonly onFailure: (event: string, error: unknown) => void;
  /** Has `runDue` called at a time. */
  readonly wake: (atMs: number) => void;
}

/** The original looks once a second whether a checkpoint is due. */
const CHECKPOINT_LOOK_MS = 1_000;
/** Positions of `$all` without messages after which a checkpoint is worth it. */
const PASSED_POSITIONS_MAX = 16 * 1024 * 1024;

/** Writes the progress of one group. */
export class DurableProgress {
  readonly #options: DurableProgressOptions;
  /** The checkpoint by the stream, and that of this life. */
  #checkpoint: number;
  #writtenCheckpoint = -1;
  #settledAtCheckpoint = 0;
  #checkpointedAtMs: number;
  #checkpointDueMs: number | undefined;
  #checkpointing: Promise<void> | undefined;
  /** When the first answer was given that is not covered. */
  #uncoveredSinceMs: number | undefined;
  #ackedWrittenAtMs = -Infinity;
  #ackedDueMs: number | undefined;
  #writingAcked: Promise<void> | undefined;
  /** Whether a replay is written down: its end must be, too. */
  #hasWrittenReplay: boolean;
  #isEnded = false;

  constructor(options: DurableProgressOptions) {
    this.#options = options;
    this.#checkpoint = options.checkpoint ?? -1;
    this.#checkpointedAtMs = options.timers.nowMs();
    this.#hasWrittenReplay = options.hasReplay;
  }

  /** The last checkpoint that was written since the start; -1: none. */
  get writtenCheckpoint(): number {
    return this.#writtenCheckpoint;
  }

  /** When something is due; undefined: nothing is. */
  get nextDueMs(): number | undefined {
    const checkpoint = this.#checkpointDueMs ?? Infinity;
    const next = Math.min(checkpoint, this.#ackedDueMs ?? Infinity);
    return next === Infinity ? undefined : next;
  }

  /** Something is done that was not. */
  progressed(): void {
    if (this.#uncoveredSinceMs === undefined) {
      this.#uncoveredSinceMs = this.#options.timers.nowMs();
      this.#planAcked();
    }
    this.#considerCheckpoint();
  }

  /** The source was looked through without a message. */
  passed(): void {
    this.#considerCheckpoint();
  }

  runDue(nowMs: number): void {
    if (isDue(this.#checkpointDueMs, nowMs)) {
      this.#checkpointDueMs = undefined;
      if (this.#isCheckpointWorthIt) this.#startCheckpoint();
    }
    if (isDue(this.#ackedDueMs, nowMs)) {
      this.#ackedDueMs = undefined;
      void this.#startAcked().catch(() => {});
    }
  }

  /** Covers all answers by now. Throws as an append does. */
  async writeNow(): Promise<void> {
    await this.#writingAcked?.catch(() => {});
    this.#uncoveredSinceMs ??= this.#options.timers.nowMs();
    await this.#startAcked();
  }

  /**
   * Waits for writes that are under way. Nothing is written afterwards.
   *
   * @param flush Whether all answers are covered before.
   */
  async end({ flush }: { readonly flush: boolean }): Promise<void> {
    this.#isEnded = true;
    await this.#checkpointing;
    await this.#writingAcked?.catch(() => {});
    if (flush && this.#uncoveredSinceMs !== undefined) await this.#startAcked();
  }

  /** As the original counts: by numbers; of `$all` by messages. */
  get #progress(): number {
    const { value, settledCount } = this.#options.group.progress;
    if (value <= this.#checkpoint) return 0;
    return this.#options.countsMessages
      ? settledCount - this.#settledAtCheckpoint
      : value - this.#checkpoint;
  }

  get #isCheckpointWorthIt(): boolean {
    const { group, settings, countsMessages } = this.#options;
    const passed = group.progress.value - this.#checkpoint;
    return countsMessages && passed > PASSED_POSITIONS_MAX ||
      this.#progress >= Math.max(1, settings.minCheckPointCount);
  }

  #considerCheckpoint(): void {
    const { settings, timers } = this.#options;
    if (this.#checkpointing !== undefined || this.#isEnded) return;
    if (this.#progress >= Math.max(1, settings.maxCheckPointCount)) {
      this.#startCheckpoint();
      return;
    }
    const isPlanned = this.#checkpointDueMs !== undefined;
    if (isPlanned || !this.#isCheckpointWorthIt) return;
    this.#planCheckpoint(Math.max(
      timers.nowMs() + CHECKPOINT_LOOK_MS,
      this.#checkpointedAtMs + settings.checkPointAfterMs,
    ));
  }

  #planCheckpoint(atMs: number): void {
    this.#checkpointDueMs = atMs;
    this.#options.wake(atMs);
  }

  #startCheckpoint(): void {
    this.#checkpointDueMs = undefined;
    this.#checkpointing ??= this.#writeCheckpoint().finally(() => {
      this.#checkpointing = undefined;
      if (this.#checkpointDueMs === undefined) this.#considerCheckpoint();
    });
  }

  async #writeCheckpoint(): Promise<void> {
    const { group, records, timers, onFailure } = this.#options;
    const { progress } = group;
    const { value, settledCount } = progress;
    try {
      await records.writeCheckpoint(value);
      this.#checkpoint = value;
      this.#writtenCheckpoint = value;
      this.#settledAtCheckpoint = settledCount;
      this.#checkpointedAtMs = timers.nowMs();
      const coversAll = progress.value === value && progress.rangeCount === 0 &&
        group.replay === undefined && !this.#hasWrittenReplay;
      if (coversAll) {
        this.#uncoveredSinceMs = undefined;
        this.#ackedDueMs = undefined;
      }
    } catch (error) {
      onFailure("subscription.checkpoint_failed", error);
      this.#planCheckpoint(timers.nowMs() + LIMITS.subscriptionRetryMs);
    }
  }

  #planAcked(): void {
    const { settings, wake } = this.#options;
    const sinceMs = this.#uncoveredSinceMs;
    if (sinceMs === undefined || this.#writingAcked !== undefined) return;
    this.#ackedDueMs = Math.max(
      sinceMs + settings.checkPointAfterMs / 2,
      this.#ackedWrittenAtMs + settings.checkPointAfterMs,
    );
    wake(this.#ackedDueMs);
  }

  /** One write at a time; a failed one is planned again, and said. */
  #startAcked(): Promise<void> {
    this.#writingAcked ??= this.#writeAcked().finally(() => {
      this.#writingAcked = undefined;
      if (this.#ackedDueMs === undefined) this.#planAcked();
    });
    return this.#writingAcked;
  }

  async #writeAcked(): Promise<void> {
    const { group, records, timers, onFailure, wake } = this.#options;
    const sinceMs = this.#uncoveredSinceMs;
    if (sinceMs === undefined) return;
    const replay = group.replay &&
      { ...group.replay.done, end: this.#options.replayEnd() };
    const text = records.encodeAcked({ ...group.progress.done, replay });
    // Too much would have to be written down each time: first some must be
    // answered of what is out.
    group.isPaused = text.length > LIMITS.subscriptionAckedBytesMax;
    this.#uncoveredSinceMs = undefined;
    try {
      if (group.isPaused) this.#uncoveredSinceMs = sinceMs;
      else {
        await records.writeAcked(text);
        this.#hasWrittenReplay = replay !== undefined;
      }
      this.#ackedWrittenAtMs = timers.nowMs();
    } catch (error) {
      this.#uncoveredSinceMs = sinceMs;
      this.#ackedDueMs = timers.nowMs() + LIMITS.subscriptionRetryMs;
      wake(this.#ackedDueMs);
      onFailure("subscription.acked_failed", error);
      throw error;
    }
  }
}
