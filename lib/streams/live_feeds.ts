/**
 * Live feeds (an addition to the original's interface): history from some place
 * on, then each event as it becomes visible.
 *
 * A feed is a source that its client pulls. Nothing is made before the client
 * asks; a client that does not ask stays where it is, and goes on from there
 * out of the store. One timer keeps all of them alive.
 *
 * @module
 */

import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import { BrokenOff, type PullSource } from "../model/pull_source.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import { stateOnceBegun } from "./access.ts";
import type { StreamContext } from "./context.ts";
import type { Follower } from "./follow.ts";
import {
  type ChunkReader,
  feedKeyOf,
  type LiveChunk,
  LiveChunks,
  rightsKeyOf,
  type SharedFeed,
  sharedFeedOf,
} from "./live_chunks.ts";
import { placeOfStart } from "./live_start.ts";
import type {
  Caller,
  LiveEnd,
  LiveFeedCommand,
  LiveFeedOutcome,
} from "./outcomes.ts";

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

/** The parts of a client's feed. */
interface LiveFeedOptions {
  readonly context: StreamContext;
  readonly feed: SharedFeed;
  readonly caller: Caller;
  /** Place of the first event wanted. */
  readonly place: number;
  readonly chunks: LiveChunks;
  readonly longEvents: LongEvents;
  /** Called once, when the feed has ended for whatever reason. */
  readonly onEnd: () => void;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Events that are read together at first, and at most. */
const FIRST_COUNT = 32;
const COUNT_MAX = 512;

/** A feed as a source that its client pulls. */
class LiveFeed implements PullSource, ChunkReader {
  readonly feed: SharedFeed;
  readonly caller: Caller;
  readonly rightsKey: string;
  grantedEpoch = -1;
  readonly #options: LiveFeedOptions;
  readonly #follower: Follower;
  #count = FIRST_COUNT;
  /** Place that the client knows to resume from. */
  #toldPlace: number;
  #hasOpened = false;
  #isCaughtUp = false;
  /** Whether the client has everything, and waits. */
  #isWaiting = false;
  #isBeatDue = false;
  /** Whether a long event waits until others are sent. */
  #lacksRoom = false;
  #endWaiting = () => {};
  /** A long event that the client is in the middle of, and how far. */
  #long: Bytes | undefined;
  #longOffset = 0;
  #isOver = false;

  constructor(options: LiveFeedOptions) {
    const { context, feed, caller, place } = options;
    this.#options = options;
    this.feed = feed;
    this.caller = caller;
    this.rightsKey = rightsKeyOf(caller);
    this.#toldPlace = place;
    const { streamName } = feed.source;
    const login = caller?.login;
    this.#follower = context.followers.open({ streamName, place, login });
  }

  get place(): number {
    return this.#follower.place;
  }

  get count(): number {
    return this.#count;
  }

  async next(): Promise<Bytes | undefined> {
    const follower = this.#follower;
    const { format } = this.feed.source;
    if (!this.#hasOpened) {
      this.#hasOpened = true;
      return encodeUtf8(format.opening);
    }
    while (!this.#isOver) {
      if (this.#long !== undefined) return this.#nextPiece(this.#long);
      const reason = this.#endReason();
      if (reason !== undefined) return this.#lastWord(reason);
      if (this.#isBeatDue) {
        this.#isBeatDue = false;
        const isTold = this.#toldPlace === this.place;
        return isTold ? encodeUtf8(format.heartbeat) : this.#tellPlace();
      }
      if (follower.isAtEnd && (this.#isCaughtUp || this.#lacksRoom)) {
        this.#isWaiting = true;
        await follower.news();
        this.#isWaiting = false;
        continue;
      }
      if (follower.isAtEnd) {
        this.#isCaughtUp = true;
        this.#toldPlace = this.place;
        return encodeUtf8(format.caughtUp(this.place - 1));
      }
      follower.look();
      let chunk: LiveChunk | Promise<LiveChunk>;
      try {
        chunk = this.#options.chunks.read(this);
        if (chunk instanceof Promise) chunk = await chunk;
      } catch (error) {
        const isStopping = error instanceof QuipuError &&
          error.code === "storeClosed";
        if (!isStopping) throw error;
        return this.#lastWord("stopping");
      }
      const { bytes, ended } = this.#take(chunk);
      if (ended !== undefined) return this.#lastWord(ended);
      if (bytes !== undefined) {
        this.#toldPlace = this.place;
        return this.#long === undefined ? bytes : this.#nextPiece(bytes);
      }
      // Much was looked through in vain: remember how far. A client that has
      // caught up is told of nothing but what it may see: it must not learn
      // when something else was written.
      if (!follower.isAtEnd && !this.#isCaughtUp) return this.#tellPlace();
    }
    return undefined;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#endWaiting();
    this.#letGo();
    this.#follower.wake();
    this.#follower[Symbol.dispose]();
    this.#options.onEnd();
  }

  /** A moment to say that the feed is alive. */
  beat(): void {
    if (!this.#isWaiting) return;
    this.#isBeatDue = true;
    this.#follower.wake();
  }

  #endReason(): LiveEnd | undefined {
    const { followers, isCurrent } = this.#options.context;
    if (followers.isEnded) return "stopping";
    const { caller } = this;
    return caller === undefined || isCurrent(caller)
      ? undefined
      : "unauthorized";
  }

  /** Lets go of everything; says why, and nothing after it. */
  #lastWord(reason: LiveEnd): Bytes {
    this.end();
    return encodeUtf8(this.feed.source.format.ended(reason));
  }

  #tellPlace(): Bytes {
    this.#toldPlace = this.place;
    return encodeUtf8(this.feed.source.format.progress(this.place - 1));
  }

  /** Goes on to after a chunk, unless there is no room to hold it. */
  #take(chunk: LiveChunk): LiveChunk {
    const { longEvents } = this.#options;
    const { bytes, eventCount } = chunk;
    if (bytes === undefined || this.#isOver) {
      this.#follower.reach(chunk);
      return chunk;
    }
    const isLong = bytes.length > LIMITS.liveFeedPieceBytesMax;
    this.#lacksRoom = isLong && !longEvents.tryHold(bytes);
    if (this.#lacksRoom) {
      this.#endWaiting();
      this.#endWaiting = longEvents.waitForRoom(() => this.#follower.wake());
      const nothing = { ...chunk, bytes: undefined, next: this.place };
      this.#follower.reach(nothing);
      return nothing;
    }
    if (isLong) this.#long = bytes;
    // About as many events are read together as are handed over together.
    const perEvent = bytes.length / Math.max(1, eventCount);
    const fitting = Math.ceil(LIMITS.liveFeedChunkLengthMax / perEvent);
    this.#count = Math.min(COUNT_MAX, fitting + 1);
    this.#follower.reach(chunk);
    return chunk;
  }

  #nextPiece(long: Bytes): Bytes {
    const offset = this.#longOffset;
    // In the middle of an event there is no room for a word on why.
    if (offset > 0 && this.#endReason() !== undefined) {
      throw new BrokenOff("The feed has ended in the middle of an event");
    }
    const end = offset + LIMITS.liveFeedPieceBytesMax;
    if (end >= long.length) this.#letGo();
    else this.#longOffset = end;
    return long.subarray(offset, end);
  }

  #letGo(): void {
    if (this.#long !== undefined) this.#options.longEvents.letGo(this.#long);
    this.#long = undefined;
    this.#longOffset = 0;
  }
}

/**
 * Bounds the bytes of long events that clients are in the middle of: a client
 * that reads slowly keeps the whole event in memory. Clients that are sent the
 * same bytes share them.
 */
export class LongEvents {
  readonly #bytesMax: number;
  readonly #holderCounts = new Map<Uint8Array, number>();
  readonly #waiting = new Set<() => void>();
  #heldBytes = 0;

  /** @param bytesMax One that is longer is held alone. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Holds bytes until they are let go as often; false when there is no room. */
  tryHold(bytes: Uint8Array): boolean {
    const holderCount = this.#holderCounts.get(bytes) ?? 0;
    if (holderCount === 0) {
      const hasRoom = this.#heldBytes === 0 ||
        this.#heldBytes + bytes.length <= this.#bytesMax;
      if (!hasRoom) return false;
      this.#heldBytes += bytes.length;
    }
    this.#holderCounts.set(bytes, holderCount + 1);
    return true;
  }

  /** Lets go of bytes that are held. */
  letGo(bytes: Uint8Array): void {
    const holderCount = this.#holderCounts.get(bytes) ?? 0;
    if (holderCount > 1) {
      this.#holderCounts.set(bytes, holderCount - 1);
      return;
    }
    if (!this.#holderCounts.delete(bytes)) return;
    this.#heldBytes -= bytes.length;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const retry of waiting) retry();
  }

  /**
   * Calls a function, once, when there may be room.
   *
   * @returns A function that gives up waiting.
   */
  waitForRoom(retry: () => void): () => void {
    this.#waiting.add(retry);
    return () => this.#waiting.delete(retry);
  }
}
