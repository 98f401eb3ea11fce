/**
 * What the throttle remembers of logins that failed, in bounded tables: the key
 * least recently used is forgotten first.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";

/** Makes a key the newest of a table, which keeps at most `sizeMax`. */
export function keepNewest<Value>(
  table: Map<string, Value>,
  { key, value }: { readonly key: string; readonly value: Value },
  sizeMax: number,
): void {
  // Deleting first moves the key to the end of the map's order.
  table.delete(key);
  if (table.size >= sizeMax) {
    for (const oldest of table.keys()) {
      table.delete(oldest);
      break;
    }
  }
  table.set(key, value);
}

interface Bucket {
  /** Tries left; below zero after many failures. */
  tries: number;
  /** When `tries` was true. */
  atUs: number;
  /** Tries taken by logins that are not decided yet. */
  pending: number;
  /** When one last failed; undefined: none did. */
  failedAtUs: number | undefined;
}

const FAILED_US = LIMITS.loginFailedAddressMs * 1000;
const FORGET_US = LIMITS.loginFailureForgetMs * 1000;

/**
 * How often logins failed lately, by address or by login: token buckets. A
 * bucket holds `LIMITS.loginFailuresMax` tries and regains one each
 * `LIMITS.loginFailureForgetMs`. A login takes a try when it arrives; once it is
 * known to have failed the try is gone, otherwise it is given back.
 */
export class FailureBuckets {
  readonly #buckets = new Map<string, Bucket>();
  readonly #delayMsMax: number;
  readonly #triesMin: number;

  /** @param delayMsMax Longest time until the next try. */
  constructor(delayMsMax: number) {
    this.#delayMsMax = delayMsMax;
    // What is forgotten while the longest delay passes is enough of a memory.
    this.#triesMin = -delayMsMax / LIMITS.loginFailureForgetMs;
  }

  /** Tries that are missing from a full bucket: 0 for an unknown key. */
  missing(key: string, nowUs: number): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return 0;
    return LIMITS.loginFailuresMax - triesAt(bucket, nowUs) + bucket.pending;
  }

  /** Whether a try failed within `LIMITS.loginFailedAddressMs`. */
  hasFailed(key: string, nowUs: number): boolean {
    const bucket = this.#buckets.get(key);
    return bucket !== undefined && hasFailed(bucket, nowUs);
  }

  /** Time until the next try, in milliseconds; 0 when there is one left. */
  delayMs(key: string, nowUs: number): number {
    const tries = LIMITS.loginFailuresMax - this.missing(key, nowUs);
    if (tries >= 1) return 0;
    const delayMs = (1 - tries) * LIMITS.loginFailureForgetMs;
    return Math.min(delayMs, this.#delayMsMax);
  }

  /** Takes a try, promised where there is none left. */
  take(key: string, nowUs: number): void {
    const bucket = this.#buckets.get(key) ??
      {
        tries: LIMITS.loginFailuresMax,
        atUs: nowUs,
        pending: 0,
        failedAtUs: undefined,
      };
    bucket.pending++;
    keepNewest(
      this.#buckets,
      { key, value: bucket },
      LIMITS.loginFailureTableMax,
    );
  }

  /** A try that was taken is gone. */
  fail(key: string, nowUs: number): void {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return;
    bucket.tries = Math.max(triesAt(bucket, nowUs) - 1, this.#triesMin);
    bucket.atUs = nowUs;
    bucket.failedAtUs = nowUs;
    bucket.pending = Math.max(0, bucket.pending - 1);
  }

  /** Gives back a try that was taken. */
  giveBack(key: string, nowUs: number): void {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return;
    bucket.pending = Math.max(0, bucket.pending - 1);
    const isFull = triesAt(bucket, nowUs) >= LIMITS.loginFailuresMax;
    const isForgotten = isFull && bucket.pending === 0 &&
      !hasFailed(bucket, nowUs);
    if (isForgotten) this.#buckets.delete(key);
  }
}

function hasFailed({ failedAtUs }: Bucket, nowUs: number): boolean {
  return failedAtUs !== undefined && nowUs - failedAtUs < FAILED_US;
}

function triesAt(bucket: Bucket, nowUs: number): number {
  // A clock that was set back forgives nothing and costs nothing.
  const passedUs = Math.max(0, nowUs - bucket.atUs);
  return Math.min(LIMITS.loginFailuresMax, bucket.tries + passedUs / FORGET_US);
}

interface Entry {
  /** Attempts, as of `atUs`; half of them are forgotten each half-life. */
  count: number;
  atUs: number;
}

const HALF_LIFE_US = LIMITS.loginNetworkHalfLifeMs * 1000;

/**
 * How much each network has tried lately in vain: logins that failed, were
 * refused, or still wait to be checked, counted for the address and for the
 * networks around it. Guessing from fresh addresses looks new at each address,
 * but not at the networks that these are in.
 */
export class NetworkPressure {
  readonly #entries = new Map<string, Entry>();

  /** Counts an attempt for each of the networks. */
  add(networks: readonly string[], nowUs: number): void {
    for (const network of networks) {
      const count = this.#countOf(network, nowUs) + 1;
      const value = { count, atUs: nowUs };
      keepNewest(
        this.#entries,
        { key: network, value },
        LIMITS.loginNetworkTableMax,
      );
    }
  }

  /** Takes an attempt back: it was right, or could not be checked. */
  takeBack(networks: readonly string[], nowUs: number): void {
    for (const network of networks) {
      const count = this.#countOf(network, nowUs) - 1;
      if (count < 0.01) this.#entries.delete(network);
      else this.#entries.set(network, { count, atUs: nowUs });
    }
  }

  /**
   * Attempts of the networks, added up. Of two addresses the networks that both
   * are in make no difference; the one whose own networks tried less has less.
   */
  of(networks: readonly string[], nowUs: number): number {
    let sum = 0;
    for (const network of networks) sum += this.#countOf(network, nowUs);
    return sum;
  }

  #countOf(network: string, nowUs: number): number {
    const entry = this.#entries.get(network);
    if (entry === undefined) return 0;
    // A clock that was set back forgets nothing.
    const passedUs = Math.max(0, nowUs - entry.atUs);
    return entry.count * 2 ** (-passedUs / HALF_LIFE_US);
  }
}
