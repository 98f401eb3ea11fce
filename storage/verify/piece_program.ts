/**
 * The program in WebAssembly that proves records, and its memory. What it does,
 * and how its memory is laid out, stands in `piece.wat`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type Bytes, bytesOf } from "../log/bytes.ts";
import { EntryDigest } from "./entry_digest.ts";
import { PIECE_SLOT_BITS, tableBitsFor } from "./piece_lists.ts";
import { PIECE_WASM } from "./piece_wasm.ts";

/** `take()`: all records were taken… */
export const ALL_TAKEN = 0;
/** …up to one that `special` says where it is, and that is to be entered… */
export const SPECIAL = 1;
/** …up to the position at which it was to stop… */
export const STOPPED = 2;

/** A number that the program keeps. */
interface Kept {
  readonly value: number;
}

/** What the program does; anything but a position is 32 bits, signed. */
export interface PieceProgram {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Begins with a piece; forgets what there was room for. */
  begin(
    isScavenged: number,
    endPosition: number,
    offsetBase: number,
    tableBits: number,
  ): void;
  /** Sets the position of the first record, or the least that it may have. */
  goTo(position: number): void;
  /** Makes room for so many bytes; returns where. The memory may change. */
  room(byteCount: number): number;
  /** Sets the position at which `take()` is to stop next. */
  stopAt(position: number): void;
  /**
   * Finds records that look whole, and the CRC that all their bytes must have:
   * `count` and `crc`. Returns where they end.
   */
  find(start: number, limit: number, end: number): number;
  /** Has the record that begins there found: its checksums were checked. */
  findOne(start: number): void;
  /**
   * Takes the records that were found; returns one of the constants above, or
   * another number when one of them is not as it should be.
   */
  take(): number;
  /** Enters a record in a list; returns whether it may be there, 1 or 0. */
  enter(
    kind: number,
    high: number,
    low: number,
    ordinalLow: number,
    ordinalHigh: number,
    offset: number,
  ): number;
  /** Adds entries of a list, which stand at a place, to the digest. */
  addAll(
    kind: number,
    high: number,
    low: number,
    firstOrdinal: number,
    at: number,
    count: number,
  ): void;
  /**
   * Adds slices of an index file that stand between two places, as far as they
   * are whole and not sparse. Returns where they end; `slices` is their number.
   */
  addSlices(at: number, end: number, countMax: number): number;
  readonly slices: Kept;
  /** The CRC-32 of two parts; of the second one its own and its bytes. */
  crcAfter(before: number, crc: number, byteCount: number): number;
  readonly count: Kept;
  readonly crc: Kept;
  readonly special: Kept;
  readonly specialOffset: Kept;
  /** What was read of the piece so far: as in `PieceFacts`. */
  readonly recordCount: Kept;
  readonly previousCrc: Kept;
  readonly indexInRun: Kept;
  readonly firstCrc: Kept;
  readonly firstIndexInRun: Kept;
  readonly hasRunEnd: Kept;
  readonly runEndCrc: Kept;
  readonly chain: Kept;
  readonly one: Kept;
  readonly two: Kept;
  readonly entryCount: Kept;
  /** Position after the last record. */
  position(): number;
  lastPosition(): number;
  runEnd(): number;
  createdAt(): number;
  firstCreatedAt(): number;
  /** Where the table of lists is, with 16 << `bits` bytes, and lists in it. */
  readonly lists: Kept;
  readonly bits: Kept;
  readonly listCount: Kept;
}

let compiled: WebAssembly.Module | undefined;

/** Starts the program, with a memory of its own. */
export function startPieceProgram(): PieceProgram {
  compiled ??= new WebAssembly.Module(Buffer.from(PIECE_WASM, "base64"));
  const { exports } = new WebAssembly.Instance(compiled);
  return exports as unknown as PieceProgram;
}

/** What its entries come to. */
export function digestIn(program: PieceProgram): EntryDigest {
  const digest = new EntryDigest();
  const { one, two, entryCount } = program;
  digest.addAll({
    one: one.value,
    two: two.value,
    count: entryCount.value >>> 0,
  });
  return digest;
}

/** Has it begin with a digest of nothing. */
export function beginDigest(program: PieceProgram): void {
  program.begin(0, 0, 0, tableBitsFor(0));
}

/** A part of its memory; what is there holds until room is made. */
export function bytesIn(
  { memory: { buffer } }: PieceProgram,
  at: number,
  byteCount: number,
): Bytes {
  return bytesOf(new Uint8Array(buffer, at, byteCount));
}

/** A copy of the table of lists, as `piece_lists.ts` describes it. */
export function listsOf(program: PieceProgram): Int32Array<ArrayBuffer> {
  const { memory: { buffer }, lists, bits } = program;
  const length = 1 << (PIECE_SLOT_BITS + bits.value);
  return new Int32Array(buffer, lists.value, length).slice();
}
