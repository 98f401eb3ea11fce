/**
 * Reads request bodies within bounds: `Deno.serve` itself has none, neither on
 * size nor on time, nor on how many of them it keeps in memory while clients
 * send them slowly.
 *
 * @module
 */

import type { Limits } from "../model/limits.ts";
import { type BodyEncoding, bodyTextOf } from "./body_text.ts";
import {
  ACCEPTED_CODINGS,
  type ContentCoding,
  contentCodingsOf,
  decodeCodings,
  NO_CODINGS,
} from "./content_coding.ts";
import { createDeadlines, type Deadlines } from "./deadlines.ts";
import { PIPELINE_REFUSALS } from "./problem.ts";
import { describeBytes, malformed, Refusal } from "./refusal.ts";

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
   * Reads a body as text; a byte order mark at its start is dropped.
   *
   * @throws {Refusal} As {@link readBytes}, and if the body is not in the
   * encoding that it says, or in one that is not read.
   */
  readText(request: Request, options: ReadTextOptions = {}): Promise<string> {
    return this.readBytes(request, options.bytesMax).then((bytes) =>
      bodyTextOf(bytes, options)
    );
  }

  /**
   * Reads a body as bytes, its codings undone.
   *
   * @param bytesMax Before and after that. Default: `requestBytesMax`.
   * @throws {Refusal} If it is longer than `bytesMax`, comes too slowly, has no
   * length or a coding that is not known, or there are too many large bodies at
   * once.
   */
  readBytes(
    request: Request,
    bytesMax = this.#limits.requestBytesMax,
  ): Promise<Uint8Array> {
    const { headers } = request;
    const length = declaredLengthOf(headers);
    if (length === 0) return Promise.resolve(NO_BYTES);
    if (length === "malformed") return Promise.reject(badLength());
    if (length !== undefined && length > bytesMax) {
      return Promise.reject(tooLarge(bytesMax));
    }
    const encoding = headers.get("Content-Encoding");
    if (encoding !== null) {
      const { contentCodingsMax } = this.#limits;
      const codings = contentCodingsOf(encoding, contentCodingsMax);
      if (codings === undefined) return Promise.reject(unsupportedCoding());
      return this.#readLarge(request, { bytesMax, codings });
    }
    if (length !== undefined && length <= SMALL_BYTES_MAX) {
      return this.#deadlines.race<Uint8Array>(request.bytes(), tooSlow);
    }
    return this.#readLarge(request, { bytesMax, codings: NO_CODINGS });
  }

  /** Stops the timer of the deadlines. */
  close(): void {
    this.#deadlines.close();
  }

  /** Reads piece by piece, and no further than allowed. */
  async #readLarge(
    request: Request,
    { bytesMax, codings }: ReadLargeOptions,
  ): Promise<Uint8Array> {
    const { headers, body } = request;
    const transferCoding = headers.get("Transfer-Encoding");
    if (transferCoding !== null && !/^\s*chunked\s*$/i.test(transferCoding)) {
      throw unsupportedTransferCoding();
    }
    const mayBeEmpty = transferCoding !== null || headers.has("Content-Length");
    if (body === null) {
      if (mayBeEmpty) return NO_BYTES;
      throw lengthRequired();
    }
    const reader = body.getReader();
    const sent = piecesOf(reader, bytesMax);
    const pieces = codings.length === 0 ? sent : decodeCodings(sent, codings);
    const giveUp = () => {
      reader.cancel().catch(() => {});
      return tooSlow();
    };
    const bytes = await this.#deadlines.race(
      this.#readPieces(pieces, bytesMax),
      giveUp,
    );
    // HTTP/1.1 knows no body without a length that is not chunked; one of HTTP/2
    // may come without either.
    if (bytes.length === 0 && !mayBeEmpty) throw lengthRequired();
    return bytes;
  }

  /** Counts each piece as soon as it is there, and until all are. */
  async #readPieces(
    source: AsyncIterable<Uint8Array>,
    bytesMax: number,
  ): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const piece of source) {
        length += piece.length;
        this.#pendingBytes += piece.length;
        if (length > bytesMax) throw tooLarge(bytesMax);
        if (this.#pendingBytes > this.#limits.receiveBufferBytesMax) {
          throw PIPELINE_REFUSALS.overloaded;
        }
        pieces.push(piece);
      }
      return joined(pieces, length);
    } finally {
      this.#pendingBytes -= length;
    }
  }
}

/** How a body is read as text. */
export interface ReadTextOptions extends BodyEncoding {
  /** Default: `requestBytesMax`. */
  readonly bytesMax?: number;
}

interface ReadLargeOptions {
  readonly bytesMax: number;
  readonly codings: readonly ContentCoding[];
}

/**
 * What a client sends, piece by piece, up to a bound; whoever stops reading
 * cancels the rest.
 */
async function* piecesOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      length += value.length;
      if (length > bytesMax) throw tooLarge(bytesMax);
      yield value;
    }
  } finally {
    // Of a body that was read to its end nothing is left to cancel.
    reader.cancel().catch(() => {});
  }
}

/**
 * What Content-Length says; undefined: the body is chunked, or there is none.
 * The same length said twice counts as one (RFC 9110 §8.6).
 */
function declaredLengthOf(headers: Headers): number | "malformed" | undefined {
  const text = headers.get("Content-Length");
  if (text === null) return undefined;
  const length = /^(\d+)(?:\s*,\s*\1)*$/.exec(text)?.[1];
  return length === undefined ? "malformed" : Number(length);
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

function badLength(): Refusal {
  return malformed("Content-Length header in wrong format.");
}

function unsupportedCoding(): Refusal {
  return new Refusal(
    "unsupportedCoding",
    `Content-Encoding not supported. Supported are ${ACCEPTED_CODINGS}`,
  );
}

function unsupportedTransferCoding(): Refusal {
  return new Refusal(
    "unsupportedTransferCoding",
    "Transfer-Encoding not supported. Supported is chunked",
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
