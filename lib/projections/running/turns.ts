/**
 * Whose turn it is to work: runs wait in a queue, few of them work at once, and
 * turns are followed by rests while others append. So appends go first, however
 * many projections there are.
 *
 * How much others do is told by their writes alone: the processor time of this
 * process, by which jobs of the maintenance go, is mostly that of the engines.
 *
 * @module
 */

import type { Timers } from "../../model/clock.ts";

/** The clock, the bound and the count that turns are given by. */
export interface TurnsParts {
  readonly timers: Timers;
  /** Runs that work at the same time, 1 or more. */
  readonly atOnce: number;
  /** Events written until now, by anybody. */
  readonly writtenCount: () => number;
}

/** Milliseconds after which a turn does not hold up the others any more. */
const TURN_MS_MAX = 50;
/** Rests last so many times as long as turns while others only append. */
const REST_FACTOR = 8;
/** Shorter rests are put together: a change is mostly taken at once. */
const REST_MS_MIN = 5;
/** Processor time of an event, roughly: of one that is appended by HTTP. */
const WRITE_MS = 0.2;
/** Time over which the writes of others are counted, at least. */
const COUNT_MS = 50;

/** The turns of all runs of a server. */
export class Turns {
  readonly #parts: TurnsParts;
  /** In the order in which they get their turns. */
  readonly #queue = new Set<() => void>();
  #workingCount = 0;
  #restsUntilMs = 0;
  #isResting = false;
  #ownCount = 0;
  /** When the writes of others were last counted, and how many there were. */
  #counted = { atMs: 0, count: 0 };
  /** Share of the time that others need for their writes, 0 to 1. */
  #othersShare = 0;

  constructor(parts: TurnsParts) {
    this.#parts = parts;
  }

  /** Makes the place of one run. */
  join(): TurnTaker {
    return new TurnTaker(this.#parts.timers, {
      enqueue: (call) => {
        this.#queue.add(call);
        this.#next();
        return () => this.#queue.delete(call);
      },
      ended: (workedMs) => {
        this.#workingCount--;
        this.#rest(workedMs);
        this.#next();
      },
    });
  }

  /** Runs have written: that is not what others do. */
  wrote(count: number): void {
    this.#ownCount += count;
  }

  #next(): void {
    if (this.#isResting || this.#queue.size === 0) return;
    const { atOnce, timers } = this.#parts;
    const restMs = this.#restsUntilMs - timers.nowMs();
    if (restMs >= REST_MS_MIN) {
      this.#isResting = true;
      timers.setTimer(restMs, () => {
        this.#isResting = false;
        this.#next();
      });
      return;
    }
    for (const call of this.#queue) {
      if (this.#workingCount >= atOnce) break;
      this.#queue.delete(call);
      this.#workingCount++;
      call();
    }
  }

  #rest(workedMs: number): void {
    const nowMs = this.#parts.timers.nowMs();
    this.#countOthers(nowMs);
    const restMs = workedMs * REST_FACTOR * this.#othersShare;
    this.#restsUntilMs = Math.max(nowMs, this.#restsUntilMs) + restMs;
  }

  #countOthers(nowMs: number): void {
    const { atMs, count } = this.#counted;
    const tookMs = nowMs - atMs;
    if (tookMs < COUNT_MS) return;
    const now = this.#parts.writtenCount() - this.#ownCount;
    this.#counted = { atMs: nowMs, count: now };
    const share = (now - count) * WRITE_MS / tookMs;
    this.#othersShare = Math.min(1, Math.max(0, share));
  }
}

/** What a run's place asks of the queue. */
interface TurnQueue {
  /** Calls back when it is its turn; the function returned prevents it. */
  enqueue(call: () => void): () => void;
  ended(workedMs: number): void;
}

/** One run in the queue. It has a turn, waits for one, or has left. */
export class TurnTaker {
  readonly #timers: Timers;
  readonly #queue: TurnQueue;
  #end: (() => void) | undefined;
  #stopWaiting: (() => void) | undefined;
  #hasLeft = false;

  constructor(timers: Timers, queue: TurnQueue) {
    this.#timers = timers;
    this.#queue = queue;
  }

  /** Ends the turn that it has, and waits for the next, unless it has left. */
  async take(): Promise<void> {
    this.give();
    if (this.#hasLeft) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#queue.enqueue(() => {
      this.#begin();
      resolve();
    });
    this.#stopWaiting = () => {
      cancel();
      resolve();
    };
    await promise;
    this.#stopWaiting = undefined;
  }

  /** Ends the turn, if it has one. */
  give(): void {
    this.#end?.();
  }

  /** Waits no more from now on. */
  leave(): void {
    this.#hasLeft = true;
    this.#stopWaiting?.();
    this.give();
  }

  #begin(): void {
    const startMs = this.#timers.nowMs();
    const end = () => {
      cancel();
      this.#end = undefined;
      this.#queue.ended(this.#timers.nowMs() - startMs);
    };
    const cancel = this.#timers.setTimer(TURN_MS_MAX, end);
    this.#end = end;
  }
}
