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
const CHUNK_BYTES = 192 * 1024;

export class ChunkReader {
  readonly #file: DiskFile;
  readonly #makeRoom: (byteCount: number) => Bytes;
  #buffer: Bytes;
  /** What was read last. */
  chunk: Bytes = bytesOf(new Uint8Array(0));
  /** Offset in the file of the chunk's first byte. */
  offset = 0;

  /** @param makeRoom Makes memory for chunks, and for longer ones later on. */
  constructor(
    file: DiskFile,
    makeRoom: (byteCount: number) => Bytes = newBytes,
  ) {
    this.#file = file;
    this.#makeRoom = makeRoom;
    this.#buffer = makeRoom(CHUNK_BYTES);
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

  /** Makes room for a longer record, of which all is to be read anew. */
  grow(lengthBytes: number): void {
    if (lengthBytes <= this.#buffer.array.length) return;
    this.#buffer = this.#makeRoom(lengthBytes);
    this.chunk = bytesOf(new Uint8Array(0));
  }

  /** The same bytes are elsewhere now. */
  moveTo(buffer: Bytes): void {
    this.#buffer = buffer;
    const { length } = this.chunk.array;
    this.chunk = { array: buffer.array.subarray(0, length), view: buffer.view };
  }
}

function newBytes(byteCount: number): Bytes {
  return bytesOf(new Uint8Array(byteCount));
}
