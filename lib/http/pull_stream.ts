/**
 * Bodies that clients pull. Whatever a client does not take, the platform's
 * server keeps in memory without a bound; so nothing is made before the client
 * has taken what it was handed, and a client that takes nothing for a while is
 * given up. Large answers, downloads and live feeds are sent like this.
 *
 * @module
 */

import { QuipuError } from "../model/errors.ts";
import {
  BrokenOff,
  type PullEnd,
  type PullSource,
} from "../model/pull_source.ts";

/** How a source is sent. */
export interface PullOptions {
  /** Time for the client to take a piece, in milliseconds; up to 1/4 more. */
  readonly stallMs: number;
  /** Whether it goes on until the server stops. Default: no. */
  readonly isEndless?: boolean;
}

/** How often the clients are looked at in the least time to take a piece. */
const LOOKS = 4;

/** When the server stops, clients of endless bodies must be taking something. */
const STOPPING_STALL_MS = 1_000;

/** Every body that is being pulled, with one timer for all of them. */
export class PullStreams {
  readonly #open = new Set<PullStream>();
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
    const stream = new PullStream(source, options, () => {
      this.#open.delete(stream);
      if (this.#open.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
    this.#open.add(stream);
    this.#timer ??= setInterval(() => {
      for (const open of this.#open) open.checkStall();
    }, this.#lookMs);
    return stream.body;
  }

  /** Does not wait for clients of endless bodies that take nothing. */
  breakOffStalled(): void {
    for (const stream of this.#open) {
      if (stream.options.isEndless) stream.checkStall(STOPPING_STALL_MS);
    }
  }

  /** Breaks off what is still being sent; from now on nothing is. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#open) stream.stop();
  }
}

class PullStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly options: PullOptions;
  readonly #source: PullSource;
  readonly #onEnd: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Since when the client has taken nothing; undefined: it waits for more. */
  #untakenSinceMs: number | undefined = performance.now();
  #isOpen = true;

  constructor(source: PullSource, options: PullOptions, onEnd: () => void) {
    this.#source = source;
    this.options = options;
    this.#onEnd = onEnd;
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.#untakenSinceMs = undefined;
        try {
          const piece = source.next();
          return piece instanceof Promise
            ? piece.then(
              (settled) => this.#hand(settled),
              (error) => this.#fail(error),
            )
            : this.#hand(piece);
        } catch (error) {
          this.#fail(error);
        }
      },
      cancel: () => this.#end({ outcome: "cancelled" }),
    }, { highWaterMark: 0 });
  }

  /** Gives the client up if it has taken nothing for so long. */
  checkStall(stallMs = this.options.stallMs): void {
    const since = this.#untakenSinceMs;
    if (since === undefined || performance.now() - since < stallMs) return;
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
    if (!this.#isOpen) return;
    if (piece === undefined) {
      this.#end({ outcome: "done" });
      this.#controller?.close();
      return;
    }
    this.#untakenSinceMs = performance.now();
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
