/**
 * How many values lie below each of some bounds. Noting a value takes some 20
 * nanoseconds and no memory.
 *
 * @module
 */

import type { MetricFamily, Sample } from "./metric.ts";

/** Bounds for times of requests and of the disk, in seconds. */
export const SECONDS_BOUNDS: readonly number[] = [
  0.0001,
  0.00025,
  0.0005,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
];

/** Bounds for numbers of things: powers of four. */
export const COUNT_BOUNDS: readonly number[] = [
  1,
  4,
  16,
  64,
  256,
  1024,
  4096,
  16_384,
  65_536,
];

export class Histogram {
  readonly bounds: readonly number[];
  /** Values at each bound or below it, and above the one before; then the rest. */
  readonly counts: Float64Array;
  sum = 0;
  max = 0;
  count = 0;
  last = 0;

  /** @param bounds In ascending order. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** Notes a value. */
  note(value: number): void {
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] ?? 0)) at++;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sum += value;
    this.count++;
    this.last = value;
    if (value > this.max) this.max = value;
  }

  /** Mean of all values; 0 without any. */
  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  /**
   * Numbers of a family.
   *
   * @param labels What tells this histogram from others: `name="value"` pairs
   * with commas between them; empty for none.
   */
  samples(labels = ""): Sample[] {
    const samples: Sample[] = [];
    const before = labels === "" ? "" : labels + ",";
    let below = 0;
    this.counts.forEach((count, at) => {
      below += count;
      const bound = this.bounds[at];
      const le = bound === undefined ? "+Inf" : String(bound);
      samples.push({
        suffix: "_bucket",
        labels: `{${before}le="${le}"}`,
        value: below,
      });
    });
    const own = labels === "" ? "" : `{${labels}}`;
    samples.push({ suffix: "_sum", labels: own, value: this.sum });
    samples.push({ suffix: "_count", labels: own, value: this.count });
    return samples;
  }

  /** A family of this histogram alone. */
  family(name: string, help: string): MetricFamily {
    return { name, help, type: "histogram", samples: this.samples() };
  }
}
