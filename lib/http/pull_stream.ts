/**
 * Answers on their way to clients: small ones at once, large ones as the client
 * pulls them. What clients have yet to take of large answers is bounded.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { RenderedPieces } from "../formats/atom/feed.ts";
import { QuipuError } from "../model/errors.ts";
import type { Limits } from "../model/limits.ts";
import {
  BrokenOff,
  type PullEnd,
  type PullSource,
} from "../model/pull_source.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import { PIPELINE_REFUSALS } from "./errors.ts";

/** Bodies up to this size are handed over at once: the system buffers them. */
const SMALL_BYTES_MAX = 64 * 1024;

/** Texts up to this length too, with at most three bytes for each unit of it. */
const SMALL_TEXT_LENGTH_MAX = 32 * 1024;

const PIECE_BYTES = 64 * 1024;

/** Makes bodies of what is to be sent, and counts what is being sent. */
export class Sending {
  readonly #limits: Limits;
  readonly #streams: PullStreams;
  #pendingBytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#streams = new PullStreams(
      Math.min(limits.sendStallMs, limits.liveFeedStallMs),
    );
  }

  /** Bytes of large bodies that clients have yet to take. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /**
   * A body that lasts only while its reader takes it.
   *
   * @throws {Refusal} `overloaded`, when too much waits for slow readers.
   */
  bodyOf(body: BodyInit | RenderedPieces): BodyInit {
    if (typeof body === "string") {
      // Counting the bytes of a text takes as long as sending it.
      const isSmall = body.length <= SMALL_TEXT_LENGTH_MAX ||
        (body.length <= SMALL_BYTES_MAX &&
          Buffer.byteLength(body) <= SMALL_BYTES_MAX);
      return isSmall ? body : this.#sendBytes(encodeUtf8(body));
    }
    if (isRenderedPieces(body)) return this.#sendPieces(body);
    if (body instanceof Uint8Array) {
      return body.length <= SMALL_BYTES_MAX
        ? body
        : this.#sendBytes(new Uint8Array(body));
    }
    return body;
  }

  /**
   * A download. It holds one piece in memory, so it is not counted.
   *
   * @throws {QuipuError} `storeClosed` when the server is stopping.
   */
  download(source: PullSource): ReadableStream<Uint8Array> {
    return this.#streams.open(source, { stallMs: this.#limits.sendStallMs });
  }

  /** A body that goes on until its client leaves. Throws as `download` does. */
  endless(source: PullSource): ReadableStream<Uint8Array> {
    const stallMs = this.#limits.liveFeedStallMs;
    return this.#streams.open(source, { stallMs, isEndless: true });
  }

  /** Does not wait for clients of endless bodies that take nothing. */
  breakOffStalled(): void {
    this.#streams.breakOffStalled();
  }

  /** Breaks off what is still being sent; from now on nothing large is. */
  close(): void {
    this.#streams.close();
  }

  #sendBytes(bytes: Uint8Array): ReadableStream<Uint8Array> {
    let offset = 0;
    return this.#sendCounted(bytes.length, {
      next() {
        const piece = bytes.subarray(offset, offset + PIECE_BYTES);
        offset += piece.length;
        return piece.length === 0 ? undefined : piece;
      },
      end() {},
    });
  }

  /** A page that is made as it is sent keeps its events until then. */
  #sendPieces(
    { pieces, heldBytes = Infinity }: RenderedPieces,
  ): ReadableStream<Uint8Array> {
    return this.#sendCounted(Math.min(heldBytes, this.#limits.pageBytesMax), {
      next: async () => (await pieces.next()).value ?? undefined,
      end(how) {
        if (how.outcome !== "done") pieces.return().catch(() => {});
      },
    });
  }

  #sendCounted(bytes: number, source: PullSource): ReadableStream<Uint8Array> {
    const { sendBufferBytesMax, sendStallMs: stallMs } = this.#limits;
    if (this.#pendingBytes + bytes > sendBufferBytesMax) {
      source.end({ outcome: "cancelled" });
      throw PIPELINE_REFUSALS.overloaded;
    }
    this.#pendingBytes += bytes;
    return this.#streams.open({
      next: () => source.next(),
      end: (how) => {
        this.#pendingBytes -= bytes;
        source.end(how);
      },
    }, { stallMs });
  }
}

function isRenderedPieces(
  body: Exclude<BodyInit, string> | RenderedPieces,
): body is RenderedPieces {
  return "pieces" in body;
}

/** How a source is sent. */
interface PullOptions {
  /** Time for the client to take a piece, in milliseconds; it may be half more. */
  readonly stallMs: number;
  /** Whether it goes on until the server stops. Default: no. */
  readonly isEndless?: boolean;
}

/** How often clients are looked at in the least time to take a piece. */
const LOOKS = 4;

/**
 * Every body that is being pulled, with one timer for all of them. Whatever a
 * client does not take, the platform's server keeps in memory without a bound;
 * so nothing is made before the client has taken what it was handed, and a
 * client that takes nothing for a while is given up.
 */
export class PullStreams {
  /** Each with whether it is endless. */
  readonly #open = new Map<PullStream, boolean>();
  readonly #lookMs: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isClosed = false;

  /** @param stallMsMin The least `stallMs` of any. */
  constructor(stallMsMin: number) {
    this.#lookMs = stallMsMin / LOOKS;
  }

  /**
   * Makes a body of a source. What fails on the way breaks it off, so that the
   * client notices: an answer that is cut short is never taken for a whole one.
   *
   * @throws {QuipuError} `storeClosed` once they are closed.
   */
  open(source: PullSource, options: PullOptions): ReadableStream<Uint8Array> {
    if (this.#isClosed) {
      source.end({ outcome: "stopped" });
      throw new QuipuError("storeClosed", "The server is stopping");
    }
    const looksMax = Math.ceil(options.stallMs / this.#lookMs);
    const stream = new PullStream(source, looksMax, () => {
      this.#open.delete(stream);
      if (this.#open.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
    this.#open.set(stream, options.isEndless === true);
    this.#timer ??= setInterval(() => {
      for (const open of this.#open.keys()) open.look();
    }, this.#lookMs);
    return stream.body;
  }

  /** Does not wait for clients of endless bodies that take nothing. */
  breakOffStalled(): void {
    for (const [stream, isEndless] of this.#open) {
      if (isEndless && stream.isStalled) stream.giveUp();
    }
  }

  /** Breaks off what is still being sent; from now on nothing is. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#open.keys()) stream.stop();
  }
}

class PullStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #source: PullSource;
  readonly #looksMax: number;
  readonly #onEnd: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Whether the client has yet to take what it was handed, or to begin. */
  #isUntaken = true;
  /** How often it has been seen so since. */
  #stalledLooks = 0;
  /** Whether the source has been asked and has not answered. */
  #isAsking = false;
  #isOpen = true;

  constructor(source: PullSource, looksMax: number, onEnd: () => void) {
    this.#source = source;
    this.#looksMax = looksMax;
    this.#onEnd = onEnd;
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      // A promise would be awaited: returning at once is faster.
      pull: () => this.#ask(),
      cancel: () => this.#end({ outcome: "cancelled" }),
    }, { highWaterMark: 0 });
  }

  #ask(): void {
    if (this.#isAsking) return;
    this.#isUntaken = false;
    this.#stalledLooks = 0;
    try {
      const piece = this.#source.next();
      if (!(piece instanceof Promise)) return this.#hand(piece);
      this.#isAsking = true;
      piece.then(
        (settled) => this.#hand(settled),
        (error) => this.#fail(error),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Whether the client took nothing between two looks. */
  get isStalled(): boolean {
    return this.#stalledLooks > 1;
  }

  /** Gives the client up if it has taken nothing for long. */
  look(): void {
    // The first look may come right after a piece was handed over.
    if (this.#isUntaken && this.#stalledLooks++ >= this.#looksMax) {
      this.giveUp();
    }
  }

  giveUp(): void {
    this.#end({ outcome: "stalled" });
    // Closing would wait for the client to read on.
    this.#controller?.error(
      new QuipuError(
        "clientTooSlow",
        "The client takes nothing of its answer",
      ),
    );
  }

  stop(): void {
    this.#end({ outcome: "stopped" });
    this.#controller?.error(new BrokenOff("The server is stopping"));
  }

  #hand(piece: Uint8Array | undefined): void {
    this.#isAsking = false;
    if (!this.#isOpen) return;
    if (piece === undefined) {
      this.#end({ outcome: "done" });
      this.#controller?.close();
      return;
    }
    this.#isUntaken = true;
    this.#controller?.enqueue(piece);
  }

  #fail(error: unknown): void {
    if (!this.#isOpen) return;
    this.#end({ outcome: "failed", error });
    this.#controller?.error(error);
  }

  #end(how: PullEnd): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#onEnd();
    this.#source.end(how);
  }
}
