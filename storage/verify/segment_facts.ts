/**
 * What is asked of the check of a segment, and what it turns out to hold.
 *
 * @module
 */

import type { JobControl } from "../../lib/model/maintenance.ts";
import type { DiskFile } from "../disk/disk.ts";
import type { RemainsHeader } from "../log/remains.ts";
import type { Segment } from "../log/segment.ts";
import type { EntryCheck } from "./entry_check.ts";
import type { Findings } from "./findings.ts";
import type { EntryDigest } from "./entry_digest.ts";
import type { Mark, Piece, PieceFacts } from "./piece.ts";

/** Where the log is when a segment begins. */
export interface LogPoint {
  /** Header CRC of the last record before. */
  readonly checksum: number;
  readonly lastCreatedAtUs: number;
}

/** What is to be checked of a segment, and how. */
export interface SegmentCheckRequest {
  readonly file: DiskFile;
  /** Name of the file, for findings. */
  readonly fileName: string;
  /** With its `endPosition`: how far the file counts. */
  readonly segment: Segment;
  readonly remains: RemainsHeader | undefined;
  readonly start: LogPoint;
  /** Whether the log goes on after it: then it must be whole to its end. */
  readonly isSealed: boolean;
  /**
   * Position up to which all is known to be committed; undefined when nobody
   * knows: then a broken end with nothing behind it is taken for a torn one.
   */
  readonly committedEnd: number | undefined;
  /** Positions at which what was read so far is to be noted. */
  readonly marks: readonly number[];
  readonly entries: EntryCheck;
  readonly findings: Findings;
  readonly control: JobControl;
  /** The pieces of the segment, in their order. */
  readonly pieces: readonly Piece[];
  /** Proves one of the pieces; undefined when it cannot be proven. */
  readonly prove: (index: number) => Promise<PieceFacts | undefined>;
  /** Is told of bytes that were checked. */
  readonly onBytes: (count: number) => void;
}

/** What a segment turned out to hold. */
export interface SegmentFacts {
  /** Whether every record was read. */
  readonly isWhole: boolean;
  readonly recordCount: number;
  /** All entries of its records in lists. */
  readonly digest: EntryDigest;
  /** Position after the last whole run. */
  readonly validEnd: number;
  readonly checksum: number;
  readonly lastPosition: number;
  readonly lastCreatedAtUs: number;
  readonly marks: ReadonlyMap<number, Mark>;
}
