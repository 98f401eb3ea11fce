/**
 * How much is answered at once, in all and for one client: what is above is
 * told to come back later instead of being kept waiting.
 *
 * A request counts as in flight from its head until its answer is made. While
 * a long poll is held it takes no part in that, and is counted by itself: it
 * costs memory, and no work.
 *
 * @module
 */

import { limitKeyOfAddress } from "../auth/address_key.ts";
import type { Limits } from "../model/limits.ts";
import { PIPELINE_REFUSALS } from "./problem.ts";
import { Refusal } from "./refusal.ts";

/** Whose request it is. */
export interface AdmittedClient {
  readonly remoteAddress: string;
  /** Undefined for an anonymous one. */
  readonly login: string | undefined;
  /** Has the time added for which it was held. */
  readonly watched?: { heldMs: number };
}

/** Counts what is under way. */
export class Admission {
  readonly #limits: Limits;
  readonly #held = new Map<string, number>();
  #inFlight = 0;
  #heldCount = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Requests whose answer is being made. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Long polls that are held. */
  get heldCount(): number {
    return this.#heldCount;
  }

  /**
   * Lets a request in; `leave` lets it out.
   *
   * @throws {Refusal} `overloaded`.
   */
  enter(): void {
    if (this.#inFlight >= this.#limits.requestsInFlightMax) {
      throw PIPELINE_REFUSALS.overloaded;
    }
    this.#inFlight++;
  }

  leave(): void {
    this.#inFlight--;
  }

  /**
   * Does something that may be held, such as a long poll.
   *
   * @throws {Refusal} `tooManyHeld` or `overloaded`, before anything is done.
   */
  async hold<T>(client: AdmittedClient, wait: () => Promise<T>): Promise<T> {
    const keys = this.#admit(client);
    this.#heldCount++;
    this.#inFlight--;
    for (const key of keys) this.#add(key, 1);
    const startedAtMs = performance.now();
    try {
      return await wait();
    } finally {
      for (const key of keys) this.#add(key, -1);
      const { watched } = client;
      if (watched) watched.heldMs += performance.now() - startedAtMs;
      this.#inFlight++;
      this.#heldCount--;
    }
  }

  #admit({ remoteAddress, login }: AdmittedClient): string[] {
    const limits = this.#limits;
    if (this.#heldCount >= limits.longPollsMax) {
      throw new Refusal(
        "overloaded",
        `Too many long polls. Limit is ${limits.longPollsMax}`,
      );
    }
    const addressKey = "address " + limitKeyOfAddress(remoteAddress);
    if (this.#countOf(addressKey) >= limits.longPollsPerAddressMax) {
      throw new Refusal(
        "tooManyHeld",
        "Too many long polls from this address. Limit is " +
          limits.longPollsPerAddressMax,
      );
    }
    if (login === undefined) return [addressKey];
    const loginKey = "login " + login;
    if (this.#countOf(loginKey) >= limits.longPollsPerUserMax) {
      throw new Refusal(
        "tooManyHeld",
        "Too many long polls of this user. Limit is " +
          limits.longPollsPerUserMax,
      );
    }
    return [addressKey, loginKey];
  }

  #countOf(key: string): number {
    return this.#held.get(key) ?? 0;
  }

  /** Forgets those that hold nothing. */
  #add(key: string, difference: number): void {
    const count = this.#countOf(key) + difference;
    if (count > 0) this.#held.set(key, count);
    else this.#held.delete(key);
  }
}
