/**
 * One client of a live feed. Nothing is made for it before it asks: the
 * stream's `pull` says that the client has taken what it was handed. One that
 * does not is paused where it is, and goes on from there, out of the store.
 *
 * @module
 */

import { invariant, QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import type { Principal } from "../model/principal.ts";
import {
  type ChunkReader,
  type LiveChunks,
  rightsKeyOf,
  type SharedFeed,
} from "./live_chunks.ts";
import type { LiveEnd } from "./live_contract.ts";
import type { LiveChunk } from "./live_reader.ts";
import type { LongPieces } from "./long_pieces.ts";
import type { Caller } from "./outcomes.ts";
import { encodeUtf8 } from "../text/utf8.ts";

/** What a client's feed is made of. */
export interface LiveClientOptions {
  readonly feed: SharedFeed;
  readonly caller: Caller;
  /** Place of the first event wanted. */
  readonly place: number;
  readonly chunks: LiveChunks;
  readonly longPieces: LongPieces;
  /** Whether a caller's login still holds. */
  readonly isCurrent: (caller: Principal) => boolean;
  /** Heartbeats that may go by while the client takes nothing. */
  readonly stalledBeatsMax: number;
  /** Called once, when the feed has ended for whatever reason. */
  readonly onEnd: () => void;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Events that are read together at first, and at most. */
const FIRST_COUNT = 32;
const COUNT_MAX = 512;

/** Hands a feed to one client. */
export class LiveClient implements ChunkReader {
  readonly body: ReadableStream<Bytes>;
  readonly feed: SharedFeed;
  readonly caller: Caller;
  readonly rightsKey: string;
  grantedEpoch = -1;
  readonly #options: LiveClientOptions;
  #controller: ReadableStreamDefaultController<Bytes> | undefined;
  #place: number;
  /** Place that the client knows to resume from. */
  #toldPlace: number;
  #count = FIRST_COUNT;
  /** Whether the client has taken everything, and waits. */
  #isPulled = false;
  #isReading = false;
  #hasNews = false;
  /** Whether there was nothing left when it last read. */
  #isAtEnd = false;
  #hasOpened = false;
  #isCaughtUp = false;
  #isOver = false;
  #stalledBeats = 0;
  /** What was read before the client asked. */
  #readAhead: LiveChunk | undefined;
  /** Settles what waits for it. */
  #opening: PromiseWithResolvers<LiveEnd | undefined> | undefined;
  /** A long event that the client is in the middle of, and how far. */
  #long: Bytes | undefined;
  #longOffset = 0;
  #endWaiting: (() => void) | undefined;

  constructor(options: LiveClientOptions) {
    this.#options = options;
    this.feed = options.feed;
    this.caller = options.caller;
    this.rightsKey = rightsKeyOf(options.caller);
    this.#place = options.place;
    this.#toldPlace = options.place;
    this.body = new ReadableStream<Bytes>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.#isPulled = true;
        this.#stalledBeats = 0;
        this.#advance();
      },
      cancel: () => this.#leave(),
    }, { highWaterMark: 0 });
  }

  /** Reads the first stretch, to know whether there is a feed at all. */
  readAhead(): Promise<LiveEnd | undefined> {
    this.#opening = Promise.withResolvers();
    const { promise } = this.#opening;
    this.#isReading = true;
    const chunk = this.#next();
    if (chunk !== undefined) this.takeChunk(chunk);
    return promise;
  }

  /** Place of the next event. */
  get place(): number {
    return this.#place;
  }

  /** How many events to read together. */
  get count(): number {
    return this.#count;
  }

  takeChunk(chunk: LiveChunk): void {
    this.#isReading = false;
    if (this.#isOver) return;
    const opening = this.#opening;
    if (opening === undefined) return this.#take(chunk);
    this.#opening = undefined;
    if (chunk.kind === "ended") {
      this.#leave();
      opening.resolve(chunk.reason);
    } else {
      this.#readAhead = chunk;
      opening.resolve(undefined);
    }
  }

  failChunk(error: unknown): void {
    this.#isReading = false;
    if (this.#isOver) return;
    const isStopping = error instanceof QuipuError &&
      error.code === "storeClosed";
    if (isStopping && this.#opening === undefined) return this.end("stopping");
    this.#leave();
    this.#opening?.reject(error);
    this.#controller?.error(error);
  }

  /** Says that there may be something new. */
  notify(): void {
    this.#hasNews = true;
    if (this.#isPulled && !this.#isReading) this.#advance();
  }

  /** Ends the feed if its caller's login holds no more. */
  recheckLogin(): void {
    if (!this.#isOver) this.#endIfOutdated();
  }

  /** A moment to say that the feed is alive, and to see whether its client is. */
  beat(): void {
    if (this.#isOver || this.#endIfOutdated()) return;
    if (!this.#isPulled) {
      this.#stalledBeats++;
      if (this.#stalledBeats >= this.#options.stalledBeatsMax) {
        this.end("tooSlow");
      }
      return;
    }
    if (this.#isReading) return;
    const { format } = this.feed.source;
    const isUntold = this.#toldPlace < this.#place;
    this.#sendText(
      isUntold ? format.progress(this.#place - 1) : format.heartbeat,
    );
    this.#toldPlace = this.#place;
  }

  /** Ends the feed, with a word on why where that can still be said. */
  end(reason: LiveEnd): void {
    if (this.#isOver) return;
    const isInMiddle = this.#long !== undefined;
    const isStalled = this.#stalledBeats > 0;
    this.#leave();
    if (isInMiddle || isStalled || reason === "tooSlow") {
      // Closing would wait for the client to read on.
      this.#controller?.error(
        new QuipuError("clientTooSlow", "The client reads too slowly"),
      );
      return;
    }
    const text = this.feed.source.format.ended(reason);
    this.#controller?.enqueue(encodeUtf8(text));
    this.#controller?.close();
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#readAhead = undefined;
    this.#endWaiting?.();
    if (this.#long !== undefined) {
      this.#options.longPieces.letGo(this.#long);
      this.#long = undefined;
    }
    this.#options.onEnd();
  }

  #endIfOutdated(): boolean {
    const { caller } = this;
    if (caller === undefined || this.#options.isCurrent(caller)) return false;
    this.end("unauthorized");
    return true;
  }

  #next(): LiveChunk | undefined {
    this.#hasNews = false;
    return this.#options.chunks.next(this);
  }

  /** Does the next thing there is to do for a client that waits. */
  #advance(): void {
    if (this.#isOver || this.#isReading || !this.#isPulled) return;
    if (this.#long !== undefined) return this.#sendPiece();
    if (!this.#hasOpened) {
      this.#hasOpened = true;
      return this.#sendText(this.feed.source.format.opening);
    }
    if (this.#endIfOutdated()) return;
    if (this.#isAtEnd && !this.#hasNews) return this.#rest();
    const ahead = this.#readAhead;
    this.#readAhead = undefined;
    // What was read ahead is old news by now, perhaps.
    const chunk = ahead !== undefined && !this.#hasNews ? ahead : this.#next();
    if (chunk !== undefined) this.#take(chunk);
    else this.#isReading = true;
  }

  #take(chunk: LiveChunk): void {
    if (chunk.kind === "ended") return this.end(chunk.reason);
    const { bytes } = chunk;
    if (bytes !== undefined) {
      const isLong = bytes.length > LIMITS.liveFeedPieceBytesMax;
      if (isLong && !this.#options.longPieces.tryHold(bytes)) {
        return this.#waitForRoom();
      }
      this.#adaptCount(chunk.eventCount, bytes.length);
      this.#place = chunk.next;
      this.#toldPlace = chunk.next;
      this.#isAtEnd = chunk.isAtEnd;
      if (!isLong) return this.#send(bytes);
      this.#long = bytes;
      this.#longOffset = 0;
      return this.#sendPiece();
    }
    const hasMoved = chunk.next > this.#place;
    this.#place = chunk.next;
    this.#isAtEnd = chunk.isAtEnd || !hasMoved;
    // One that has caught up is told of nothing but what it may see: when
    // something else was written, it must not learn of it at once.
    if (this.#isAtEnd || this.#isCaughtUp) return this.#advance();
    // Much was looked through in vain: remember how far.
    this.#toldPlace = chunk.next;
    this.#sendText(this.feed.source.format.progress(chunk.next - 1));
  }

  /** Waits for news; the first time it says so. */
  #rest(): void {
    if (this.#isCaughtUp) return;
    this.#isCaughtUp = true;
    this.#toldPlace = this.#place;
    this.#sendText(this.feed.source.format.caughtUp(this.#place - 1));
  }

  /** Reads about as many events at once as a client is handed at once. */
  #adaptCount(eventCount: number, byteLength: number): void {
    const perEvent = byteLength / Math.max(1, eventCount);
    const fitting = Math.ceil(LIMITS.liveFeedChunkLengthMax / perEvent);
    this.#count = Math.min(COUNT_MAX, fitting + 1);
  }

  #waitForRoom(): void {
    this.#endWaiting?.();
    this.#endWaiting = this.#options.longPieces.waitForRoom(() => {
      this.#endWaiting = undefined;
      this.#advance();
    });
  }

  #sendPiece(): void {
    const long = this.#long;
    invariant(long !== undefined, "A long event is being sent");
    const end = this.#longOffset + LIMITS.liveFeedPieceBytesMax;
    const piece = long.subarray(this.#longOffset, end);
    this.#longOffset = end;
    if (end >= long.length) {
      this.#options.longPieces.letGo(long);
      this.#long = undefined;
    }
    this.#send(piece);
  }

  #sendText(text: string): void {
    this.#send(encodeUtf8(text));
  }

  #send(bytes: Bytes): void {
    this.#isPulled = false;
    this.#controller?.enqueue(bytes);
  }
}
