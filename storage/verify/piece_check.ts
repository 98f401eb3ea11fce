/**
 * Proves a piece of the log: checksums, positions, the chain, runs, times and
 * lists, as `segment_check.ts` checks them record by record. It only tells
 * whether all is well.
 *
 * The work on each record is done by `piece.wat`. Here stands what comes once a
 * chunk, and what seldom comes: long records, and those of the system.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import type { DiskFile } from "../disk/disk.ts";
import { type Bytes, bytesOf, getSafeUint64 } from "../log/bytes.ts";
import { encodeUtf8 } from "../../lib/text/utf8.ts";
import {
  checkRecord,
  RECORD_BYTES_MIN,
  RECORD_HEADER_BYTES,
} from "../log/record.ts";
import { offsetOf, positionOf } from "../log/segment.ts";
import { ChunkReader } from "./chunk_reader.ts";
import { NameHash } from "./name_hash.ts";
import {
  type Piece,
  type PieceFacts,
  type PieceMark,
  recordsEnd,
} from "./piece.ts";
import { tableBitsFor } from "./piece_lists.ts";
import {
  ALL_TAKEN,
  bytesIn,
  digestIn,
  listsOf,
  type PieceProgram,
  SPECIAL,
  STOPPED,
} from "./piece_program.ts";
import { systemListsOf } from "./system_lists.ts";

/** More than a header with the longest names has. */
const HEADER_BYTES_MAX = 160 * 1024;
/** Longer records than there are: memory for them would stay. */
const RECORD_BYTES_MAX = 32 * 1024 * 1024;
const NONE = 0xffff_ffff;

/** What is asked of a check beside the piece. */
export interface PieceControl {
  /** It has one piece at a time. */
  readonly program: PieceProgram;
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
  readonly #program: PieceProgram;
  readonly #reader: ChunkReader;
  readonly #hash = new NameHash();
  readonly #isScavenged: boolean;
  readonly #fileEnd: number;
  /** Positions at which what was read is still to be noted, the last first. */
  readonly #marksLeft: number[] = [];
  readonly #marks: PieceMark[] = [];
  /** Where in the program's memory the chunk is, and how long it may be. */
  #chunkAt = 0;
  #chunkBytes = 0;
  #memory: ArrayBuffer;
  #start = 0;
  /** Offset in the file of the next record. */
  #at = 0;

  constructor(piece: Piece, file: DiskFile, control: PieceControl) {
    this.#piece = piece;
    this.#control = control;
    const { program, listCount } = control;
    this.#program = program;
    this.#isScavenged = piece.remains !== undefined;
    this.#fileEnd = recordsEnd(piece, piece.remains);
    const { startPosition, endPosition } = piece;
    program.begin(
      this.#isScavenged ? 1 : 0,
      endPosition,
      offsetOf({ startPosition }, 0) | 0,
      tableBitsFor(listCount),
    );
    this.#reader = new ChunkReader(file, (count) => this.#makeRoom(count));
    this.#memory = program.memory.buffer;
  }

  async run(): Promise<PieceFacts | undefined> {
    const start = this.#findStart();
    if (start === undefined) return undefined;
    this.#start = this.#at = start;
    this.#goTo(start);
    const { to } = this.#piece;
    while (this.#at < to) {
      const before = this.#at;
      if (!this.#reader.fill(before, this.#fileEnd)) return undefined;
      if (!this.#takeChunk()) return undefined;
      await this.#control.onChunk(this.#at - before);
    }
    return this.#facts();
  }

  /** Makes room for chunks in the program's memory. */
  #makeRoom(byteCount: number): Bytes {
    const program = this.#program;
    this.#chunkAt = program.room(byteCount);
    this.#chunkBytes = byteCount;
    this.#memory = program.memory.buffer;
    return bytesIn(program, this.#chunkAt, byteCount);
  }

  /** Memory that grew is another one, with the same bytes. */
  #followMemory(): void {
    const program = this.#program;
    if (program.memory.buffer === this.#memory) return;
    this.#memory = program.memory.buffer;
    this.#reader.moveTo(bytesIn(program, this.#chunkAt, this.#chunkBytes));
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

  /** Has the program begin with the record at an offset of the file. */
  #goTo(start: number): void {
    const { marks, startPosition } = this.#piece;
    if (this.#isScavenged) {
      this.#program.goTo(startPosition);
      return;
    }
    const position = positionOf(this.#piece, start);
    this.#program.goTo(position);
    const sorted = marks.filter((mark) => mark > position)
      .sort((one, other) => other - one);
    this.#marksLeft.push(...new Set(sorted));
    this.#stopAtMark();
  }

  #stopAtMark(): void {
    const mark = this.#marksLeft.pop();
    if (mark !== undefined) this.#program.stopAt(mark);
  }

  /** Takes the whole records of a chunk; false when one is not as it should be. */
  #takeChunk(): boolean {
    const program = this.#program;
    const reader = this.#reader;
    const { to } = this.#piece;
    const chunkAt = this.#at;
    while (this.#at < to) {
      const start = this.#at - reader.offset;
      const { array } = reader.chunk;
      const first = this.#chunkAt;
      const limit = Math.min(to - reader.offset, array.length);
      let end = program.find(
        first + start,
        first + limit,
        first + array.length,
      ) - first;
      if (program.count.value > 0) {
        const crc = crc32(array.subarray(start, end));
        if (crc !== program.crc.value >>> 0) return false;
      } else {
        const lengthBytes = this.#findOne(start);
        if (lengthBytes === undefined) return this.#at > chunkAt;
        if (lengthBytes === 0) return false;
        end = this.#at - reader.offset + lengthBytes;
      }
      if (!this.#takeFound()) return false;
      this.#at = reader.offset + end;
    }
    return true;
  }

  /**
   * Looks at the next record by itself: a long one, or the last of the chunk.
   *
   * @returns Its length; 0 when it is not whole, undefined when the chunk ends
   * before it does.
   */
  #findOne(start: number): number | undefined {
    const reader = this.#reader;
    const { array, view } = reader.chunk;
    const available = array.length - start;
    const left = this.#fileEnd - this.#at;
    if (left < RECORD_BYTES_MIN) return 0;
    if (available < RECORD_HEADER_BYTES) return undefined;
    const lengthBytes = view.getUint32(start, true);
    if (lengthBytes > left || lengthBytes > RECORD_BYTES_MAX) return 0;
    if (lengthBytes > available) {
      if (start > 0) return undefined;
      reader.grow(lengthBytes);
      if (!reader.fill(this.#at, this.#fileEnd)) return 0;
      return this.#findOne(0);
    }
    const fault = checkRecord(reader.chunk, start, {
      available,
      position: this.#isScavenged
        ? getSafeUint64(view, start + 8)
        : this.#program.position(),
      withBody: true,
    });
    if (fault !== undefined) return 0;
    this.#program.findOne(this.#chunkAt + start);
    return lengthBytes;
  }

  /** Takes the records that were found. */
  #takeFound(): boolean {
    for (;;) {
      const answer = this.#program.take();
      if (answer === SPECIAL) {
        if (!this.#takeOfSystem()) return false;
      } else if (answer === STOPPED) this.#mark();
      else {
        this.#followMemory();
        return answer === ALL_TAKEN;
      }
    }
  }

  /** Enters a record whose name or type begins with `$` in its lists. */
  #takeOfSystem(): boolean {
    this.#followMemory();
    const program = this.#program;
    const bytes = this.#reader.chunk;
    const start = program.special.value - this.#chunkAt;
    const offset = program.specialOffset.value;
    const hash = this.#hash;
    for (const { kind, name, at } of systemListsOf(bytes, start)) {
      const ordinal = bytes.view.getUint32(at, true);
      const ordinalHigh = bytes.view.getUint32(at + 4, true);
      if (name === undefined) {
        if (ordinalHigh !== NONE) return false;
        continue;
      }
      const encoded = bytesOf(encodeUtf8(name));
      hash.take(encoded, 0, encoded.array.length);
      const { high, low } = hash;
      if (program.enter(kind, high, low, ordinal, ordinalHigh, offset) === 0) {
        return false;
      }
    }
    this.#followMemory();
    return true;
  }

  #mark(): void {
    const program = this.#program;
    this.#marks.push({
      position: program.position(),
      checksum: program.previousCrc.value >>> 0,
      digest: digestIn(program),
      recordCount: program.recordCount.value,
    });
    this.#stopAtMark();
  }

  #facts(): PieceFacts | undefined {
    const program = this.#program;
    const recordCount = program.recordCount.value;
    if (recordCount === 0) return undefined;
    return {
      start: this.#start,
      end: this.#at,
      first: {
        previousCrc: program.firstCrc.value >>> 0,
        indexInRun: program.firstIndexInRun.value >>> 0,
        createdAtUs: program.firstCreatedAt(),
      },
      recordCount,
      digest: digestIn(program),
      lists: listsOf(program),
      listCount: program.listCount.value,
      marks: this.#marks,
      lastCrc: program.previousCrc.value >>> 0,
      indexInRun: program.indexInRun.value >>> 0,
      runEnd: program.hasRunEnd.value === 0 ? undefined : {
        position: program.runEnd(),
        checksum: program.runEndCrc.value >>> 0,
      },
      lastPosition: program.lastPosition(),
      lastCreatedAtUs: program.createdAt(),
      chain: program.chain.value >>> 0,
    };
  }
}
