/**
 * Reads request bodies within bounds: `Deno.serve` itself has none, neither on
 * size nor on time, nor on how many of them it keeps in memory while clients
 * send them slowly.
 *
 * @module
 */

import type { Limits } from "../model/limits.ts";
import { createDeadlines, type Deadlines } from "./deadlines.ts";
import { PIPELINE_REFUSALS } from "./problem.ts";
import { describeBytes, Refusal } from "./refusal.ts";
import { decodeUtf8Leniently, withoutMark } from "../text/utf8.ts";

const NO_BYTES = new Uint8Array(0);

/**
 * Bodies that say that they are no longer than this are read at once, and not
 * counted: `requestsInFlightMax` bounds them.
 */
const SMALL_BYTES_MAX = 64 * 1024;

/**
 * Reads bodies, and counts what it keeps of large ones that are not whole.
 *
 * What reads one is no async function: each of those costs every append a
 * promise and a turn of its own.
 */
export class Receiving {
  readonly #limits: Limits;
  readonly #deadlines: Deadlines;
  #pendingBytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#deadlines = createDeadlines(limits.bodyReadMs);
  }

  /** Bytes of large bodies whose rest is yet to come. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /**
   * Reads a body as text; invalid UTF-8 becomes U+FFFD.
   *
   * @param bytesMax Default: `requestBytesMax`.
   * @throws {Refusal} If it is longer than `bytesMax`, comes too slowly, has no
   * length, or there are too many large bodies at once.
   */
  readText(
    request: Request,
    bytesMax = this.#limits.requestBytesMax,
  ): Promise<string> {
    const length = declaredLengthOf(request);
    if (length === 0) return Promise.resolve("");
    if (length !== undefined && length > bytesMax) {
      return Promise.reject(tooLarge(bytesMax));
    }
    if (length !== undefined && length <= SMALL_BYTES_MAX) {
      return this.#deadlines.race(request.text(), tooSlow);
    }
    return this.#readLarge(request, bytesMax).then((bytes) =>
      withoutMark(decodeUtf8Leniently(bytes))
    );
  }

  /** Reads a body as bytes. Throws as {@link readText} does. */
  readBytes(
    request: Request,
    bytesMax = this.#limits.requestBytesMax,
  ): Promise<Uint8Array> {
    const length = declaredLengthOf(request);
    if (length === 0) return Promise.resolve(NO_BYTES);
    if (length !== undefined && length > bytesMax) {
      return Promise.reject(tooLarge(bytesMax));
    }
    if (length !== undefined && length <= SMALL_BYTES_MAX) {
      return this.#deadlines.race<Uint8Array>(request.bytes(), tooSlow);
    }
    return this.#readLarge(request, bytesMax);
  }

  /** Stops the timer of the deadlines. */
  close(): void {
    this.#deadlines.close();
  }

  /** Reads piece by piece, and no further than allowed. */
  async #readLarge(
    request: Request,
    bytesMax: number,
  ): Promise<Uint8Array> {
    const { headers } = request;
    const mayBeEmpty = headers.has("Transfer-Encoding") ||
      headers.has("Content-Length");
    if (request.body === null) {
      if (mayBeEmpty) return NO_BYTES;
      throw lengthRequired();
    }
    const reader = request.body.getReader();
    const giveUp = () => {
      reader.cancel().catch(() => {});
      return tooSlow();
    };
    const bytes = await this.#deadlines.race(
      this.#readPieces(reader, bytesMax),
      giveUp,
    );
    // HTTP/1.1 knows no body without a length that is not chunked; one of HTTP/2
    // may come without either.
    if (bytes.length === 0 && !mayBeEmpty) throw lengthRequired();
    return bytes;
  }

  /** Counts each piece as soon as it is there, and until all are. */
  async #readPieces(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    bytesMax: number,
  ): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return joined(pieces, length);
        length += value.length;
        this.#pendingBytes += value.length;
        if (length > bytesMax) throw tooLarge(bytesMax);
        if (this.#pendingBytes > this.#limits.receiveBufferBytesMax) {
          throw PIPELINE_REFUSALS.overloaded;
        }
        pieces.push(value);
      }
    } catch (error) {
      reader.cancel().catch(() => {});
      throw error;
    } finally {
      this.#pendingBytes -= length;
    }
  }
}

/**
 * What Content-Length says, infinite when that is no length; undefined: the
 * body is chunked, or there is none.
 */
function declaredLengthOf(request: Request): number | undefined {
  const text = request.headers.get("Content-Length");
  if (text === null) return undefined;
  return /^\d{1,15}$/.test(text) ? Number(text) : Infinity;
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}

function tooLarge(bytesMax: number): Refusal {
  return new Refusal(
    "bodyTooLarge",
    `Request body too large. Limit is ${describeBytes(bytesMax)}`,
  );
}

function tooSlow(): Refusal {
  return new Refusal(
    "bodyTooSlow",
    "Server was unable to handle request in time",
  );
}

function lengthRequired(): Refusal {
  return new Refusal("lengthRequired", "Length Required");
}
