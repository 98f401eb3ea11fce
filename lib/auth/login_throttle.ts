/**
 * In which order, and how fast, passwords are checked that are not remembered.
 *
 * - One at a time, and failures may use half of one core in the long run: after
 *   a burst of `BURST_US` each failure is followed by a rest as long as it took.
 * - Attempts from addresses that have not failed for an hour go first, whatever
 *   others did for their login: an honest client waits for one check and the
 *   rest after it, also when thousands of addresses guess its login. The others
 *   are ordered by how often their address and their login failed lately.
 * - An address that keeps failing waits longer and longer, up to
 *   `LIMITS.loginAddressDelayMsMax`. From an address that failed, so does a
 *   login that keeps failing, up to `LIMITS.loginDelayMsMax`. Neither is refused
 *   for it: anyone can fail for somebody else, and many may share an address.
 * - A login that was right before from the same address goes first, whatever
 *   others do there.
 * - `LIMITS.loginQueueMax` wait; beyond that the one with the most failures is
 *   refused, be it the new one or one that waits.
 *
 * Right passwords cost no try. Remembered ones never come here.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import { limitKeyOfAddress } from "./address_key.ts";
import { FailureBuckets } from "./failure_buckets.ts";

/** Calls back once, after a while. Tests bring a timer that they move. */
export interface Timer {
  /** @returns A function that prevents the call. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The platform's timer. */
export const SYSTEM_TIMER: Timer = {
  after(delayMs, callback) {
    const timeout = setTimeout(callback, delayMs);
    return () => clearTimeout(timeout);
  },
};

/** Whose password is to be checked. */
export interface LoginAttempt {
  readonly remoteAddress: string;
  readonly login: string;
}

/** Lets password checks run. `createLoginThrottle` makes it. */
export interface LoginThrottle {
  /**
   * Runs `check` when it is the attempt's turn.
   *
   * @param check Says whether the password was right.
   * @returns What `check` said.
   * @throws {QuipuError} `tooManyLogins`, without having run it; `storeClosed`
   * after `close`; and what `check` throws.
   */
  run(attempt: LoginAttempt, check: () => Promise<boolean>): Promise<boolean>;
  /** Refuses what waits and what comes. */
  close(): void;
}

/** Share of one core that failures may use in the long run. */
const FAILURE_SHARE = 0.5;
/** Time of one core that failures may use at once. */
const BURST_US = 2_000_000;

interface Waiting {
  readonly check: () => Promise<boolean>;
  readonly notBeforeUs: number;
  /** Failures of late; the fewest go first. */
  readonly score: number;
  readonly addressKey: string;
  readonly login: string;
  readonly resolve: (isRight: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** Less than any number of failures can make up for. */
const KNOWN_SCORE = -1e9;
/** The same, for an address that has not failed. */
const UNBLEMISHED_SCORE = -1e6;

/** Makes a throttle that remembers no failure yet. */
export function createLoginThrottle(
  { clock, timer = SYSTEM_TIMER }: {
    readonly clock: Clock;
    readonly timer?: Timer | undefined;
  },
): LoginThrottle {
  return new QueueingThrottle(clock, timer);
}

class QueueingThrottle implements LoginThrottle {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #addresses = new FailureBuckets(LIMITS.loginAddressDelayMsMax);
  readonly #logins = new FailureBuckets(LIMITS.loginDelayMsMax);
  /** Addresses and logins that were right together. */
  readonly #known = new Set<string>();
  /** In order of arrival. */
  readonly #waiting: Waiting[] = [];
  /** Core time that failures may still use; negative: they must rest. */
  #budgetUs = BURST_US;
  #budgetAtUs: number;
  #isChecking = false;
  #isClosed = false;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, timer: Timer) {
    this.#clock = clock;
    this.#timer = timer;
    this.#budgetAtUs = clock.nowUs();
  }

  run(
    { remoteAddress, login: wholeLogin }: LoginAttempt,
    check: () => Promise<boolean>,
  ): Promise<boolean> {
    if (this.#isClosed) return Promise.reject(closedError());
    const nowUs = this.#clock.nowUs();
    // A claimed login may be long; the tables must not keep it all.
    const login = wholeLogin.slice(0, LIMITS.userNameBytesMax);
    const addressKey = limitKeyOfAddress(remoteAddress);
    const isKnown = this.#known.has(knownKey(addressKey, login));
    const addressDelayMs = isKnown
      ? 0
      : this.#addresses.delayMs(addressKey, nowUs);
    const hasFailed = this.#addresses.hasFailed(addressKey, nowUs);
    const delayMs = hasFailed
      ? Math.max(addressDelayMs, this.#logins.delayMs(login, nowUs))
      : addressDelayMs;
    const score = (isKnown ? KNOWN_SCORE : 0) +
      (hasFailed ? 0 : UNBLEMISHED_SCORE) +
      this.#addresses.missing(addressKey, nowUs) +
      this.#logins.missing(login, nowUs);
    this.#addresses.take(addressKey, nowUs);
    this.#logins.take(login, nowUs);
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        check,
        notBeforeUs: nowUs + delayMs * 1000,
        score,
        addressKey,
        login,
        resolve,
        reject,
      });
      if (this.#waiting.length > LIMITS.loginQueueMax) this.#refuseWorst();
      this.#startNext();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const waiting of this.#waiting.splice(0)) {
      waiting.reject(closedError());
    }
  }

  /** The one with the most failures; among equals, the one that came last. */
  #refuseWorst(): void {
    let worstIndex = 0;
    this.#waiting.forEach((waiting, index) => {
      const worst = this.#waiting[worstIndex];
      if (worst !== undefined && waiting.score >= worst.score) {
        worstIndex = index;
      }
    });
    const [worst] = this.#waiting.splice(worstIndex, 1);
    if (worst === undefined) return;
    this.#giveBack(worst);
    worst.reject(tooManyError());
  }

  #startNext(): void {
    if (this.#isChecking || this.#isClosed) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#waiting.length === 0) return;
    const nowUs = this.#clock.nowUs();
    const restUs = this.#restUs(nowUs);
    const next = restUs > 0 ? undefined : this.#takeBest(nowUs);
    if (next !== undefined) {
      this.#isChecking = true;
      this.#check(next);
      return;
    }
    let wakeUs = Infinity;
    for (const { notBeforeUs } of this.#waiting) {
      wakeUs = Math.min(wakeUs, notBeforeUs);
    }
    const waitUs = Math.max(wakeUs - nowUs, restUs);
    this.#cancelTimer = this.#timer.after(
      Math.max(1, Math.ceil(waitUs / 1000)),
      () => this.#startNext(),
    );
  }

  /** Of those that may start, the one with the fewest failures. */
  #takeBest(nowUs: number): Waiting | undefined {
    let bestIndex = -1;
    let bestScore = Infinity;
    this.#waiting.forEach(({ notBeforeUs, score }, index) => {
      if (notBeforeUs > nowUs || score >= bestScore) return;
      bestIndex = index;
      bestScore = score;
    });
    return bestIndex < 0 ? undefined : this.#waiting.splice(bestIndex, 1)[0];
  }

  /** Resolves the attempt's promise; never rejects itself. */
  async #check(waiting: Waiting): Promise<void> {
    const startUs = this.#clock.nowUs();
    try {
      const isRight = await waiting.check();
      if (isRight) this.#remember(waiting);
      else this.#fail(waiting, startUs);
      waiting.resolve(isRight);
    } catch (error) {
      this.#giveBack(waiting);
      waiting.reject(error);
    } finally {
      this.#isChecking = false;
      this.#startNext();
    }
  }

  /** How long until failures may use the core again. */
  #restUs(nowUs: number): number {
    const passedUs = Math.max(0, nowUs - this.#budgetAtUs);
    this.#budgetAtUs = nowUs;
    this.#budgetUs = Math.min(
      BURST_US,
      this.#budgetUs + passedUs * FAILURE_SHARE,
    );
    return this.#budgetUs >= 0 ? 0 : -this.#budgetUs / FAILURE_SHARE;
  }

  #fail({ addressKey, login }: Waiting, startUs: number): void {
    const nowUs = this.#clock.nowUs();
    this.#budgetUs -= Math.max(0, nowUs - startUs);
    this.#addresses.fail(addressKey, nowUs);
    this.#logins.fail(login, nowUs);
  }

  #remember(waiting: Waiting): void {
    this.#giveBack(waiting);
    const key = knownKey(waiting.addressKey, waiting.login);
    // Deleting first moves the key to the end of the set's order.
    this.#known.delete(key);
    if (this.#known.size >= LIMITS.loginFailureTableMax) {
      for (const oldest of this.#known) {
        this.#known.delete(oldest);
        break;
      }
    }
    this.#known.add(key);
  }

  #giveBack({ addressKey, login }: Waiting): void {
    const nowUs = this.#clock.nowUs();
    this.#addresses.giveBack(addressKey, nowUs);
    this.#logins.giveBack(login, nowUs);
  }
}

/** No address contains a space. */
function knownKey(addressKey: string, login: string): string {
  return `${addressKey} ${login}`;
}

function tooManyError(): QuipuError {
  return new QuipuError(
    "tooManyLogins",
    "Too many logins fail: try again later",
  );
}

function closedError(): QuipuError {
  return new QuipuError("storeClosed", "The server is closing");
}
