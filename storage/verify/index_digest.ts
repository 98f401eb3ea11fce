/**
 * Reads an index file to its end: every block, and all entries of its lists,
 * which come to a digest.
 *
 * @module
 */

import { type DiskFile, readExactly } from "../disk/disk.ts";
import { BLOCK_BYTES, BLOCK_CONTENT_BYTES } from "../index/block_cache.ts";
import {
  decodeFooter,
  type IndexFooter,
  SLICE_COUNT_AT,
  SLICE_FIXED_BYTES,
  SLICE_PREFIX_BYTES,
  SLICE_SPARSE,
} from "../index/index_file.ts";
import { BlockedStream } from "./blocked_stream.ts";
import type { EntryDigest } from "./entry_digest.ts";
import { NameHash } from "./name_hash.ts";
import {
  beginDigest,
  bytesIn,
  digestIn,
  type PieceProgram,
} from "./piece_program.ts";

const BLOCKS_PER_PAUSE = 64;
/** More than any name has: its length is a u16. */
const NAME_BYTES_MAX = 65_535;
const SLICE_BYTES_MAX = SLICE_PREFIX_BYTES + NAME_BYTES_MAX +
  SLICE_FIXED_BYTES + 4;
/** Entries that are taken at a time. */
const PART = 64 * 1024;

/** The footer: the last block; its checksum is checked with all others. */
export function readFooter(file: DiskFile): IndexFooter | undefined {
  const sizeBytes = file.size();
  if (sizeBytes < BLOCK_BYTES || sizeBytes % BLOCK_BYTES !== 0) {
    return undefined;
  }
  const content = readExactly(
    file,
    sizeBytes - BLOCK_BYTES,
    BLOCK_CONTENT_BYTES,
  );
  return content && decodeFooter(content);
}

/**
 * Reads the file to its end.
 *
 * @param control.pause Is called every now and then; throws to end it.
 * @returns Its entries; undefined when they do not stand in the file as its
 * footer says.
 * @throws {BlockDamage}
 */
export async function digestIndex(
  file: DiskFile,
  footer: IndexFooter,
  control: {
    /** It is used for this alone meanwhile. */
    readonly program: PieceProgram;
    readonly onBytes: (count: number) => void;
    readonly pause: () => Promise<void> | undefined;
  },
): Promise<EntryDigest | undefined> {
  const slices = new SliceStream(file, footer, control);
  let isRight = true;
  for (let left = footer.sliceCount; isRight && left > 0;) {
    const count = slices.take(left);
    isRight = count > 0;
    left -= count;
    await control.pause();
  }
  isRight = isRight && slices.offset === footer.directoryOffset;
  const digest = digestIn(control.program);
  // Whatever stands behind is under checksums, too.
  while (slices.passOver()) await control.pause();
  return isRight ? digest : undefined;
}

class SliceStream {
  /** Where in the content the next slice begins. */
  offset = 0;
  readonly #program: PieceProgram;
  readonly #stream: BlockedStream;
  readonly #footer: IndexFooter;
  readonly #hash = new NameHash();
  /** Where in the program's memory the contents are. */
  #contentAt = 0;

  constructor(
    file: DiskFile,
    footer: IndexFooter,
    { program, onBytes }: {
      readonly program: PieceProgram;
      readonly onBytes: (count: number) => void;
    },
  ) {
    this.#program = program;
    this.#footer = footer;
    beginDigest(program);
    this.#stream = new BlockedStream(file, {
      onBytes,
      newRoom: (byteCount) => {
        this.#contentAt = program.room(byteCount);
        return bytesIn(program, this.#contentAt, byteCount);
      },
    });
  }

  /** Reads some blocks as they are; false at the end. */
  passOver(): boolean {
    const stream = this.#stream;
    if (stream.need(BLOCK_CONTENT_BYTES) === 0) return false;
    stream.skip(BLOCKS_PER_PAUSE * BLOCK_CONTENT_BYTES);
    return true;
  }

  /**
   * Takes the entries of some slices.
   *
   * @returns How many, `countMax` at most; 0 when there is no such slice.
   */
  take(countMax: number): number {
    const stream = this.#stream;
    const program = this.#program;
    stream.need(SLICE_BYTES_MAX);
    const left = this.#footer.directoryOffset - this.offset;
    const from = this.#contentAt + stream.at;
    const end = from + Math.min(left, stream.available);
    const taken = program.addSlices(from, end, countMax) - from;
    stream.at += taken;
    this.offset += taken;
    const count = program.slices.value;
    return count > 0 ? count : this.#takeOne() ? 1 : 0;
  }

  /** Takes the entries of the next slice, of a sparse one or many. */
  #takeOne(): boolean {
    const stream = this.#stream;
    const available = stream.need(SLICE_BYTES_MAX);
    if (available < SLICE_PREFIX_BYTES + SLICE_FIXED_BYTES) return false;
    const { at, bytes } = stream;
    const { view } = bytes;
    const kind = view.getUint8(at);
    const isSparse = (view.getUint8(at + 1) & SLICE_SPARSE) !== 0;
    const nameStart = at + SLICE_PREFIX_BYTES;
    const nameEnd = nameStart + view.getUint16(at + 2, true);
    const end = nameEnd + SLICE_FIXED_BYTES + (isSparse ? 4 : 0);
    if (end - at > available) return false;
    this.#hash.take(bytes, nameStart, nameEnd);
    // Of an ordinal the digest has the low half alone.
    const first = view.getUint32(nameEnd, true);
    const count = isSparse
      ? view.getUint32(nameEnd + SLICE_FIXED_BYTES, true)
      : view.getUint32(nameEnd + SLICE_COUNT_AT, true);
    this.offset += end - at + count * (isSparse ? 8 : 4);
    if (this.offset > this.#footer.directoryOffset) return false;
    stream.at = end;
    return isSparse
      ? this.#takeSparse(kind, first, count)
      : this.#takeEntries(kind, first, count);
  }

  #takeSparse(kind: number, first: number, count: number): boolean {
    const stream = this.#stream;
    const indexes = new Uint32Array(count);
    for (let index = 0; index < count; index++) {
      if (stream.need(4) < 4) return false;
      indexes[index] = stream.bytes.view.getUint32(stream.at, true);
      stream.at += 4;
    }
    const { high, low } = this.#hash;
    for (const index of indexes) {
      if (stream.need(4) < 4) return false;
      const place = this.#contentAt + stream.at;
      this.#program.addAll(kind, high, low, first + index, place, 1);
      stream.at += 4;
    }
    return true;
  }

  #takeEntries(kind: number, first: number, count: number): boolean {
    const stream = this.#stream;
    const { high, low } = this.#hash;
    for (let done = 0; done < count;) {
      const part = Math.min(PART, count - done);
      if (stream.need(part * 4) < part * 4) return false;
      const place = this.#contentAt + stream.at;
      this.#program.addAll(kind, high, low, first + done, place, part);
      stream.at += part * 4;
      done += part;
    }
    return true;
  }
}
