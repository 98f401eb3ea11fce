/**
 * A file of lines that is added to, across runs that were killed.
 *
 * @module
 */

import { systemReasonOf } from "../../text/system_errors.ts";
import { decodeUtf8Leniently, encodeUtf8 } from "../../text/utf8.ts";
import { RunError } from "../failures.ts";

/** Bytes that are read at a time, from the end on. */
const BLOCK_BYTES = 64 * 1024;
/** No event makes a longer line. */
const LINE_BYTES_MAX = 64 * 1024 * 1024;
const LINE_FEED = 0x0a;

/** A file of whole lines. */
export class LineFile implements Disposable {
  readonly path: string;
  /** The last whole line when it was opened; undefined: there was none. */
  readonly lastLine: string | undefined;
  /** What stood after it: a line that was cut off. */
  readonly rest: string;
  readonly #file: Deno.FsFile;
  /** Where it goes on. */
  readonly #end: number;
  #text = "";
  #hasBegun = false;

  /** @throws {Error} If it is no file of lines, or cannot be read. */
  constructor(path: string, file: Deno.FsFile) {
    this.path = path;
    this.#file = file;
    const { lastLine, rest, end } = this.#findEnd();
    this.lastLine = lastLine;
    this.rest = rest;
    this.#end = end;
  }

  /** Takes a line, without its end. */
  line(text: string): void {
    this.#text += text + "\n";
    if (this.#text.length >= BLOCK_BYTES) this.flush();
  }

  /**
   * Writes what was taken.
   *
   * @throws {RunError} If that fails.
   */
  flush(): void {
    let bytes = encodeUtf8(this.#text);
    this.#text = "";
    try {
      if (!this.#hasBegun) {
        // Not before there is something to put in its place.
        this.#file.truncateSync(this.#end);
        this.#file.seekSync(this.#end, Deno.SeekMode.Start);
        this.#hasBegun = true;
      }
      while (bytes.length > 0) {
        bytes = bytes.subarray(this.#file.writeSync(bytes));
      }
    } catch (error) {
      throw new RunError(
        `Cannot write "${this.path}": ${systemReasonOf(error)}`,
      );
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #findEnd(): {
    readonly lastLine: string | undefined;
    readonly rest: string;
    readonly end: number;
  } {
    const { size } = this.#file.statSync();
    let tail = new Uint8Array(0);
    let start = size;
    for (;;) {
      const end = tail.lastIndexOf(LINE_FEED);
      const before = end <= 0 ? -1 : tail.lastIndexOf(LINE_FEED, end - 1);
      if (start === 0 || end >= 0 && before >= 0) {
        return {
          lastLine: end < 0
            ? undefined
            : decodeUtf8Leniently(tail.subarray(before + 1, end)),
          rest: decodeUtf8Leniently(tail.subarray(end + 1)),
          end: start + end + 1,
        };
      }
      if (tail.length > LINE_BYTES_MAX) throw new Error("it has no lines");
      const length = Math.min(BLOCK_BYTES, start);
      start -= length;
      const block = this.#read(start, length);
      const joined = new Uint8Array(block.length + tail.length);
      joined.set(block);
      joined.set(tail, block.length);
      tail = joined;
    }
  }

  #read(start: number, length: number): Uint8Array {
    const block = new Uint8Array(length);
    this.#file.seekSync(start, Deno.SeekMode.Start);
    let count = 0;
    while (count < length) {
      const read = this.#file.readSync(block.subarray(count));
      if (read === null) break;
      count += read;
    }
    return block.subarray(0, count);
  }
}

/**
 * Opens a file, which is created if it is missing. What follows its last whole
 * line is replaced by the first lines that are written.
 *
 * @throws {RunError} If it cannot be opened.
 */
export function openLineFile(path: string): LineFile {
  try {
    const file = Deno.openSync(path, {
      read: true,
      write: true,
      create: true,
      mode: 0o600,
    });
    return new LineFile(path, file);
  } catch (error) {
    throw new RunError(`Cannot open "${path}": ${systemReasonOf(error)}`);
  }
}
