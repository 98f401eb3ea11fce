/**
 * The plan of a verification.
 *
 * @module
 */

import type { Disk } from "../../disk/disk.ts";
import type { CommitRecord } from "../../commit/catalog.ts";
import type { Segment } from "../../log/segment.ts";
import type { SegmentHeader } from "../../log/segment_header.ts";

/** A segment's file that is to be checked. */
export interface PlannedSegment {
  /** With its `endPosition`: how far the file counts. */
  readonly segment: Segment;
  /** Undefined when it is damaged. */
  readonly header: SegmentHeader | undefined;
  /** Name in the store's directory. */
  readonly fileName: string;
  readonly fileBytes: number;
  /** The same of its index file; undefined when there is none. */
  readonly index: { readonly name: string; readonly bytes: number } | undefined;
}

/** The request for a check. */
export interface VerifyPlan {
  readonly disk: Disk;
  readonly directory: string;
  readonly isDeep: boolean;
  readonly storeId: string | undefined;
  /** Oldest first. */
  readonly segments: readonly PlannedSegment[];
  readonly hasHeads: boolean;
  /** Undefined when there is none that can be read. */
  readonly commit: CommitRecord | undefined;
  /** Whether the store is open: then there is no end of a last write. */
  readonly isOpen: boolean;
}
