/**
 * The barrier: after it, reads and watchers know all that was acknowledged
 * anywhere before the call. Calls that come while one is under way share the
 * next.
 *
 * - `strict`: the standbys confirm a record of now, which a primary that was
 *   replaced cannot get.
 * - `bounded`: as strict, but at most every `POSTGRES_LIMITS.boundedMs`: what
 *   is read may be older by so much.
 * - `primary`: what the server that was reached last has: while it is being
 *   replaced, reads may be older than its successor.
 *
 * @module
 */

import type { Timers } from "../../lib/model/clock.ts";
import { POSTGRES_LIMITS } from "./limits.ts";
import type { Tail } from "./tail.ts";

/** What reads know. */
export const CONSISTENCIES = ["strict", "bounded", "primary"] as const;

export type Consistency = typeof CONSISTENCIES[number];

export interface BarrierOptions {
  readonly tail: Tail;
  readonly timers: Timers;
  readonly consistency: Consistency;
}

export class Barrier {
  readonly #options: BarrierOptions;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #lastBeganMs = -Infinity;
  #durationMs = 0;

  constructor(options: BarrierOptions) {
    this.#options = options;
  }

  /** How long the last one took, in milliseconds. */
  get durationMs(): number {
    return this.#durationMs;
  }

  /** See `EventStore.barrier`. Rejects as reads do. */
  async pass(): Promise<void> {
    const { consistency, timers } = this.#options;
    const isFresh = consistency === "bounded" &&
      timers.nowMs() - this.#lastBeganMs < POSTGRES_LIMITS.boundedMs;
    if (!isFresh) await this.#share();
  }

  #share(): Promise<void> {
    if (this.#running === undefined) return this.#begin();
    this.#next ??= this.#running.catch(() => {}).then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<void> {
    const running = this.#ask().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #ask(): Promise<void> {
    const { tail, timers, consistency } = this.#options;
    const beganMs = timers.nowMs();
    await tail.catchUp(
      consistency === "primary" ? "tail_v1" : "synced_tail_v1",
    );
    this.#lastBeganMs = beganMs;
    this.#durationMs = timers.nowMs() - beganMs;
  }
}
