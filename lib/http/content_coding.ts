/**
 * Content codings of bodies (RFC 9110 §8.4): undone piece by piece, so that what
 * inflates without end is noticed while it does.
 *
 * @module
 */

import { Readable } from "node:stream";
import { pipeline } from "node:stream";
import { createGunzip, createInflate, createInflateRaw } from "node:zlib";
import { malformed, Refusal } from "./refusal.ts";

/** A coding that is undone. */
export type ContentCoding = "gzip" | "deflate";

/** Value of `Accept-Encoding` where a coding is refused. */
export const ACCEPTED_CODINGS = "gzip, deflate";

/** None: what nearly all bodies have. */
export const NO_CODINGS: readonly ContentCoding[] = [];

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
export function contentCodingsOf(
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
 * Undoes codings, the last one first, no faster than the result is taken.
 * Nothing in makes nothing.
 *
 * @throws {Refusal} While it is read, if the bytes are not what is said.
 */
export function decodeCodings(
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
    // What .NET's DeflateStream makes, and browsers take as well.
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
