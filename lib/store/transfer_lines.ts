/**
 * Splits the bytes of an export into its lines.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import { decodeUtf8IfValid } from "../text/utf8.ts";

/** Bytes of one line: an event of the largest size, every byte escaped. */
const LINE_BYTES_MAX = 8 * LIMITS.eventBytesMax;
const LINE_FEED = 0x0a;

/** The fault of a line, in words, without a final period. */
export class LineFault extends Error {
  override readonly name = "LineFault";

  /** @param line Number of the line, from 1 on. */
  constructor(readonly line: number, what: string) {
    super(what);
  }
}

/**
 * Splits bytes at line feeds; an empty last line is none.
 *
 * @param bytes Each piece may be used again once the next one is asked for.
 * @throws {LineFault} For a line that is too long, or not UTF-8.
 */
export async function* linesOf(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<string> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  let number = 1;
  for await (const piece of bytes) {
    let start = 0;
    for (
      let end = piece.indexOf(LINE_FEED);
      end >= 0;
      end = piece.indexOf(LINE_FEED, start)
    ) {
      pieces.push(piece.subarray(start, end));
      yield decode(pieces, number++);
      pieces = [];
      length = 0;
      start = end + 1;
    }
    if (start === piece.length) continue;
    // The reader may use its memory again.
    pieces.push(piece.slice(start));
    length += piece.length - start;
    if (length > LINE_BYTES_MAX) throw new LineFault(number, "it is too long");
  }
  if (length > 0) yield decode(pieces, number);
}

function decode(pieces: readonly Uint8Array[], number: number): string {
  const [only] = pieces;
  const bytes = pieces.length === 1 && only !== undefined
    ? only
    : concat(pieces);
  const text = decodeUtf8IfValid(bytes);
  if (text === undefined) throw new LineFault(number, "it is not UTF-8");
  return text;
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(
    pieces.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
