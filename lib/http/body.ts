/**
 * Reads request bodies within bounds: `Deno.serve` itself has none, neither on
 * size nor on time.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import type { Deadlines } from "./deadlines.ts";
import { describeBytes, Refusal } from "./refusal.ts";

const UTF8 = new TextDecoder();
const NO_BYTES = new Uint8Array(0);

/**
 * Reads a body as text; invalid UTF-8 becomes U+FFFD.
 *
 * @throws {Refusal} If it is longer than `bytesMax`, comes too slowly, or has
 * no length.
 */
export async function readBodyText(
  request: Request,
  deadlines: Deadlines,
  bytesMax: number = LIMITS.requestBytesMax,
): Promise<string> {
  const length = declaredLength(request, bytesMax);
  if (length === 0) return "";
  if (length !== undefined) {
    return await deadlines.race(request.text(), tooSlow);
  }
  return UTF8.decode(await readCounting(request, deadlines, bytesMax));
}

/** Reads a body as bytes. Throws as {@link readBodyText} does. */
export async function readBodyBytes(
  request: Request,
  deadlines: Deadlines,
  bytesMax: number = LIMITS.requestBytesMax,
): Promise<Uint8Array> {
  const length = declaredLength(request, bytesMax);
  if (length === 0) return NO_BYTES;
  if (length !== undefined) {
    return await deadlines.race(request.bytes(), tooSlow);
  }
  return await readCounting(request, deadlines, bytesMax);
}

/** Content-Length, checked; undefined: the body is chunked, or there is none. */
function declaredLength(
  request: Request,
  bytesMax: number,
): number | undefined {
  const text = request.headers.get("Content-Length");
  if (text === null) return undefined;
  const length = /^\d{1,15}$/.test(text) ? Number(text) : Infinity;
  if (length > bytesMax) throw tooLarge(bytesMax);
  return length;
}

/** Reads piece by piece, and no further than allowed. */
async function readCounting(
  request: Request,
  deadlines: Deadlines,
  bytesMax: number,
): Promise<Uint8Array> {
  const isChunked = request.headers.has("Transfer-Encoding");
  if (request.body === null) {
    if (isChunked) return NO_BYTES;
    throw lengthRequired();
  }
  const reader = request.body.getReader();
  const bytes = await deadlines.race(readPieces(reader, bytesMax), () => {
    reader.cancel().catch(() => {});
    return tooSlow();
  });
  // HTTP/1.1 knows no body without a length that is not chunked; one of HTTP/2
  // may come without either.
  if (bytes.length === 0 && !isChunked) throw lengthRequired();
  return bytes;
}

async function readPieces(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  bytesMax: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > bytesMax) {
      reader.cancel().catch(() => {});
      throw tooLarge(bytesMax);
    }
    pieces.push(value);
  }
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
