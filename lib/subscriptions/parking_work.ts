/**
 * Parking the messages of a group, and handing parked ones out again.
 *
 * A message stays outstanding until its link is durable. A replay is written
 * down before the parked stream's `$tb` hides what it is to hand out, so that a
 * crash repeats what was not acknowledged instead of losing it.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import type { Timers } from "../model/clock.ts";
import { isDue } from "./due_times.ts";
import type { DurableProgress } from "./durable_progress.ts";
import type { Group, Parking } from "./group.ts";
import type { ReplayState } from "./group_records.ts";
import type { ParkedMessages } from "./parked.ts";

/** What it works with. */
export interface ParkingWorkOptions {
  readonly group: Group;
  readonly parked: ParkedMessages;
  readonly timers: Timers;
  /** Called when links are durable, after their messages are done. */
  readonly onParked: (parkings: readonly Parking[]) => void;
  readonly onFailure: (event: string, error: unknown) => void;
  /** Has `runDue` called at a time. */
  readonly wake: (atMs: number) => void;
}

/** Messages that are parked by one append. */
const PARK_COUNT = 500;

/** Parked messages that are read to be handed out again. */
interface Cursor {
  /** Number in the parked stream to read next. */
  next: number;
  readonly end: number;
  readonly discarded: Set<number>;
}

/** Parks and replays for one group. */
export class ParkingWork {
  readonly #options: ParkingWorkOptions;
  #parking: Promise<void> | undefined;
  #retryAtMs: number | undefined;
  #cursor: Cursor | undefined;
  #replayEnd = 0;
  /** Replays and discards, one after another. */
  #turns: Promise<unknown> = Promise.resolve();
  #isEnded = false;

  constructor(options: ParkingWorkOptions) {
    this.#options = options;
  }

  /** Whether parked messages are left to be read. */
  get isReplaying(): boolean {
    return this.#cursor !== undefined;
  }

  /** Number in the parked stream that ends the replay, if there is one. */
  get replayEnd(): number {
    return this.#replayEnd;
  }

  /** When something is due; undefined: nothing is. */
  get nextDueMs(): number | undefined {
    return this.#retryAtMs;
  }

  runDue(nowMs: number): void {
    if (!isDue(this.#retryAtMs, nowMs)) return;
    this.#retryAtMs = undefined;
    void this.park();
  }

  /**
   * Parks what is to be parked.
   *
   * @returns Resolves when it is, or could not be and is tried again later.
   */
  park(): Promise<void> {
    const { group } = this.#options;
    const isIdle = this.#parking === undefined && group.parkingCount > 0 &&
      this.#retryAtMs === undefined;
    if (isIdle) {
      this.#parking = this.#parkAll().finally(() => this.#parking = undefined);
    }
    return this.#parking ?? Promise.resolve();
  }

  /** Goes on with a replay that was cut off. Throws as a replay does. */
  async resume({ donePlace, doneRanges, end }: ReplayState): Promise<void> {
    const { group, parked } = this.#options;
    const range = { from: donePlace + 1, end };
    const discarded = await parked.discardedIn(range);
    group.beginReplay({ donePlace, doneRanges });
    this.#cursor = { next: range.from, end, discarded };
    this.#replayEnd = end;
    await parked.giveUpBelow(end);
  }

  /**
   * Begins to replay what is parked, as far as `stopAt`; one that is under way
   * goes on further.
   *
   * @throws {QuipuError} As an append does.
   */
  replay(
    stopAt: number | undefined,
    durable: Pick<DurableProgress, "writeNow">,
  ): Promise<void> {
    return this.#inTurn(async () => {
      const { group, parked } = this.#options;
      const range = await parked.replayable(stopAt);
      if (range === undefined || this.#isEnded) return;
      const discarded = await parked.discardedIn(range);
      if (group.replay === undefined) {
        group.beginReplay({ donePlace: range.from - 1, doneRanges: [] });
      }
      const before = this.#cursor;
      for (const number of before?.discarded ?? []) discarded.add(number);
      const next = before?.next ?? range.from;
      this.#cursor = { next, end: range.end, discarded };
      this.#replayEnd = range.end;
      await durable.writeNow();
      await parked.giveUpBelow(range.end);
    });
  }

  /** Gives parked messages up. Throws as an append does. */
  discard(ids: ReadonlySet<string>): Promise<void> {
    return this.#inTurn(() => this.#options.parked.discard(ids));
  }

  /** Reads some of what is replayed into the group. Throws as a read does. */
  async readPage(count: number): Promise<void> {
    const { group, parked } = this.#options;
    const cursor = this.#cursor;
    if (cursor === undefined) return;
    const { next: from, end, discarded } = cursor;
    const page = await parked.readMessages({ from, end }, count);
    // Another replay may have been added to it meanwhile.
    if (this.#isEnded || this.#cursor !== cursor) return;
    group.addReplayed(page.messages, (place) => discarded.has(place));
    cursor.next = page.next;
    if (page.next >= end) this.#cursor = undefined;
    this.endReplayIfDone();
  }

  /** Ends a replay of which everything is done. */
  endReplayIfDone(): void {
    const { group } = this.#options;
    const isOver = this.#cursor === undefined &&
      group.replay?.outstandingCount === 0;
    if (isOver) group.endReplay();
  }

  /** Waits for what is under way. Nothing is begun afterwards. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#parking;
    await this.#turns;
  }

  /** What is to be parked by now, and what comes meanwhile. */
  async #parkAll(): Promise<void> {
    const { group, parked, timers, onParked, onFailure, wake } = this.#options;
    try {
      while (group.parkingCount > 0 && !this.#isEnded) {
        const parkings = group.parkings.slice(0, PARK_COUNT);
        await parked.park(parkings);
        for (const parking of parkings) group.finishParking(parking);
        this.endReplayIfDone();
        onParked(parkings);
      }
    } catch (error) {
      this.#retryAtMs = timers.nowMs() + LIMITS.subscriptionRetryMs;
      wake(this.#retryAtMs);
      onFailure("subscription.parking_failed", error);
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turns.then(work);
    this.#turns = turn.catch(() => {});
    return turn;
  }
}
