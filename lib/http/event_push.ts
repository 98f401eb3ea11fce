/**
 * Server-sent events that somebody makes one after the other: they begin with
 * how soon a client that was cut off comes back, have a heartbeat where nothing
 * else is sent, and go out in pieces.
 *
 * Nothing is asked of their maker before the connection has taken what it was
 * handed. A client that takes nothing for too long is dropped
 * (`pull_stream.ts`).
 *
 * @module
 */

import type { Limits } from "../model/limits.ts";
import type { PullSource } from "../model/pull_source.ts";
import { encodeUtf8 } from "../text/utf8.ts";

/** The source of what is sent. */
export type PushedBytes = Uint8Array<ArrayBuffer>;

/** Makes what is sent. */
export interface PushMaker {
  /** Whole events, once there are any; undefined after the last. */
  next(): Promise<PushedBytes | undefined>;
  /** Called once, perhaps before `next` has settled. */
  close(): void;
}

const OPENING = "retry: 2000\n\n";
const HEARTBEAT = ": heartbeat\n\n";

/** The bytes for a connection. Ending it closes the maker. */
export class EventPush implements PullSource {
  readonly #maker: PushMaker;
  readonly #pieceBytes: number;
  readonly #timer: ReturnType<typeof setInterval>;
  #hasOpened = false;
  #isOver = false;
  /** Whether something was sent since the last beat. */
  #hasSent = false;
  #isBeatDue = false;
  /** The rest of bytes that are sent in pieces. */
  #rest: PushedBytes | undefined;
  /** Whether the maker was asked and has not answered. */
  #isAsking = false;
  /** Whether the maker has nothing more. */
  #isDone = false;
  #failure: { readonly error: unknown } | undefined;
  /** Has `next` look again. */
  #wake = () => {};

  constructor(maker: PushMaker, limits: Limits) {
    this.#maker = maker;
    this.#pieceBytes = limits.liveFeedPieceBytesMax;
    this.#timer = setInterval(() => {
      this.#isBeatDue = !this.#hasSent;
      this.#hasSent = false;
      if (this.#isBeatDue) this.#wake();
    }, limits.liveFeedHeartbeatMs);
  }

  async next(): Promise<PushedBytes | undefined> {
    if (!this.#hasOpened) {
      this.#hasOpened = true;
      return encodeUtf8(OPENING);
    }
    while (!this.#isOver) {
      if (this.#rest !== undefined) return this.#pieceOf(this.#rest);
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#isDone) {
        this.end();
        break;
      }
      if (this.#isBeatDue) {
        this.#isBeatDue = false;
        return encodeUtf8(HEARTBEAT);
      }
      const { promise: woken, resolve: wake } = Promise.withResolvers<void>();
      this.#wake = wake;
      if (!this.#isAsking) this.#ask();
      await woken;
    }
    return undefined;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#rest = undefined;
    this.#maker.close();
    this.#wake();
  }

  #ask(): void {
    this.#isAsking = true;
    this.#maker.next().then((bytes) => {
      this.#isAsking = false;
      this.#isDone = bytes === undefined;
      if (!this.#isOver) this.#rest = bytes;
      this.#wake();
    }, (error) => {
      this.#failure = { error };
      this.#wake();
    });
  }

  /** The first piece of bytes; the others follow. */
  #pieceOf(bytes: PushedBytes): PushedBytes {
    this.#rest = bytes.length > this.#pieceBytes
      ? bytes.subarray(this.#pieceBytes)
      : undefined;
    this.#hasSent = true;
    this.#isBeatDue = false;
    return bytes.subarray(0, this.#pieceBytes);
  }
}
