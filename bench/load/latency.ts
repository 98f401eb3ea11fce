/**
 * Latencies of a run, in µs.
 *
 * @module
 */

import { createHistogram } from "node:perf_hooks";

/** Longest latency told apart: 134 s. Longer ones count as this. */
const LATENCY_US_MAX = 2 ** 27;

/** What a run says about its latencies. */
export interface LatencySummary {
  readonly count: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

/** Counts latencies, each at most 0.1 % off. */
export class Latencies {
  readonly #histogram = createHistogram({
    lowest: 1,
    highest: LATENCY_US_MAX,
    figures: 3,
  });

  /** Adds one latency, in milliseconds. */
  record(latencyMs: number): void {
    const us = Math.round(latencyMs * 1000);
    this.#histogram.record(Math.min(Math.max(us, 1), LATENCY_US_MAX));
  }

  /** What they come to; zeros when nothing was recorded. */
  summary(): LatencySummary {
    const { count, max } = this.#histogram;
    const at = (percent: number) =>
      count === 0 ? 0 : this.#histogram.percentile(percent);
    return {
      count,
      p50Us: at(50),
      p99Us: at(99),
      p999Us: at(99.9),
      maxUs: count === 0 ? 0 : max,
    };
  }
}
