/**
 * Live feeds (an addition to the original's interface): what all of them share,
 * and one timer that keeps them alive.
 *
 * @module
 */

import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import { stateOnceBegun } from "./access.ts";
import type { StreamContext } from "./context.ts";
import {
  feedKeyOf,
  LiveChunks,
  type SharedFeed,
  sharedFeedOf,
} from "./live_chunks.ts";
import { LiveFeed, LongEvents } from "./live_feed.ts";
import { placeOfStart } from "./live_start.ts";
import type { Caller, LiveFeedCommand, LiveFeedOutcome } from "./outcomes.ts";

/** Parts of the heartbeat's time, so that not all clients have it at once. */
const BEAT_PARTS = 16;

/** Opens live feeds. */
export class LiveFeeds {
  readonly #context: StreamContext;
  readonly #heartbeatMs: number;
  readonly #chunks: LiveChunks;
  readonly #longEvents = new LongEvents(LIMITS.liveFeedLongBytesMax);
  /** Feeds that somebody reads, by their key. */
  readonly #feeds = new Map<
    string,
    { readonly feed: SharedFeed; clientCount: number }
  >();
  readonly #parts = Array.from(
    { length: BEAT_PARTS },
    () => new Set<LiveFeed>(),
  );
  #part = 0;
  #clientCount = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(context: StreamContext, heartbeatMs: number) {
    this.#context = context;
    this.#heartbeatMs = heartbeatMs;
    this.#chunks = new LiveChunks(context);
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
    const { store, access, followers } = this.#context;
    if (followers.isEnded) {
      throw new QuipuError("storeClosed", "The server is stopping");
    }
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
    const feed = this.#enter(caller, command, place);
    try {
      // Whether there is a feed at all, and whether it can be read.
      const { ended } = await this.#chunks.read(feed);
      if (ended === undefined || ended === "stopping") {
        return { kind: "feed", source: feed };
      }
      feed.end();
      return { kind: ended };
    } catch (error) {
      feed.end();
      throw error;
    }
  }

  #enter(caller: Caller, command: LiveFeedCommand, place: number): LiveFeed {
    const key = feedKeyOf(command);
    let shared = this.#feeds.get(key);
    if (shared === undefined) {
      shared = { feed: sharedFeedOf(command), clientCount: 0 };
      this.#feeds.set(key, shared);
    }
    const { feed } = shared;
    const part = this.#parts[this.#clientCount % BEAT_PARTS];
    const client = new LiveFeed({
      context: this.#context,
      feed,
      caller,
      place,
      chunks: this.#chunks,
      longEvents: this.#longEvents,
      onEnd: () => {
        part?.delete(client);
        const entry = this.#feeds.get(key);
        if (entry !== undefined && --entry.clientCount === 0) {
          this.#feeds.delete(key);
        }
        if (--this.#clientCount > 0) return;
        clearInterval(this.#timer);
        this.#timer = undefined;
      },
    });
    part?.add(client);
    shared.clientCount++;
    this.#clientCount++;
    this.#timer ??= setInterval(
      () => this.#beat(),
      this.#heartbeatMs / BEAT_PARTS,
    );
    return client;
  }

  #beat(): void {
    this.#part = (this.#part + 1) % BEAT_PARTS;
    for (const client of this.#parts[this.#part] ?? []) client.beat();
  }
}
