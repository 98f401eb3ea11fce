/**
 * The failed logins that the throttle remembers, in bounded tables: the key
 * least recently used is forgotten first.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { LIMITS } from "../model/limits.ts";

/** A table that takes memory as it grows, and holds at most `sizeMax` keys. */
export function tableOf<Value extends NonNullable<unknown>>(
  sizeMax: number,
): LRUCache<string, Value> {
  return new LRUCache({ maxSize: sizeMax, sizeCalculation: () => 1 });
}

interface Bucket {
  /** Tries left; below zero after many failures. */
  readonly tries: number;
  /** When `tries` was true. */
  readonly atUs: number;
  /** Tries taken by logins that are not decided yet. */
  readonly pending: number;
}

const FORGET_US = LIMITS.loginFailureForgetMs * 1000;
// A bucket refills from this while the longest delay passes.
const TRIES_MIN = -LIMITS.loginDelayMsMax / LIMITS.loginFailureForgetMs;

/**
 * Token buckets by address. A bucket holds `LIMITS.loginFailuresMax` tries and
 * regains one each `LIMITS.loginFailureForgetMs`. A login takes a try when it
 * arrives; a failed one keeps it, otherwise it is given back.
 */
export class FailureBuckets {
  readonly #buckets = tableOf<Bucket>(LIMITS.loginFailureTableMax);

  /**
   * Takes a try.
   *
   * @returns Time until it may be made, in milliseconds, at most
   * `LIMITS.loginDelayMsMax`.
   */
  take(key: string, nowUs: number): number {
    const bucket = this.#at(key, nowUs);
    const tries = bucket.tries - bucket.pending;
    this.#buckets.set(key, { ...bucket, pending: bucket.pending + 1 });
    if (tries >= 1) return 0;
    const delayMs = (1 - tries) * LIMITS.loginFailureForgetMs;
    return Math.min(delayMs, LIMITS.loginDelayMsMax);
  }

  /** A try that was taken is gone. */
  fail(key: string, nowUs: number): void {
    const { tries, pending } = this.#at(key, nowUs);
    this.#buckets.set(key, {
      tries: Math.max(tries - 1, TRIES_MIN),
      atUs: nowUs,
      pending: Math.max(0, pending - 1),
    });
  }

  /** Gives back a try that was taken. */
  giveBack(key: string, nowUs: number): void {
    const bucket = this.#at(key, nowUs);
    const pending = Math.max(0, bucket.pending - 1);
    const isFull = bucket.tries >= LIMITS.loginFailuresMax && pending === 0;
    if (isFull) this.#buckets.delete(key);
    else this.#buckets.set(key, { ...bucket, pending });
  }

  /** The bucket with what it has regained by now; a full one if it is new. */
  #at(key: string, nowUs: number): Bucket {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      return { tries: LIMITS.loginFailuresMax, atUs: nowUs, pending: 0 };
    }
    // A clock that was set back forgives nothing and costs nothing.
    const passedUs = Math.max(0, nowUs - bucket.atUs);
    const tries = bucket.tries + passedUs / FORGET_US;
    return {
      ...bucket,
      tries: Math.min(LIMITS.loginFailuresMax, tries),
      atUs: nowUs,
    };
  }
}

interface Entry {
  /** Attempts, as of `atUs`; half of them are forgotten each half-life. */
  readonly count: number;
  readonly atUs: number;
}

const HALF_LIFE_US = LIMITS.loginNetworkHalfLifeMs * 1000;

/**
 * Recent attempts of each network: logins that failed, were refused, or still
 * wait to be checked, counted for the address and for the networks around it.
 * Guesses from fresh addresses look new at each address, but not at the
 * networks that these are in.
 */
export class NetworkPressure {
  readonly #entries = tableOf<Entry>(LIMITS.loginNetworkTableMax);

  /** Counts an attempt for each of the networks. */
  add(networks: readonly string[], nowUs: number): void {
    for (const network of networks) {
      const count = this.#countOf(network, nowUs) + 1;
      this.#entries.set(network, { count, atUs: nowUs });
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
