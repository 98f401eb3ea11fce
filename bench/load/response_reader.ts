/**
 * As much of an HTTP/1.1 client's reading side as a load driver needs: status
 * and length of one answer after the other on a keep-alive connection, one
 * request under way at a time. Bodies are counted and thrown away.
 *
 * Knows `Content-Length` and the statuses without a body; an answer in chunks
 * is an error: none of the measured ones may be.
 *
 * @module
 */

const CARRIAGE_RETURN = 13;
const NEWLINE = 10;
const ZERO = 48;
/** Length of `HTTP/1.1 200`. */
const STATUS_LINE_BYTES_MIN = 12;
const CONTENT_LENGTH = "content-length:";
const CONTENT_LENGTH_CODES = Array.from(
  CONTENT_LENGTH,
  (char) => char.charCodeAt(0),
);
const CONNECTION_CLOSE = "connection: close";
const BUFFER_BYTES = 8 * 1024;

/** What is read from: a connection, or a list of chunks in a test. */
export interface ByteSource {
  /** Fills some of the buffer; null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/** Reads one answer after the other. */
export class ResponseReader {
  /** Status of the last answer. */
  status = 0;
  /** Bytes of the last answer, head and body. */
  byteLength = 0;
  /** Whether the server will close the connection after the last answer. */
  willClose = false;
  readonly #source: ByteSource;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /**
   * Reads a whole answer and sets the properties above.
   *
   * @throws {Error} If the connection ends within it, or its length is not said.
   */
  async read(): Promise<void> {
    let filled = 0;
    let headLength = -1;
    while (headLength === -1) {
      if (filled === BUFFER_BYTES) {
        throw new Error("Cannot read answer: its head is longer than 8 KiB");
      }
      const from = filled;
      filled += await this.#readSome(from);
      headLength = headLengthOf(this.#buffer, { from, filled });
    }
    const bodyLength = this.#readHead(headLength);
    let missing = headLength + bodyLength - filled;
    if (missing < 0) {
      throw new Error("Cannot read answer: more bytes than it announced");
    }
    while (missing > 0) {
      missing -= await this.#readSome(0);
    }
    this.byteLength = headLength + bodyLength;
  }

  async #readSome(from: number): Promise<number> {
    const buffer = from === 0 ? this.#buffer : this.#buffer.subarray(from);
    const count = await this.#source.read(buffer);
    if (count === null || count === 0) {
      throw new Error("Cannot read answer: the connection was closed");
    }
    return count;
  }

  /** Takes status and body length from the head. */
  #readHead(headLength: number): number {
    const bytes = this.#buffer;
    if (headLength < STATUS_LINE_BYTES_MIN) {
      throw new Error("Cannot read answer: its status line is cut short");
    }
    this.status = digitAt(bytes, 9) * 100 + digitAt(bytes, 10) * 10 +
      digitAt(bytes, 11);
    // A server tells of closing only when something went wrong, so the search
    // for it is spared on the usual answers.
    this.willClose = this.status >= 400 &&
      new TextDecoder().decode(bytes.subarray(0, headLength)).toLowerCase()
        .includes(CONNECTION_CLOSE);
    if (this.status === 204 || this.status === 304) return 0;
    const bodyLength = contentLengthOf(bytes, headLength);
    if (bodyLength === -1) {
      throw new Error(
        `Cannot read answer: status ${this.status} without Content-Length`,
      );
    }
    return bodyLength;
  }
}

/** Length of the head including its empty line; -1 when it is not complete. */
function headLengthOf(
  bytes: Uint8Array,
  part: { readonly from: number; readonly filled: number },
): number {
  let at = bytes.indexOf(NEWLINE, Math.max(0, part.from - 3));
  while (at !== -1 && at < part.filled) {
    const isEnd = at >= 3 && bytes[at - 1] === CARRIAGE_RETURN &&
      bytes[at - 2] === NEWLINE;
    if (isEnd) return at + 1;
    at = bytes.indexOf(NEWLINE, at + 1);
  }
  return -1;
}

/** Value of Content-Length; -1 when the head has none. */
function contentLengthOf(bytes: Uint8Array, headLength: number): number {
  let lineStart = bytes.indexOf(NEWLINE) + 1;
  while (lineStart > 0 && lineStart < headLength) {
    if (startsWithContentLength(bytes, lineStart)) {
      return numberAt(bytes, lineStart + CONTENT_LENGTH.length);
    }
    lineStart = bytes.indexOf(NEWLINE, lineStart) + 1;
  }
  return -1;
}

function startsWithContentLength(bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < CONTENT_LENGTH_CODES.length; i++) {
    // Bit 5 is what letters differ in by case; "-" and ":" have it set.
    if (((bytes[start + i] ?? 0) | 0x20) !== CONTENT_LENGTH_CODES[i]) {
      return false;
    }
  }
  return true;
}

function numberAt(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at] === 32) at++;
  let value = 0;
  for (; bytes[at] !== CARRIAGE_RETURN; at++) {
    value = value * 10 + digitAt(bytes, at);
  }
  return value;
}

function digitAt(bytes: Uint8Array, at: number): number {
  const digit = (bytes[at] ?? 0) - ZERO;
  if (digit < 0 || digit > 9) {
    throw new Error(`Cannot read answer: no digit at byte ${at} of its head`);
  }
  return digit;
}
