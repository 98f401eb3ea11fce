/**
 * Bodies of requests: read within bounds, their content codings undone, and
 * decoded strictly, because what is stored must be what was sent. `Deno.serve`
 * itself has no bounds, neither on size nor on time, nor on how many bodies it
 * keeps in memory while clients send them slowly.
 *
 * @module
 */

import { pipeline, Readable } from "node:stream";
import { createGunzip, createInflate, createInflateRaw } from "node:zlib";
import type { Limits } from "../model/limits.ts";
import { decodeUtf8IfValid, withoutMark } from "../text/utf8.ts";
import { decodeXmlBytes, type XmlEncoding } from "../text/xml_encoding.ts";
import { isXml, type MediaType } from "./negotiation.ts";
import {
  ACCEPTED_CODINGS,
  describeBytes,
  malformed,
  PIPELINE_REFUSALS,
  Refusal,
} from "./errors.ts";

const NO_BYTES = new Uint8Array(0);

/**
 * Bodies that say that they are no longer than this are read at once, and not
 * counted: `requestsInFlightMax` bounds them.
 */
const SMALL_BYTES_MAX = 64 * 1024;

/**
 * Reads bodies, and counts what it keeps of large ones that are not whole.
 *
 * Reading one is no async function: each of those costs every append a
 * promise and a turn of its own.
 */
export class Receiving {
  readonly #limits: Limits;
  readonly #deadlines: Deadlines;
  #pendingBytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#deadlines = new Deadlines(limits.bodyReadMs);
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
interface ReadTextOptions extends BodyEncoding {
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
 * The value of Content-Length; undefined: the body is chunked, or there is none.
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
    "Transfer-Encoding not supported. Only chunked is supported",
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

/** The encoding of a request's body. */
interface BodyEncoding {
  /** Type of the body; without one it is UTF-8. */
  readonly requestType?: MediaType | undefined;
  /** The charset parameter of Content-Type. */
  readonly requestCharset?: XmlEncoding | undefined;
}

/**
 * Decodes a body: XML as it declares, all else as UTF-8. A byte order mark at
 * its start is dropped.
 *
 * @throws {Refusal} If it is not in its encoding (400), or in one that is not
 * read (415).
 */
export function bodyTextOf(
  bytes: Uint8Array,
  { requestType, requestCharset }: BodyEncoding = {},
): string {
  if (requestType !== undefined && isXml(requestType)) {
    return xmlTextOf(bytes, requestCharset);
  }
  const text = decodeUtf8IfValid(bytes);
  if (text === undefined) {
    throw malformed("Request body invalid: it is not UTF-8");
  }
  return withoutMark(text);
}

function xmlTextOf(
  bytes: Uint8Array,
  charset: XmlEncoding | undefined,
): string {
  const decoded = decodeXmlBytes(bytes, charset);
  switch (decoded.kind) {
    case "text":
      return decoded.text;
    case "malformed":
      throw malformed("Request body invalid: it is not in its encoding");
    case "unknownEncoding":
      throw new Refusal(
        "unsupportedType",
        "Encoding of XML not supported. Supported are UTF-8, UTF-16 with a " +
          "byte order mark, ISO-8859-1 and US-ASCII",
      );
  }
}

/** A coding that is undone. */
type ContentCoding = "gzip" | "deflate";

/** None: what nearly all bodies have. */
const NO_CODINGS: readonly ContentCoding[] = [];

const CODINGS: ReadonlyMap<string, ContentCoding> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
]);

/**
 * Reads a Content-Encoding header.
 *
 * @param codingsMax Codings of one body; each takes memory of its own.
 * @returns The codings in the order in which they were applied; undefined when
 * one of them is not known, or there are too many.
 */
function contentCodingsOf(
  header: string,
  codingsMax: number,
): readonly ContentCoding[] | undefined {
  const codings: ContentCoding[] = [];
  for (const item of header.split(",")) {
    const name = item.trim().toLowerCase();
    if (name === "" || name === "identity") continue;
    const coding = CODINGS.get(name);
    if (coding === undefined || codings.length >= codingsMax) return undefined;
    codings.push(coding);
  }
  return codings;
}

/**
 * Undoes codings (RFC 9110 §8.4), the last one first, no faster than the result
 * is taken: a body that inflates without end is noticed while it does. Nothing
 * in makes nothing.
 *
 * @throws {Refusal} While it is read, if the bytes are not what is said.
 */
function decodeCodings(
  pieces: AsyncIterable<Uint8Array>,
  codings: readonly ContentCoding[],
): AsyncIterable<Uint8Array> {
  return codings.reduceRight(decodeOne, pieces);
}

async function* decodeOne(
  pieces: AsyncIterable<Uint8Array>,
  coding: ContentCoding,
): AsyncGenerator<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  const first = await firstPieceOf(iterator);
  if (first === undefined) return;
  const decoder = coding === "gzip"
    ? createGunzip()
    : isZlib(first)
    ? createInflate()
    // .NET's DeflateStream makes it, and browsers take it as well.
    : createInflateRaw();
  let failure: unknown;
  // The decoder's own end, or failure, is what is looked at.
  pipeline(Readable.from(sourceOf(first, iterator)), decoder, () => {});
  try {
    yield* decoder;
  } catch (error) {
    throw failure ?? asRefusal(error, coding);
  }

  async function* sourceOf(
    head: Uint8Array,
    rest: AsyncIterator<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    yield head;
    try {
      yield* { [Symbol.asyncIterator]: () => rest };
    } catch (error) {
      failure = error;
      throw error;
    }
  }
}

async function firstPieceOf(
  pieces: AsyncIterator<Uint8Array>,
): Promise<Uint8Array | undefined> {
  for (;;) {
    const { done, value } = await pieces.next();
    if (done) return undefined;
    if (value.length > 0) return value;
  }
}

/** Whether it starts as the zlib format does (RFC 1950 §2.2). */
function isZlib([first = 0, second]: Uint8Array): boolean {
  return (first & 15) === 8 &&
    (second === undefined || ((first << 8) | second) % 31 === 0);
}

function asRefusal(error: unknown, coding: ContentCoding): unknown {
  const isOfDecoder = error instanceof Error && "code" in error &&
    typeof error.code === "string" && error.code.startsWith("Z_");
  return isOfDecoder && !(error instanceof Refusal)
    ? malformed(`Request body invalid: it is not ${coding}`)
    : error;
}

/** Parts of the duration between looks: a wait may last so much longer. */
const TICKS = 16;

/**
 * One deadline for many waits: all last equally long, so they run out in the
 * order in which they began, and one slow timer serves them all; none lasts more
 * than a sixteenth longer. A timer for each request would cost more than reading
 * its body.
 */
export class Deadlines {
  readonly #tickMs: number;
  /** In the order in which they began. */
  readonly #waits = new WaitList();
  #tick = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(durationMs: number) {
    this.#tickMs = Math.max(1, Math.ceil(durationMs / TICKS));
  }

  /**
   * The promise's result, if it comes in time.
   *
   * @param expire Called when time is up; what it returns is thrown.
   */
  race<T>(promise: Promise<T>, expire: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const wait = new Wait(this.#tick, () => reject(expire()));
      this.#waits.add(wait);
      this.#timer ??= setTimeout(() => this.#look(), this.#tickMs);
      promise.then((value) => {
        this.#waits.remove(wait);
        resolve(value);
      }, (error) => {
        this.#waits.remove(wait);
        reject(error);
      });
    });
  }

  /** Stops the timer; what is being waited for is waited for without a bound. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waits.clear();
  }

  #look(): void {
    this.#timer = undefined;
    this.#tick++;
    let { first } = this.#waits;
    while (first !== undefined && this.#tick - first.startedAtTick > TICKS) {
      this.#waits.remove(first);
      first.expire();
      first = this.#waits.first;
    }
    if (first !== undefined) {
      this.#timer = setTimeout(() => this.#look(), this.#tickMs);
    }
  }
}

class Wait {
  readonly startedAtTick: number;
  readonly expire: () => void;
  before: Wait | undefined;
  after: Wait | undefined;

  constructor(startedAtTick: number, expire: () => void) {
    this.startedAtTick = startedAtTick;
    this.expire = expire;
  }
}

/**
 * Waits that know their neighbours.
 *
 * No `Set`: one through which each request goes soon throws its table away, and
 * each table thrown away leads to the next. As soon as a full collection met
 * one, those behind it seemed to be in use to all smaller collections, and with
 * them the requests that they once held.
 */
class WaitList {
  first: Wait | undefined;
  #last: Wait | undefined;

  add(wait: Wait): void {
    wait.before = this.#last;
    if (this.#last === undefined) this.first = wait;
    else this.#last.after = wait;
    this.#last = wait;
  }

  /** Removes a wait; one that is not in the list stays what it is. */
  remove(wait: Wait): void {
    const { before, after } = wait;
    if (before !== undefined) before.after = after;
    else if (this.first === wait) this.first = after;
    if (after !== undefined) after.before = before;
    else if (this.#last === wait) this.#last = before;
    wait.before = undefined;
    wait.after = undefined;
  }

  clear(): void {
    this.first = undefined;
    this.#last = undefined;
  }
}
