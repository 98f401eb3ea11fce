/**
 * How much each network has tried lately in vain: logins that failed, were
 * refused, or still wait to be checked, counted for the address and for the
 * networks around it. Guessing from fresh addresses looks new at each address,
 * but not at the networks that these are in.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";

interface Entry {
  /** Attempts, as of `atUs`; half of them are forgotten each half-life. */
  count: number;
  atUs: number;
}

const HALF_LIFE_US = LIMITS.loginNetworkHalfLifeMs * 1000;

/** A bounded table; the network least recently counted is forgotten first. */
export class NetworkPressure {
  readonly #entries = new Map<string, Entry>();

  /** Counts an attempt for each of the networks. */
  add(networks: readonly string[], nowUs: number): void {
    for (const network of networks) {
      const count = this.#countOf(network, nowUs) + 1;
      // Deleting first moves the key to the end of the map's order.
      this.#entries.delete(network);
      if (this.#entries.size >= LIMITS.loginNetworkTableMax) {
        for (const oldest of this.#entries.keys()) {
          this.#entries.delete(oldest);
          break;
        }
      }
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
