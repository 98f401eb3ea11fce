/**
 * How much is under way, in all and of one client: what is above is told to
 * come back later instead of being kept waiting.
 *
 * A request counts as in flight from its head until its answer is made. What is
 * held (a long poll, a live feed, a download) is counted by kind instead: it
 * costs memory, and no work. A quarter of the places in all, and of those of an
 * address, is kept for clients that are logged in: anonymous clients, which
 * cost nothing to be, must not keep everybody else out.
 *
 * @module
 */

import type { Limits } from "../model/limits.ts";
import type { PullEnd, PullSource } from "../model/pull_source.ts";
import { limitKeyOfAddress } from "../text/addresses.ts";
import { PIPELINE_REFUSALS, Refusal } from "./errors.ts";

/** Whose request it is. */
export interface QuotaHolder {
  readonly client: { readonly remoteAddress: string };
  /** Undefined for an anonymous client. */
  readonly caller: { readonly login: string } | undefined;
  /** Has the time added for which it was held. */
  readonly watched?: { heldMs: number };
}

/** A kind of held request, with its name in refusals. */
export type HeldKind = keyof typeof NAMES;

const NAMES = {
  longPolls: "long polls",
  liveFeeds: "live feeds",
  consumers: "consumers",
  backups: "backups",
  exports: "exports",
  imports: "imports",
} as const;

/** How many places there are of a kind; undefined: as many as in all. */
interface PlaceLimits {
  readonly inAll: number;
  readonly ofAddress?: number;
  readonly ofUser?: number;
}

interface Places {
  readonly limits: PlaceLimits;
  readonly byAddress: Map<string, number>;
  readonly byUser: Map<string, number>;
  count: number;
}

/** Counts what is under way. */
export class Quota {
  readonly #inFlightMax: number;
  readonly #places: Readonly<Record<HeldKind, Places>>;
  #inFlight = 0;

  constructor(limits: Limits) {
    this.#inFlightMax = limits.requestsInFlightMax;
    this.#places = {
      longPolls: placesOf({
        inAll: limits.longPollsMax,
        ofAddress: limits.longPollsPerAddressMax,
        ofUser: limits.longPollsPerUserMax,
      }),
      liveFeeds: placesOf({
        inAll: limits.liveFeedsMax,
        ofAddress: limits.liveFeedsPerAddressMax,
        ofUser: limits.liveFeedsPerUserMax,
      }),
      // That messages of persistent subscriptions are pushed to.
      consumers: placesOf({
        inAll: limits.subscriptionConsumersMax,
        ofAddress: limits.subscriptionConsumersPerAddressMax,
      }),
      // For operators alone, who are logged in.
      backups: placesOf({ inAll: limits.backupsMax }),
      exports: placesOf({ inAll: limits.exportsMax }),
      // For administrators.
      imports: placesOf({ inAll: limits.importsMax }),
    };
  }

  /** Requests whose answer is being made. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** How many places of a kind are taken. */
  heldCount(kind: HeldKind): number {
    return this.#places[kind].count;
  }

  /**
   * Lets a request in; `leave` lets it out.
   *
   * @throws {Refusal} `overloaded`.
   */
  enter(): void {
    if (this.#inFlight >= this.#inFlightMax) throw PIPELINE_REFUSALS.overloaded;
    this.#inFlight++;
  }

  leave(): void {
    this.#inFlight--;
  }

  /**
   * Takes a place.
   *
   * @returns A function that gives it up, and may be called again.
   * @throws {Refusal} `tooManyHeld` of this address or user, `overloaded` in all.
   */
  take(kind: HeldKind, { client, caller }: QuotaHolder): () => void {
    const { limits, byAddress, byUser } = this.#places[kind];
    const { inAll, ofAddress = inAll, ofUser = inAll } = limits;
    const user = caller?.login;
    const address = limitKeyOfAddress(client.remoteAddress);
    const share = user === undefined ? anonymousShare : wholeShare;
    const places = this.#places[kind];
    if (places.count >= share(inAll)) {
      throw refusal("overloaded", kind, "", share(inAll));
    }
    const addressCount = byAddress.get(address) ?? 0;
    if (addressCount >= share(ofAddress)) {
      const whose = " from this address";
      throw refusal("tooManyHeld", kind, whose, share(ofAddress));
    }
    const userCount = user === undefined ? 0 : byUser.get(user) ?? 0;
    if (user !== undefined && userCount >= ofUser) {
      throw refusal("tooManyHeld", kind, " of this user", ofUser);
    }
    places.count++;
    byAddress.set(address, addressCount + 1);
    if (user !== undefined) byUser.set(user, userCount + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      places.count--;
      decrement(byAddress, address);
      if (user !== undefined) decrement(byUser, user);
    };
  }

  /**
   * Opens something that is sent for long. It keeps a place until it has ended
   * and its connection has let go of it: a client that was dropped for its
   * slowness takes up the connection's buffers until then.
   *
   * @returns What `open` did; what has no `source` takes no place.
   * @throws {Refusal} As `take` does, before anything is opened.
   */
  async keep<T extends object>(
    kind: HeldKind,
    holder: QuotaHolder & {
      readonly info: { readonly completed: Promise<unknown> };
    },
    open: () => T | Promise<T>,
  ): Promise<T> {
    const giveUp = this.take(kind, holder);
    try {
      const opened: T & { readonly source?: PullSource } = await open();
      const { source } = opened;
      if (source === undefined) {
        giveUp();
        return opened;
      }
      return {
        ...opened,
        source: {
          next: () => source.next(),
          end(how: PullEnd) {
            source.end(how);
            holder.info.completed.then(giveUp, giveUp);
          },
        },
      };
    } catch (error) {
      giveUp();
      throw error;
    }
  }

  /**
   * Does something that may be held, such as a long poll.
   *
   * @throws {Refusal} As `take` does, before anything is done.
   */
  async hold<T>(holder: QuotaHolder, wait: () => Promise<T>): Promise<T> {
    const giveUp = this.take("longPolls", holder);
    this.#inFlight--;
    const startedAtMs = performance.now();
    try {
      return await wait();
    } finally {
      giveUp();
      const { watched } = holder;
      if (watched) watched.heldMs += performance.now() - startedAtMs;
      this.#inFlight++;
    }
  }
}

function placesOf(limits: PlaceLimits): Places {
  return { limits, byAddress: new Map(), byUser: new Map(), count: 0 };
}

function wholeShare(places: number): number {
  return places;
}

function anonymousShare(places: number): number {
  return places - Math.floor(places / 4);
}

function refusal(
  code: "overloaded" | "tooManyHeld",
  kind: HeldKind,
  whose: string,
  limit: number,
): Refusal {
  return new Refusal(
    code,
    `Too many ${NAMES[kind]}${whose}. Limit is ${limit}`,
  );
}

function decrement(counts: Map<string, number>, key: string): void {
  const count = (counts.get(key) ?? 0) - 1;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
