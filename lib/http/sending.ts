/**
 * Large answers on their way to slow readers. Whatever a client does not take,
 * the platform's server keeps in memory without a bound; so large bodies are
 * handed over in pieces, counted until they are taken, and given up when a
 * client takes nothing for a while.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Limits } from "../model/limits.ts";
import type { RenderedPieces } from "../formats/atom/feed.ts";
import { PIPELINE_REFUSALS } from "./errors.ts";
import { encodeUtf8 } from "../text/utf8.ts";

/** Bodies up to this size are handed over at once: the system buffers them. */
const SMALL_BYTES_MAX = 64 * 1024;

/** Texts up to this length too, with at most three bytes for each unit of it. */
const SMALL_TEXT_LENGTH_MAX = 32 * 1024;

const PIECE_BYTES = 64 * 1024;

/** Counts what is being sent. */
export class Sending {
  readonly #limits: Limits;
  readonly #open = new Set<() => void>();
  #pendingBytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
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

  /** Gives up what is still being sent. */
  close(): void {
    for (const abandon of [...this.#open]) abandon();
  }

  #sendBytes(bytes: Uint8Array): ReadableStream<Uint8Array> {
    let offset = 0;
    return this.#send(bytes.length, {
      next() {
        const piece = bytes.subarray(offset, offset + PIECE_BYTES);
        offset += piece.length;
        return Promise.resolve(piece.length === 0 ? undefined : piece);
      },
      cancel() {},
    });
  }

  /** A page that is made as it is sent keeps its events until then. */
  #sendPieces(
    { pieces, heldBytes = Infinity }: RenderedPieces,
  ): ReadableStream<Uint8Array> {
    return this.#send(Math.min(heldBytes, this.#limits.pageBytesMax), {
      async next() {
        return (await pieces.next()).value ?? undefined;
      },
      cancel() {
        pieces.return().catch(() => {});
      },
    });
  }

  #send(
    bytes: number,
    source: {
      next(): Promise<Uint8Array | undefined>;
      cancel(): void;
    },
  ): ReadableStream<Uint8Array> {
    const { sendBufferBytesMax, sendStallMs } = this.#limits;
    if (this.#pendingBytes + bytes > sendBufferBytesMax) {
      source.cancel();
      throw PIPELINE_REFUSALS.overloaded;
    }
    this.#pendingBytes += bytes;
    let stallTimer: ReturnType<typeof setTimeout> | undefined;
    const finish = () => {
      if (!this.#open.delete(abandon)) return;
      clearTimeout(stallTimer);
      this.#pendingBytes -= bytes;
    };
    let fail: (error: Error) => void = () => {};
    const abandon = () => {
      finish();
      source.cancel();
      fail(new Error("The client takes nothing of its answer"));
    };
    this.#open.add(abandon);
    stallTimer = setTimeout(abandon, sendStallMs);
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        fail = (error) => controller.error(error);
      },
      pull: async (controller) => {
        clearTimeout(stallTimer);
        try {
          const piece = await source.next();
          if (!this.#open.has(abandon)) return;
          if (piece === undefined) {
            finish();
            controller.close();
            return;
          }
          stallTimer = setTimeout(abandon, sendStallMs);
          controller.enqueue(piece);
        } catch (error) {
          finish();
          throw error;
        }
      },
      cancel() {
        finish();
        source.cancel();
      },
    }, { highWaterMark: 0 });
  }
}

function isRenderedPieces(
  body: Exclude<BodyInit, string> | RenderedPieces,
): body is RenderedPieces {
  return "pieces" in body;
}
