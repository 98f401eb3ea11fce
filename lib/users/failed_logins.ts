/**
 * Failed logins: all of them are counted, and some are audited, so that those
 * who guess passwords fill no disk.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";

/** Least time between two lines. */
const QUIET_US = 5_000_000;

/** A login that was refused. */
export interface FailedLogin {
  /** Who it said it was; undefined: it did not say. */
  readonly login: string | undefined;
  readonly remoteAddress: string;
}

/** Counts failed logins since the start, and logs one in five seconds. */
export class FailedLogins {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #count = 0;
  #leftOut = 0;
  #quietUntilUs = 0;

  constructor(options: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  get count(): number {
    return this.#count;
  }

  /** @param describe Called only when a line is written. */
  note(describe: () => FailedLogin): void {
    this.#count++;
    const nowUs = this.#clock.nowUs();
    if (nowUs < this.#quietUntilUs) {
      this.#leftOut++;
      return;
    }
    const { login, remoteAddress } = describe();
    this.#logger.audit("login.failed", {
      login: login ?? null,
      from: remoteAddress,
      ...(this.#leftOut > 0 && { leftOut: this.#leftOut }),
    });
    this.#quietUntilUs = nowUs + QUIET_US;
    this.#leftOut = 0;
  }
}
