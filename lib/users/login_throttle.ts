/**
 * The order and the rate of checks of passwords that are not remembered.
 *
 * - One check at a time. Failures draw on a token bucket of core time: after a
 *   burst of `BURST_US` they may use half of one core in the long run, so each
 *   is followed by a rest as long as it took. A newcomer need not wait for the
 *   rest: the first attempt of its network (/8, or /32 for IPv6).
 * - Each address has a token bucket of tries (`FailureBuckets`): one that keeps
 *   failing waits up to `LIMITS.loginDelayMsMax`. It is not refused: many
 *   clients may share an address.
 * - Attempts are ordered by how often their networks failed lately
 *   (`NetworkPressure`): an honest client waits for one check, and seldom for a
 *   rest, also when thousands of addresses guess, or each guess comes from
 *   another address. Among equals the first goes first; under attack the last,
 *   so that a queue full of guesses does not delay a newcomer.
 * - A login that was right before from the same address goes first.
 * - `LIMITS.loginQueueMax` attempts wait; beyond that the last in the order is
 *   refused, be it the new one or one that waits.
 *
 * Right passwords cost no try. Remembered ones never come here.
 *
 * @module
 */

import type { Clock, Timers } from "../model/clock.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import { limitKeyOfAddress, networksOf } from "../text/addresses.ts";
import { FailureBuckets, NetworkPressure, tableOf } from "./login_memory.ts";

/** Whose password is to be checked. */
export interface LoginAttempt {
  readonly remoteAddress: string;
  readonly login: string;
}

/** Share of one core that failures may use in the long run. */
const FAILURE_SHARE = 0.5;
/** Time of one core that failures may use at once. */
const BURST_US = 2_000_000;

interface Waiting {
  readonly check: () => Promise<boolean>;
  readonly notBeforeUs: number;
  /** Whether the login was right before from the address. */
  readonly isKnown: boolean;
  readonly addressKey: string;
  /** The address and the networks around it. */
  readonly networks: readonly string[];
  /** Address and login. */
  readonly knownKey: string;
  readonly resolve: (isRight: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** Less than any number of failures can make up for. */
const KNOWN_SCORE = -1e9;

/** Runs password checks one after the other. */
export class LoginThrottle {
  readonly #clock: Clock;
  readonly #timers: Pick<Timers, "setTimer">;
  readonly #addresses = new FailureBuckets();
  readonly #pressure = new NetworkPressure();
  /** Addresses and logins that were right together. */
  readonly #known = tableOf<true>(LIMITS.loginFailureTableMax);
  /** In order of arrival. */
  readonly #waiting: Waiting[] = [];
  /** Core time that failures may still use; negative: they must rest. */
  #budgetUs = BURST_US;
  #budgetAtUs: number;
  #isChecking = false;
  #isClosed = false;
  #cancelTimer: (() => void) | undefined;

  constructor(
    { clock, timers }: {
      readonly clock: Clock;
      readonly timers: Pick<Timers, "setTimer">;
    },
  ) {
    this.#clock = clock;
    this.#timers = timers;
    this.#budgetAtUs = clock.nowUs();
  }

  /**
   * Runs `check` when it is the attempt's turn.
   *
   * @param check Says whether the password was right.
   * @returns What `check` said.
   * @throws {QuipuError} `tooManyLogins`, without having run it; `storeClosed`
   * after `close`; and what `check` throws.
   */
  run(
    { remoteAddress, login }: LoginAttempt,
    check: () => Promise<boolean>,
  ): Promise<boolean> {
    if (this.#isClosed) return Promise.reject(closedError());
    const nowUs = this.#clock.nowUs();
    const addressKey = limitKeyOfAddress(remoteAddress);
    // A claimed login may be long; the table must not keep it all. No address
    // contains a space.
    const knownKey = `${addressKey} ${login.slice(0, LIMITS.userNameBytesMax)}`;
    const isKnown = this.#known.get(knownKey) !== undefined;
    const delayMs = this.#addresses.take(addressKey, nowUs);
    const networks = networksOf(addressKey);
    this.#pressure.add(networks, nowUs);
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        check,
        notBeforeUs: isKnown ? nowUs : nowUs + delayMs * 1000,
        isKnown,
        addressKey,
        networks,
        knownKey,
        resolve,
        reject,
      });
      if (this.#waiting.length > LIMITS.loginQueueMax) {
        this.#refuseWorst(nowUs);
      }
      this.#startNext();
    });
  }

  /** Refuses what waits and what comes. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const waiting of this.#waiting.splice(0)) {
      waiting.reject(closedError());
    }
  }

  #refuseWorst(nowUs: number): void {
    const order = this.#order(nowUs, () => true);
    const worst = order.at(-1);
    if (worst === undefined) return;
    this.#waiting.splice(this.#waiting.indexOf(worst), 1);
    // Its networks keep the attempt.
    this.#addresses.giveBack(worst.addressKey, nowUs);
    worst.reject(tooManyError());
  }

  /** The attempts that `isCandidate` selects, the next to check first. */
  #order(
    nowUs: number,
    isCandidate: (waiting: Waiting) => boolean,
  ): Waiting[] {
    const scored = this.#waiting.filter(isCandidate).map((waiting) => ({
      waiting,
      score: this.#scoreOf(waiting, nowUs),
    }));
    const isUnderAttack = this.#budgetUs < BURST_US / 2;
    if (isUnderAttack) scored.reverse();
    // Sorting keeps the order of equals.
    return scored.sort((one, other) => one.score - other.score)
      .map(({ waiting }) => waiting);
  }

  /** Whether it is the first recent attempt of its networks, the widest included. */
  #isNewcomer({ networks }: Waiting, nowUs: number): boolean {
    return this.#pressure.of(networks, nowUs) <= networks.length;
  }

  /** Recent failures; the fewest go first. */
  #scoreOf({ isKnown, networks }: Waiting, nowUs: number): number {
    return (isKnown ? KNOWN_SCORE : 0) + this.#pressure.of(networks, nowUs);
  }

  #startNext(): void {
    if (this.#isChecking || this.#isClosed) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#waiting.length === 0) return;
    const nowUs = this.#clock.nowUs();
    const restUs = this.#restUs(nowUs);
    const next = this.#takeBest(nowUs, restUs > 0);
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
    this.#cancelTimer = this.#timers.setTimer(
      Math.max(1, Math.ceil(waitUs / 1000)),
      () => this.#startNext(),
    );
  }

  /**
   * Takes the first of those that may start.
   *
   * @param isResting Whether only newcomers may start.
   */
  #takeBest(nowUs: number, isResting: boolean): Waiting | undefined {
    const [best] = this.#order(
      nowUs,
      (waiting) =>
        waiting.notBeforeUs <= nowUs &&
        (!isResting || this.#isNewcomer(waiting, nowUs)),
    );
    if (best !== undefined) {
      this.#waiting.splice(this.#waiting.indexOf(best), 1);
    }
    return best;
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

  #fail({ addressKey }: Waiting, startUs: number): void {
    const nowUs = this.#clock.nowUs();
    this.#budgetUs -= Math.max(0, nowUs - startUs);
    this.#addresses.fail(addressKey, nowUs);
  }

  #remember(waiting: Waiting): void {
    this.#giveBack(waiting);
    this.#known.set(waiting.knownKey, true);
  }

  #giveBack({ addressKey, networks }: Waiting): void {
    const nowUs = this.#clock.nowUs();
    this.#pressure.takeBack(networks, nowUs);
    this.#addresses.giveBack(addressKey, nowUs);
  }
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
