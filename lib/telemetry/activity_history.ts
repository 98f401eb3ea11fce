/**
 * The activity of the last five minutes, second by second: for people
 * who look at it. Programs have `/metrics`.
 *
 * @module
 */

import type { Timers } from "../model/clock.ts";
import { SECONDS_BOUNDS } from "./histogram.ts";

/** Seconds that are remembered. */
export const HISTORY_SECONDS = 300;

/** Sums since the start, at one moment. */
export interface ActivityTotals {
  readonly events: number;
  readonly requests: number;
  /** Appends and reads by the `SECONDS_BOUNDS` of their durations. */
  readonly appends: Float64Array;
  readonly reads: Float64Array;
}

interface Sample extends ActivityTotals {
  readonly atMs: number;
}

/** The activity of one second. */
export interface ActivityRate {
  readonly events: number;
  readonly requests: number;
}

/** Below which time half, and 99 in 100, of the requests were answered. */
export interface Quantiles {
  readonly count: number;
  /** Seconds, no more exact than the bounds; undefined: there were none. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

/** Looks at the totals once a second, once it was started. */
export class ActivityHistory {
  readonly #timers: Timers;
  readonly #samples: Sample[] = [];
  #stop: (() => void) | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** @param read Tells the totals; to be called once. */
  start(read: () => ActivityTotals): void {
    const note = () => {
      this.#samples.push({ atMs: this.#timers.nowMs(), ...read() });
      if (this.#samples.length > HISTORY_SECONDS + 1) this.#samples.shift();
      this.#stop = this.#timers.setTimer(1000, note);
    };
    note();
  }

  stop(): void {
    this.#stop?.();
  }

  /** The activity by second, the oldest first. */
  rates(): ActivityRate[] {
    const rates: ActivityRate[] = [];
    for (let at = 1; at < this.#samples.length; at++) {
      const [before, after] = [this.#samples[at - 1], this.#samples[at]];
      if (before === undefined || after === undefined) continue;
      const seconds = Math.max(0.001, (after.atMs - before.atMs) / 1000);
      rates.push({
        events: (after.events - before.events) / seconds,
        requests: (after.requests - before.requests) / seconds,
      });
    }
    return rates;
  }

  /** How long requests of a kind took. */
  quantiles(kind: "appends" | "reads"): Quantiles {
    const first = this.#samples[0]?.[kind];
    const last = this.#samples.at(-1)?.[kind];
    if (first === undefined || last === undefined) return NONE;
    return quantilesOf(last.map((sum, at) => sum - (first[at] ?? 0)));
  }
}

const NONE: Quantiles = { count: 0, p50: undefined, p99: undefined };

function quantilesOf(counts: Float64Array): Quantiles {
  const count = counts.reduce((sum, one) => sum + one, 0);
  if (count === 0) return NONE;
  const boundOf = (share: number) => {
    let below = 0;
    const at = counts.findIndex((one) => (below += one) >= share * count);
    return SECONDS_BOUNDS[at] ?? Infinity;
  };
  return { count, p50: boundOf(0.5), p99: boundOf(0.99) };
}
