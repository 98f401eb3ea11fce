/**
 * Latency histogram of fixed size, after HdrHistogram: exact below 128 µs,
 * then 64 buckets to each doubling, so that a quantile is at most 1.6 % off.
 *
 * @module
 */

/** Buckets to each doubling, as a power of two. */
const SUB_BITS = 6;
const SUB_COUNT = 1 << SUB_BITS;
/** Longest latency told apart, in µs: 134 s. Longer ones count as this. */
const LATENCY_US_MAX = 2 ** 27 - 1;
const BUCKET_COUNT = bucketOf(LATENCY_US_MAX) + 1;

/** What a run says about its latencies, in µs. */
export interface LatencySummary {
  readonly count: number;
  readonly meanUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

/** Counts latencies; takes 12 KB whatever it is told. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKET_COUNT);
  #count = 0;
  #sumUs = 0;
  #maxUs = 0;

  /** Adds one latency, in µs, fractions allowed. */
  record(latencyUs: number): void {
    const clamped = Math.min(Math.max(latencyUs, 0), LATENCY_US_MAX);
    const bucket = bucketOf(clamped | 0);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count++;
    this.#sumUs += clamped;
    if (clamped > this.#maxUs) this.#maxUs = clamped;
  }

  /**
   * Latency that the given share of all stays at or below.
   *
   * @param share 0 to 1.
   * @returns µs, the middle of its bucket; 0 when nothing was recorded.
   */
  quantile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank) return Math.min(middleOf(bucket), this.#maxUs);
    }
    return this.#maxUs;
  }

  summary(): LatencySummary {
    return {
      count: this.#count,
      meanUs: this.#count === 0 ? 0 : this.#sumUs / this.#count,
      p50Us: this.quantile(0.5),
      p99Us: this.quantile(0.99),
      p999Us: this.quantile(0.999),
      maxUs: this.#maxUs,
    };
  }
}

/** Bucket of a latency in whole µs, 0 to `LATENCY_US_MAX`. */
function bucketOf(latencyUs: number): number {
  if (latencyUs < 2 * SUB_COUNT) return latencyUs;
  const shift = 31 - Math.clz32(latencyUs) - SUB_BITS;
  return shift * SUB_COUNT + (latencyUs >>> shift);
}

function middleOf(bucket: number): number {
  if (bucket < 2 * SUB_COUNT) return bucket;
  const shift = (bucket >>> SUB_BITS) - 1;
  const low = (bucket - shift * SUB_COUNT) * 2 ** shift;
  return low + (2 ** shift - 1) / 2;
}
