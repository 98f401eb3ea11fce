/**
 * Answers on their way to clients: small ones at once, large ones as the client
 * pulls them. What clients have yet to take of large answers is bounded.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { RenderedPieces } from "../formats/atom/feed.ts";
import type { Limits } from "../model/limits.ts";
import type { PullSource } from "../model/pull_source.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import { PIPELINE_REFUSALS } from "./errors.ts";
import { PullStreams } from "./pull_stream.ts";

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
