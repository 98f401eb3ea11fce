/**
 * Making an index file as a port: from what a segment's memtable holds, part
 * by part, to the bytes of the file. It can be done in this thread or in
 * another one; the bytes are the same.
 *
 * @module
 */

import type { DiskFile } from "../disk/disk.ts";
import { giveBack } from "../log/bytes.ts";
import type { Slice, SlicePointer } from "./index_file.ts";

/** What an index file says of its segment, and how much it will hold. */
export interface IndexHead {
  readonly storeId: string;
  readonly segmentNumber: number;
  readonly generation: number;
  readonly isScavenged: boolean;
  readonly startPosition: number;
  readonly endPosition: number;
  /** Header CRC of the segment's last record. */
  readonly checksum: number;
  readonly recordCount: number;
  /** Lists with a slice in the file. */
  readonly listCount: number;
  readonly sampleCount: number;
}

/** A run of lists, column by column: what their slices are made of. */
export interface ListRun {
  readonly type: "lists";
  readonly listIds: Uint32Array<ArrayBuffer>;
  readonly kinds: Uint8Array<ArrayBuffer>;
  readonly flags: Uint8Array<ArrayBuffer>;
  /** All names as UTF-8, one after the other, and where each one ends. */
  readonly names: Uint8Array<ArrayBuffer>;
  readonly nameEnds: Uint32Array<ArrayBuffer>;
  readonly firstOrdinals: Float64Array<ArrayBuffer>;
  readonly counts: Uint32Array<ArrayBuffer>;
  /** Where each list's newest slice before is: segment and offset. */
  readonly lastSegments: Uint32Array<ArrayBuffer>;
  readonly lastSlices: Uint32Array<ArrayBuffer>;
  /** How many numbers follow the fixed fields of each slice. */
  readonly numberCounts: Uint32Array<ArrayBuffer>;
  /**
   * These numbers, list by list. Those of the last list may go on in the runs
   * after this one, which begin with them.
   */
  readonly numbers: Uint32Array<ArrayBuffer>;
}

/** Hashes of ids and offsets of their records, in the order of the log. */
export interface IdRun {
  readonly type: "ids";
  readonly hashes: Uint32Array;
  readonly offsets: Uint32Array;
}

/** Places and times of records, in the order of the log. */
export interface SampleRun {
  readonly type: "samples";
  readonly offsets: Uint32Array;
  readonly times: Float64Array;
}

/** Part of what an index file is made from: all lists, all ids, all samples. */
export type IndexPart = ListRun | IdRun | SampleRun;

/** The memory of a part's columns, where it is all theirs. */
export function buffersOf(part: IndexPart): ArrayBuffer[] {
  const buffers: ArrayBuffer[] = [];
  for (const column of Object.values(part)) {
    if (ArrayBuffer.isView(column) && column.buffer instanceof ArrayBuffer) {
      buffers.push(column.buffer);
    }
  }
  return buffers;
}

/** Gives a part's memory back, where it is all the part's. */
export function givePartBack(part: IndexPart): void {
  for (const buffer of buffersOf(part)) giveBack({ buffer });
}

/** An index file of an older segment. */
export interface OlderIndex {
  readonly segmentNumber: number;
  readonly path: string;
}

/** A slice and where it is. */
export interface FoundSlice {
  readonly pointer: SlicePointer;
  readonly slice: Slice;
}

/** Finds older slices of the lists of a run. */
export interface OlderSlices {
  /**
   * The newest slice of the list with that index in the run, which is asked
   * for only if the list began before.
   */
  newest(run: ListRun, index: number): FoundSlice | undefined;
  /** The list's slice that a pointer points at, or one before it. */
  at(run: ListRun, index: number, pointer: SlicePointer): Slice | undefined;
}

/** One index file that is to be made. */
export interface IndexJob {
  readonly head: IndexHead;
  /** In the order of `IndexPart`; each is short work to take. */
  readonly parts: Iterable<IndexPart>;
  /** Where older slices of the lists are. */
  readonly older: OlderSlices;
  /** The files that `older` finds them in; undefined if these do not tell. */
  readonly olderIndexes: readonly OlderIndex[] | undefined;
  /** Takes the file's bytes, from its start to its end. */
  readonly file: Pick<DiskFile, "writeAt">;
  /** Is told where the slices of the next lists are, in their order. */
  readonly placed: (offsets: Uint32Array) => void;
  /** Lets others work. */
  readonly pause: () => Promise<void>;
}

/** Makes index files. */
export interface IndexMaker {
  /**
   * Makes one. Once this settled it touches the job's file no more.
   *
   * @throws {IndexMakerError} When the maker itself failed: another one may
   * begin anew.
   */
  make(job: IndexJob): Promise<void>;
}

/** A maker cannot go on, whatever the reason, the disk aside. */
export class IndexMakerError extends Error {}
