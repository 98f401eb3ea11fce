/**
 * Proves a piece of the log: checksums, positions, the chain, runs, times and
 * lists, as `segment_check.ts` checks them record by record. It only tells
 * whether all is well.
 *
 * @module
 */

import type { DiskFile } from "../disk/disk.ts";
import { getSafeUint64 } from "../log/bytes.ts";
import {
  checkRecord,
  FLAG_RUN_END,
  RECORD_BYTES_MIN,
  RECORD_HEADER_BYTES,
} from "../log/record.ts";
import { offsetOf, positionOf } from "../log/segment.ts";
import { ChunkReader } from "./chunk_reader.ts";
import { crcAfterWord } from "./crc_parts.ts";
import {
  type Piece,
  type PieceFacts,
  type PieceMark,
  recordsEnd,
} from "./piece.ts";
import { PieceEntries } from "./piece_entries.ts";
import { WholeRecords } from "./whole_records.ts";

/** More than a header with the longest names has. */
const HEADER_BYTES_MAX = 160 * 1024;

/** What is asked of a check beside the piece. */
export interface PieceControl {
  /** Is called after each chunk with its bytes; throws to end the check. */
  readonly onChunk: (byteCount: number) => Promise<void> | undefined;
  /** About how many lists have entries in a piece. */
  readonly listCount: number;
}

/**
 * Proves a piece.
 *
 * @returns Undefined when something is wrong with it, or it has no record.
 */
export async function provePiece(
  piece: Piece,
  file: DiskFile,
  control: PieceControl,
): Promise<PieceFacts | undefined> {
  const check = new PieceCheck(piece, file, control);
  return await check.run();
}

class PieceCheck {
  readonly #piece: Piece;
  readonly #control: PieceControl;
  readonly #reader: ChunkReader;
  readonly #whole = new WholeRecords();
  readonly #offsets = new Float64Array(this.#whole.starts.length);
  readonly #entries: PieceEntries;
  readonly #isScavenged: boolean;
  readonly #fileEnd: number;
  readonly #marks: PieceMark[] = [];
  #first: PieceFacts["first"] | undefined;
  #start = 0;
  /** Offset in the file of the next record. */
  #at = 0;
  #position = 0;
  #recordCount = 0;
  #previousCrc = 0;
  #indexInRun = 0;
  #createdAtUs = 0;
  #lastPosition = -1;
  #runEnd = -1;
  #runEndCrc = 0;
  #chain = 0;

  constructor(piece: Piece, file: DiskFile, control: PieceControl) {
    this.#piece = piece;
    this.#control = control;
    this.#reader = new ChunkReader(file);
    this.#isScavenged = piece.remains !== undefined;
    this.#fileEnd = recordsEnd(piece, piece.remains);
    this.#entries = new PieceEntries({
      maySkip: this.#isScavenged,
      listCount: control.listCount,
    });
  }

  async run(): Promise<PieceFacts | undefined> {
    const start = this.#findStart();
    if (start === undefined) return undefined;
    const { to, startPosition } = this.#piece;
    this.#start = this.#at = start;
    this.#position = this.#isScavenged
      ? startPosition
      : positionOf(this.#piece, start);
    while (this.#at < to) {
      const before = this.#at;
      if (!this.#reader.fill(before, this.#fileEnd)) return undefined;
      if (!this.#takeChunk()) return undefined;
      await this.#control.onChunk(this.#at - before);
    }
    return this.#facts();
  }

  /** Offset in the file of the first record that begins in the piece. */
  #findStart(): number | undefined {
    const { from, to, isFirst } = this.#piece;
    if (isFirst) return from;
    for (let start = from; start < to;) {
      this.#reader.fill(start, this.#fileEnd);
      const { array, view } = this.#reader.chunk;
      const isEnd = start + array.length >= this.#fileEnd;
      const end = isEnd
        ? array.length - RECORD_HEADER_BYTES
        : array.length - HEADER_BYTES_MAX;
      if (end <= 0) return undefined;
      const first = positionOf(this.#piece, start);
      // Nearly all places differ in this already.
      const firstLow = first % 2 ** 32;
      for (let at = 0; at < end && start + at < to; at++) {
        if (view.getUint32(at + 8, true) !== (firstLow + at) >>> 0) continue;
        const fault = checkRecord({ array, view }, at, {
          available: array.length - at,
          position: first + at,
          withBody: false,
        });
        if (fault === undefined) return start + at;
      }
      start += end;
    }
    return undefined;
  }

  /** Takes the whole records of a chunk; false when one is not as it should be. */
  #takeChunk(): boolean {
    const { to } = this.#piece;
    const reader = this.#reader;
    const whole = this.#whole;
    const chunkAt = this.#at;
    while (this.#at < to) {
      const start = this.#at - reader.offset;
      const position = this.#isScavenged ? undefined : this.#position;
      const limit = to - reader.offset;
      const end = whole.find(reader.chunk, { start, limit, position });
      if (whole.isDamaged) return false;
      if (whole.count === 0) {
        const isThere = this.#findOne(start, position);
        if (isThere === undefined) return this.#at > chunkAt;
        if (!isThere) return false;
      }
      if (!this.#takeRecords()) return false;
      this.#at = reader.offset + (end > start ? end : this.#oneEnd);
    }
    return true;
  }

  /** Where the record ends that was looked at by itself. */
  #oneEnd = 0;

  /**
   * Looks at the next record by itself: a long one, or the last of the chunk.
   *
   * @returns Whether it is whole; undefined when the chunk ends before it does.
   */
  #findOne(start: number, position: number | undefined): boolean | undefined {
    const reader = this.#reader;
    const { array, view } = reader.chunk;
    const available = array.length - start;
    const left = this.#fileEnd - this.#at;
    if (left < RECORD_BYTES_MIN) return false;
    if (available < RECORD_HEADER_BYTES) return undefined;
    const lengthBytes = view.getUint32(start, true);
    if (lengthBytes > left) return false;
    if (lengthBytes > available) {
      if (start > 0) return undefined;
      reader.grow(lengthBytes);
      if (!reader.fill(this.#at, this.#fileEnd)) return false;
      return this.#findOne(0, position);
    }
    const fault = checkRecord(reader.chunk, start, {
      available,
      position: position ?? getSafeUint64(view, start + 8),
      withBody: true,
    });
    if (fault !== undefined) return false;
    this.#whole.starts[0] = start;
    this.#whole.count = 1;
    this.#oneEnd = start + lengthBytes;
    return true;
  }

  /** Takes the records that were found, up to each mark. */
  #takeRecords(): boolean {
    const { count, starts } = this.#whole;
    const { marks } = this.#piece;
    const offsets = this.#offsets;
    const bytes = this.#reader.chunk;
    for (let from = 0; from < count;) {
      let to = from;
      let isMark = false;
      while (to < count && !isMark) {
        if (!this.#takeRecord(starts[to] ?? 0, to)) return false;
        isMark = marks.length > 0 && marks.includes(this.#position);
        to++;
      }
      if (!this.#entries.take({ bytes, starts, from, to, offsets })) {
        return false;
      }
      if (isMark) this.#mark();
      from = to;
    }
    return true;
  }

  #takeRecord(at: number, index: number): boolean {
    const { view } = this.#reader.chunk;
    const headerCrc = view.getUint32(at + 4, true);
    const previousCrc = view.getUint32(at + 64, true);
    const createdAtUs = getSafeUint64(view, at + 16);
    const indexInRun = view.getUint32(at + 84, true);
    const isRunEnd = (view.getUint8(at + 88) & FLAG_RUN_END) !== 0;
    const lengthBytes = view.getUint32(at, true);
    if (this.#first === undefined) {
      this.#first = { previousCrc, indexInRun, createdAtUs };
      this.#previousCrc = previousCrc;
      this.#indexInRun = indexInRun;
    } else if (createdAtUs < this.#createdAtUs) return false;
    let position = this.#position;
    if (this.#isScavenged) {
      position = getSafeUint64(view, at + 8);
      const isFit = position >= this.#position &&
        position < this.#piece.endPosition;
      if (!isFit) return false;
      this.#chain = crcAfterWord(this.#chain, headerCrc) >>> 0;
      this.#position = position + 1;
    } else {
      const isNext = previousCrc === this.#previousCrc &&
        indexInRun === this.#indexInRun;
      if (!isNext) return false;
      this.#indexInRun = isRunEnd ? 0 : indexInRun + 1;
      this.#position = position + lengthBytes;
    }
    if (isRunEnd || this.#isScavenged) {
      this.#runEnd = position + lengthBytes;
      this.#runEndCrc = headerCrc;
    }
    this.#offsets[index] = offsetOf(this.#piece, position);
    this.#previousCrc = headerCrc;
    this.#createdAtUs = createdAtUs;
    this.#lastPosition = position;
    this.#recordCount++;
    return true;
  }

  #mark(): void {
    if (this.#isScavenged) return;
    this.#marks.push({
      position: this.#position,
      checksum: this.#previousCrc,
      digest: this.#entries.digest.copy(),
      recordCount: this.#recordCount,
    });
  }

  #facts(): PieceFacts | undefined {
    const first = this.#first;
    if (first === undefined) return undefined;
    const { one, two, count } = this.#entries.digest;
    return {
      start: this.#start,
      end: this.#at,
      first,
      recordCount: this.#recordCount,
      digest: { one, two, count },
      lists: this.#entries.lists.words,
      listCount: this.#entries.lists.size,
      marks: this.#marks,
      lastCrc: this.#previousCrc,
      indexInRun: this.#indexInRun,
      runEnd: this.#runEnd < 0
        ? undefined
        : { position: this.#runEnd, checksum: this.#runEndCrc },
      lastPosition: this.#lastPosition,
      lastCreatedAtUs: this.#createdAtUs,
      chain: this.#chain,
    };
  }
}
