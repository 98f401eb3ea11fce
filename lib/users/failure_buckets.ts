/**
 * How often logins failed lately, by address or by login: token buckets in a
 * bounded table. A bucket holds `LIMITS.loginFailuresMax` tries and regains
 * one each `LIMITS.loginFailureForgetMs`. A login takes a try when it arrives;
 * once it is known to have failed the try is gone, otherwise it is given back.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";

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

/** A table of buckets. The key least recently used is forgotten first. */
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
    this.#touch(key, bucket);
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

  #touch(key: string, bucket: Bucket): void {
    // Deleting first moves the key to the end of the map's order.
    this.#buckets.delete(key);
    if (this.#buckets.size >= LIMITS.loginFailureTableMax) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    this.#buckets.set(key, bucket);
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
