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

import { limitKeyOfAddress } from "../text/addresses.ts";
import type { Limits } from "../model/limits.ts";
import { HeldPlaces } from "../streams/held_places.ts";
import { PIPELINE_REFUSALS, Refusal } from "./errors.ts";

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
  readonly #places: HeldPlaces;
  #inFlight = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#places = new HeldPlaces({
      inAll: limits.longPollsMax,
      ofAddress: limits.longPollsPerAddressMax,
      ofUser: limits.longPollsPerUserMax,
    });
  }

  /** Requests whose answer is being made. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Long polls that are held. */
  get heldCount(): number {
    return this.#places.count;
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
    const givePlaceUp = this.#takePlace(client);
    this.#inFlight--;
    const startedAtMs = performance.now();
    try {
      return await wait();
    } finally {
      givePlaceUp();
      const { watched } = client;
      if (watched) watched.heldMs += performance.now() - startedAtMs;
      this.#inFlight++;
    }
  }

  /** Takes a place among those that are held; returns how to give it up. */
  #takePlace({ remoteAddress, login }: AdmittedClient): () => void {
    const place = this.#places.take({
      address: limitKeyOfAddress(remoteAddress),
      user: login,
    });
    if (typeof place === "function") return place;
    const { where, limit } = place;
    throw new Refusal(
      where === "inAll" ? "overloaded" : "tooManyHeld",
      `Too many long polls${OF[where]}. Limit is ${limit}`,
    );
  }
}

const OF = {
  inAll: "",
  ofAddress: " from this address",
  ofUser: " of this user",
} as const;
