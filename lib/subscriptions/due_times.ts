/**
 * What is due when: one timer for all groups that wait for a time. A group that
 * waits for none costs nothing.
 *
 * @module
 */

import type { Timers } from "../model/clock.ts";

/** Somebody who waits for a time. */
export interface Waiting {
  /**
   * Does what is due; must not throw.
   *
   * @returns When to be called next; undefined: not at all.
   */
  runDue(nowMs: number): number | undefined;
}

/** Least time between two looks at what is due. */
const LOOK_MS = 10;
/** Most: the platform's timers end at once beyond 2^31 milliseconds. */
const LOOK_MS_MAX = 24 * 3600 * 1000;

/** Calls those who wait, each at its time or a little later. */
export class DueTimes {
  readonly #timers: Timers;
  readonly #times = new Map<Waiting, number>();
  #timerAtMs = Infinity;
  #cancelTimer: (() => void) | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Has somebody called at a time, unless it is called earlier anyway. */
  wake(waiting: Waiting, atMs: number): void {
    if (atMs >= (this.#times.get(waiting) ?? Infinity)) return;
    this.#times.set(waiting, atMs);
    this.#arm(atMs);
  }

  /** Nobody is called any more for this one. */
  forget(waiting: Waiting): void {
    this.#times.delete(waiting);
    if (this.#times.size > 0) return;
    this.#cancelTimer?.();
    this.#timerAtMs = Infinity;
  }

  #arm(atMs: number): void {
    if (atMs >= this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#timerAtMs = atMs;
    const leftMs = atMs - this.#timers.nowMs();
    const delayMs = Math.min(Math.max(LOOK_MS, leftMs), LOOK_MS_MAX);
    this.#cancelTimer = this.#timers.setTimer(delayMs, () => this.#look());
  }

  #look(): void {
    this.#timerAtMs = Infinity;
    const nowMs = this.#timers.nowMs();
    for (const [waiting, atMs] of [...this.#times]) {
      if (atMs > nowMs || this.#times.get(waiting) !== atMs) continue;
      this.#times.delete(waiting);
      const next = waiting.runDue(nowMs);
      if (next !== undefined) this.wake(waiting, next);
    }
    let earliestMs = Infinity;
    for (const atMs of this.#times.values()) {
      if (atMs < earliestMs) earliestMs = atMs;
    }
    if (earliestMs < Infinity) this.#arm(earliestMs);
  }
}

/** Whether a time has come; undefined: there is none. */
export function isDue(timeMs: number | undefined, nowMs: number): boolean {
  return timeMs !== undefined && timeMs <= nowMs;
}
