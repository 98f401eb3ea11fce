/**
 * Pieces of the log: what is checked at once, by itself, and by any thread.
 *
 * A piece has the records that begin in a stretch of a segment's file. It is
 * proven when nothing at all is wrong within it. What it says of the log before
 * it, the thread that goes through the log holds against what it knows; where
 * that does not fit, or where a piece is not proven, it goes through the records
 * one by one, and says what is wrong.
 *
 * @module
 */

import type { RemainsHeader } from "../log/remains.ts";
import { SCAVENGED_HEADER_BYTES } from "../log/remains.ts";
import { offsetOf, type Segment } from "../log/segment.ts";
import { SEGMENT_HEADER_BYTES } from "../log/segment_header.ts";
import type { DigestSums, EntryDigest } from "./entry_digest.ts";

/** Bytes of a segment's file in whose records a piece consists. */
export const PIECE_BYTES = 32 * 1024 * 1024;

/** A piece that is to be checked. */
export interface Piece {
  /** Path of the segment's file. */
  readonly path: string;
  readonly startPosition: number;
  readonly endPosition: number;
  /** Of a scavenged segment: it is one piece. */
  readonly remains: RemainsHeader | undefined;
  /** Offsets in the file: the piece's records begin from here… */
  readonly from: number;
  /** …to before here. */
  readonly to: number;
  /** Whether a record begins at `from`: the first one of the segment. */
  readonly isFirst: boolean;
  /** Positions at which what was read so far is to be noted. */
  readonly marks: readonly number[];
}

/** What the log was like at a mark, from the start of the segment or piece. */
export interface Mark {
  readonly checksum: number;
  readonly digest: DigestSums;
  readonly recordCount: number;
}

/** A mark in a piece. */
export interface PieceMark extends Mark {
  readonly position: number;
}

/** What is known of a piece that is proven: all its records are whole. */
export interface PieceFacts {
  /** Offset in the file of its first record. */
  readonly start: number;
  /** Offset in the file after its last record. */
  readonly end: number;
  /** What its first record says of the log before it. */
  readonly first: {
    readonly previousCrc: number;
    readonly indexInRun: number;
    readonly createdAtUs: number;
  };
  readonly recordCount: number;
  readonly digest: DigestSums;
  /** Words of a `PieceLists`. */
  readonly lists: Int32Array<ArrayBuffer>;
  /** How many lists those are. */
  readonly listCount: number;
  readonly marks: readonly PieceMark[];
  /** Header CRC of its last record. */
  readonly lastCrc: number;
  /** Index in its run of the record after the last one. */
  readonly indexInRun: number;
  /** Position after the last run that ends in it, and the header CRC there. */
  readonly runEnd:
    | { readonly position: number; readonly checksum: number }
    | undefined;
  readonly lastPosition: number;
  readonly lastCreatedAtUs: number;
  /** Of a scavenged segment: the chain of what stayed. */
  readonly chain: number;
}

/** Offset in a segment's file of its first record. */
export function recordsStart(remains: RemainsHeader | undefined): number {
  return remains === undefined ? SEGMENT_HEADER_BYTES : SCAVENGED_HEADER_BYTES;
}

/** Offset in a segment's file after the last record that there may be. */
export function recordsEnd(
  segment: Pick<Segment, "startPosition" | "endPosition">,
  remains: RemainsHeader | undefined,
): number {
  return remains?.placesOffset ?? offsetOf(segment, segment.endPosition);
}

/** All pieces of a segment, in their order. */
export function piecesOf(
  segment: Segment,
  options: {
    readonly remains: RemainsHeader | undefined;
    readonly marks: readonly number[];
    readonly pieceBytes: number;
  },
): Piece[] {
  const { remains, marks } = options;
  const { path, startPosition, endPosition } = segment;
  const start = recordsStart(remains);
  const end = recordsEnd(segment, remains);
  const pieceBytes = remains === undefined ? options.pieceBytes : end - start;
  const pieces: Piece[] = [];
  for (let from = start; from < end; from += pieceBytes) {
    pieces.push({
      path,
      startPosition,
      endPosition,
      remains,
      from,
      to: Math.min(end, from + pieceBytes),
      isFirst: from === start,
      marks,
    });
  }
  return pieces;
}

/** What the log before a piece is like; undefined what nobody knows. */
export interface PieceStart {
  readonly previousCrc: number | undefined;
  readonly indexInRun: number | undefined;
  readonly createdAtUs: number;
}

/** Whether what the first record of a piece says of the log before is so. */
export function follows(
  first: PieceFacts["first"],
  before: PieceStart,
): boolean {
  const { previousCrc, indexInRun, createdAtUs } = before;
  return (previousCrc ?? first.previousCrc) === first.previousCrc &&
    (indexInRun ?? first.indexInRun) === first.indexInRun &&
    createdAtUs <= first.createdAtUs;
}

/** A mark in a piece, as one in the segment of which so much was before it. */
export function markAfter(
  before: EntryDigest,
  recordCount: number,
  mark: PieceMark,
): Mark {
  const digest = before.copy();
  digest.addAll(mark.digest);
  return {
    checksum: mark.checksum,
    digest,
    recordCount: recordCount + mark.recordCount,
  };
}
