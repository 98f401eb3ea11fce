/**
 * Live feeds (an addition to the original's interface): all of them, within
 * bounds, and one timer that keeps them alive.
 *
 * @module
 */

import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import { stateOnceBegun } from "./access.ts";
import type { StreamContext } from "./context.ts";
import { HeldPlaces } from "./held_places.ts";
import { LiveChunks, type SharedFeed, sharedFeedOf } from "./live_chunks.ts";
import { LiveClient } from "./live_client.ts";
import type { LiveFeedCommand, LiveFeedOutcome } from "./live_contract.ts";
import { type LiveSource, liveSourceOf } from "./live_reader.ts";
import { placeOfStart } from "./live_start.ts";
import { LongPieces } from "./long_pieces.ts";
import type { Caller } from "./outcomes.ts";

/** Bounds of live feeds; `LIMITS` has the defaults. */
export interface LiveFeedLimits {
  readonly feedsMax: number;
  readonly feedsPerAddressMax: number;
  readonly feedsPerUserMax: number;
  readonly heartbeatMs: number;
  readonly stallMs: number;
}

/** The bounds when nobody says otherwise. */
export const LIVE_FEED_LIMITS: LiveFeedLimits = {
  feedsMax: LIMITS.liveFeedsMax,
  feedsPerAddressMax: LIMITS.liveFeedsPerAddressMax,
  feedsPerUserMax: LIMITS.liveFeedsPerUserMax,
  heartbeatMs: LIMITS.liveFeedHeartbeatMs,
  stallMs: LIMITS.liveFeedStallMs,
};

/** Parts of the heartbeat's time, so that not all clients have it at once. */
const BEAT_PARTS = 16;

/** Everybody who reads a live feed. */
export class LiveFeeds {
  readonly #context: StreamContext;
  readonly #limits: LiveFeedLimits;
  readonly #chunks: LiveChunks;
  readonly #longPieces = new LongPieces(LIMITS.liveFeedLongBytesMax);
  readonly #places: HeldPlaces;
  /** Feeds that somebody reads, by their source's key. */
  readonly #feeds = new Map<
    string,
    { feed: SharedFeed; clientCount: number }
  >();
  readonly #parts: readonly Set<LiveClient>[];
  #part = 0;
  #clientCount = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isEnded = false;

  constructor(context: StreamContext, limits: LiveFeedLimits) {
    this.#context = context;
    this.#limits = limits;
    this.#places = new HeldPlaces({
      inAll: limits.feedsMax,
      ofAddress: limits.feedsPerAddressMax,
      ofUser: limits.feedsPerUserMax,
    });
    this.#chunks = new LiveChunks(context);
    this.#parts = Array.from({ length: BEAT_PARTS }, () => new Set());
  }

  /** How many feeds are open. */
  get openCount(): number {
    return this.#clientCount;
  }

  /**
   * Opens a feed.
   *
   * @throws {QuipuError} `storeClosed` when the server is stopping, and as
   * `EventStore.readStream` does.
   */
  async open(
    caller: Caller,
    command: LiveFeedCommand,
  ): Promise<LiveFeedOutcome> {
    if (this.#isEnded) {
      throw new QuipuError("storeClosed", "The server is stopping");
    }
    const givePlaceUp = this.#places.take({
      address: command.address,
      user: caller?.login,
    });
    if (typeof givePlaceUp !== "function") {
      const where = givePlaceUp.where === "inAll" ? "inAll" : "ofClient";
      return { kind: "tooMany", where };
    }
    try {
      const outcome = await this.#begin(caller, command, givePlaceUp);
      if (outcome.kind !== "feed") givePlaceUp();
      return outcome;
    } catch (error) {
      givePlaceUp();
      throw error;
    }
  }

  /** Ends the feeds of a login that has changed, unless it still holds. */
  recheckLogin(login: string): void {
    for (const clients of this.#parts) {
      for (const client of [...clients]) {
        if (client.caller?.login === login) client.recheckLogin();
      }
    }
  }

  /** Ends every feed with a word on why; from now on none is opened. */
  end(): void {
    this.#isEnded = true;
    for (const clients of this.#parts) {
      for (const client of [...clients]) client.end("stopping");
    }
  }

  async #begin(
    caller: Caller,
    command: LiveFeedCommand,
    givePlaceUp: () => void,
  ): Promise<LiveFeedOutcome> {
    const { store, access } = this.#context;
    const { streamName } = command;
    const state = await store.readState(streamName);
    const granted = await access.readAccess(
      caller,
      streamName,
      stateOnceBegun(state),
    );
    if (granted === "denied") return { kind: "unauthorized" };
    if (state.isTombstoned) return { kind: "deleted" };
    const place = await placeOfStart(this.#context, command);
    const { released = Promise.resolve() } = command;
    const feed = this.#enterFeed(liveSourceOf(command));
    const part = this.#parts[this.#clientCount % BEAT_PARTS];
    const client = new LiveClient({
      feed,
      caller,
      place,
      chunks: this.#chunks,
      longPieces: this.#longPieces,
      isCurrent: this.#context.isCurrent,
      stalledBeatsMax: Math.ceil(
        this.#limits.stallMs / this.#limits.heartbeatMs,
      ),
      onEnd: () => {
        follower[Symbol.dispose]();
        this.#leaveFeed(feed);
        part?.delete(client);
        this.#clientCount--;
        if (this.#clientCount === 0) this.#stopTimer();
        released.then(givePlaceUp, givePlaceUp);
      },
    });
    // Watching before reading: news that come meanwhile are seen.
    const follower = this.#context.followers.open({
      streamName,
      place,
      onNews: () => client.notify(),
    });
    part?.add(client);
    this.#clientCount++;
    this.#timer ??= setInterval(
      () => this.#beat(),
      this.#limits.heartbeatMs / BEAT_PARTS,
    );
    try {
      const end = await client.readAhead();
      if (end === "deleted" || end === "unauthorized") return { kind: end };
    } catch (error) {
      await client.body.cancel();
      throw error;
    }
    if (this.#isEnded) client.end("stopping");
    return { kind: "feed", body: client.body };
  }

  #enterFeed(source: LiveSource): SharedFeed {
    const { key } = source;
    let shared = this.#feeds.get(key);
    if (shared === undefined) {
      shared = { feed: sharedFeedOf(source), clientCount: 0 };
      this.#feeds.set(key, shared);
    }
    shared.clientCount++;
    return shared.feed;
  }

  #leaveFeed({ source: { key } }: SharedFeed): void {
    const shared = this.#feeds.get(key);
    if (shared === undefined) return;
    shared.clientCount--;
    if (shared.clientCount === 0) this.#feeds.delete(key);
  }

  #beat(): void {
    this.#part = (this.#part + 1) % BEAT_PARTS;
    for (const client of [...this.#parts[this.#part] ?? []]) client.beat();
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
