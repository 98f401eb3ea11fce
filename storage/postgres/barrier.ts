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
import type { LogEnd } from "../../lib/store/event_store.ts";
import type { Database } from "./database.ts";
import { POSTGRES_LIMITS } from "./limits.ts";
import { endOf } from "./reads.ts";
import type { Tail } from "./tail.ts";

/** What reads know. */
export const CONSISTENCIES = ["strict", "bounded", "primary"] as const;

export type Consistency = typeof CONSISTENCIES[number];

export interface BarrierOptions {
  readonly database: Database;
  readonly tail: Tail;
  readonly timers: Timers;
  readonly consistency: Consistency;
}

export class Barrier {
  readonly #options: BarrierOptions;
  #running: Promise<LogEnd> | undefined;
  #next: Promise<LogEnd> | undefined;
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

  #share(): Promise<LogEnd> {
    if (this.#running === undefined) return this.#begin();
    this.#next ??= this.#running.catch(() => {}).then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<LogEnd> {
    const running = this.#ask().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #ask(): Promise<LogEnd> {
    const { database, tail, timers, consistency } = this.#options;
    const beganMs = timers.nowMs();
    const name = consistency === "primary" ? "end_v1" : "barrier_v1";
    const [row] = await database.read(name, []);
    const end = endOf(row);
    await tail.reach(end.end);
    this.#lastBeganMs = beganMs;
    this.#durationMs = timers.nowMs() - beganMs;
    return end;
  }
}
