/**
 * In which order, and how fast, passwords are checked that are not remembered.
 *
 * - One at a time, and failures may use half of one core in the long run: after
 *   a burst of `BURST_US` each failure is followed by a rest as long as it took.
 *   A newcomer need not wait for the rest: one attempt of a network (/8, or /32
 *   for IPv6) that nobody else of it tried before.
 * - Attempts are ordered by how much their networks tried in vain of late
 *   (`NetworkPressure`), whatever others did for their login: an honest
 *   client waits for one check, and seldom for a rest, also when thousands of
 *   addresses guess its login, or each guess comes from another address. Among
 *   equals the first goes first; while failures use all that they may, the last:
 *   a queue that guesses fill must not stand between it and a newcomer.
 * - An address that keeps failing waits longer and longer, up to
 *   `LIMITS.loginAddressDelayMsMax`. From an address that failed, so does a
 *   login that keeps failing, up to `LIMITS.loginDelayMsMax`. Neither is refused
 *   for it: anyone can fail for somebody else, and many may share an address.
 * - A login that was right before from the same address goes first, whatever
 *   others do there.
 * - `LIMITS.loginQueueMax` wait; beyond that the one that would be the last to
 *   go is refused, be it the new one or one that waits.
 *
 * Right passwords cost no try. Remembered ones never come here.
 *
 * @module
 */

import type { Clock, Timers } from "../model/clock.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import { limitKeyOfAddress, networksOf } from "../text/addresses.ts";
import { FailureBuckets, keepNewest, NetworkPressure } from "./login_memory.ts";

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
  readonly login: string;
  readonly resolve: (isRight: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** Less than any number of failures can make up for. */
const KNOWN_SCORE = -1e9;
/** What failures for a login weigh beside attempts of networks: next to nothing. */
const LOGIN_WEIGHT = 1e-3;

/** Lets password checks run; remembers no failure at first. */
export class LoginThrottle {
  readonly #clock: Clock;
  readonly #timers: Pick<Timers, "setTimer">;
  readonly #addresses = new FailureBuckets(LIMITS.loginAddressDelayMsMax);
  readonly #logins = new FailureBuckets(LIMITS.loginDelayMsMax);
  readonly #pressure = new NetworkPressure();
  /** Addresses and logins that were right together. */
  readonly #known = new Map<string, true>();
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
    const networks = networksOf(addressKey);
    this.#pressure.add(networks, nowUs);
    this.#addresses.take(addressKey, nowUs);
    this.#logins.take(login, nowUs);
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        check,
        notBeforeUs: nowUs + delayMs * 1000,
        isKnown,
        addressKey,
        networks,
        login,
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
    // Whoever is in the queue counts: also those that may not start yet.
    const order = this.#order(nowUs, () => true);
    const worst = order.at(-1);
    if (worst === undefined) return;
    this.#waiting.splice(this.#waiting.indexOf(worst), 1);
    // Its networks keep the attempt: who is refused again and again tries much.
    this.#addresses.giveBack(worst.addressKey, nowUs);
    this.#logins.giveBack(worst.login, nowUs);
    worst.reject(tooManyError());
  }

  /** Those that wait and are asked for, in the order in which they are to go. */
  #order(
    nowUs: number,
    isAskedFor: (waiting: Waiting) => boolean,
  ): Waiting[] {
    const scored = this.#waiting.filter(isAskedFor).map((waiting) => ({
      waiting,
      score: this.#scoreOf(waiting, nowUs),
    }));
    const isUnderAttack = this.#budgetUs < BURST_US / 2;
    if (isUnderAttack) scored.reverse();
    // Sorting keeps the order of equals.
    return scored.sort((one, other) => one.score - other.score)
      .map(({ waiting }) => waiting);
  }

  /** Whether nobody else of its networks, the widest included, tried of late. */
  #isNewcomer({ networks }: Waiting, nowUs: number): boolean {
    return this.#pressure.of(networks, nowUs) <= networks.length;
  }

  /** Attempts in vain of late; the fewest go first. */
  #scoreOf({ isKnown, networks, login }: Waiting, nowUs: number): number {
    return (isKnown ? KNOWN_SCORE : 0) +
      this.#pressure.of(networks, nowUs) +
      LOGIN_WEIGHT * this.#logins.missing(login, nowUs);
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
   * Of those that may start, the one that goes first.
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

  #fail({ addressKey, login }: Waiting, startUs: number): void {
    const nowUs = this.#clock.nowUs();
    this.#budgetUs -= Math.max(0, nowUs - startUs);
    this.#addresses.fail(addressKey, nowUs);
    this.#logins.fail(login, nowUs);
  }

  #remember(waiting: Waiting): void {
    this.#giveBack(waiting);
    const key = knownKey(waiting.addressKey, waiting.login);
    keepNewest(this.#known, { key, value: true }, LIMITS.loginFailureTableMax);
  }

  #giveBack({ addressKey, networks, login }: Waiting): void {
    const nowUs = this.#clock.nowUs();
    this.#pressure.takeBack(networks, nowUs);
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
