/**
 * Reads a segment's file chunk by chunk, each from the record on that the one
 * before ended in.
 *
 * @module
 */

import type { DiskFile } from "../disk/disk.ts";
import { type Bytes, bytesOf } from "../log/bytes.ts";
import { RECORD_BYTES_MIN } from "../log/record.ts";

/** What is read at a time; a longer record is read as a whole. */
const CHUNK_BYTES = 512 * 1024;

export class ChunkReader {
  readonly #file: DiskFile;
  #buffer: Bytes = bytesOf(new Uint8Array(CHUNK_BYTES));
  /** What was read last. */
  chunk: Bytes = bytesOf(new Uint8Array(0));
  /** Offset in the file of the chunk's first byte. */
  offset = 0;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  /**
   * Reads on.
   *
   * @param at Offset in the file from which on to read.
   * @param end Offset up to which there is something to be read.
   * @returns Whether there was what should be there, and enough for a record.
   */
  fill(at: number, end: number): boolean {
    const left = end - at;
    const wanted = Math.min(left, this.#buffer.array.length);
    const array = this.#buffer.array.subarray(0, wanted);
    let have = 0;
    // What was cut off by the end of the chunk before is there already.
    const from = at - this.offset;
    const kept = this.chunk.array.length - from;
    if (from >= 0 && kept > 0 && kept < wanted) {
      this.#buffer.array.copyWithin(0, from, from + kept);
      have = kept;
    }
    while (have < wanted) {
      const count = this.#file.readAt(array.subarray(have), at + have);
      if (count === 0) break;
      have += count;
    }
    this.offset = at;
    this.chunk = { array: array.subarray(0, have), view: this.#buffer.view };
    return have === wanted && wanted >= Math.min(left, RECORD_BYTES_MIN);
  }

  /** Makes room for a longer record, which begins with the chunk. */
  grow(lengthBytes: number): void {
    if (lengthBytes <= this.#buffer.array.length) return;
    const grown = new Uint8Array(lengthBytes);
    const { array } = this.chunk;
    grown.set(array);
    this.#buffer = bytesOf(grown);
    this.chunk = {
      array: grown.subarray(0, array.length),
      view: this.#buffer.view,
    };
  }
}
