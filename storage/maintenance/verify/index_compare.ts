/**
 * The deep check of an index file: it is made again from the log, and what
 * would be written is compared with what is there.
 *
 * @module
 */

import { type Disk, type DiskFile, readExactly } from "../../disk/disk.ts";
import { BLOCK_BYTES, BLOCK_CONTENT_BYTES } from "../../index/block_cache.ts";
import { decodeFooter } from "../../index/index_file.ts";
import type { RemainingEntries } from "../../index/remaining_entries.ts";
import type { StoreIndex } from "../../index/store_index.ts";
import type { RecordReader } from "../../log/record_reader.ts";
import {
  type OpenFiles,
  type Segment,
  segmentPath,
} from "../../log/segment.ts";
import { writeIndexOf } from "../../index/rebuild_index.ts";

export interface IndexCompareRequest {
  readonly disk: Disk;
  readonly logDirectory: string;
  /** The index of the store, with all index files before this one open. */
  readonly index: StoreIndex;
  readonly files: OpenFiles;
  readonly reader: RecordReader;
  readonly storeId: string;
  readonly segment: Segment;
  /** Memory to use, of {@link index}; what was entered before is forgotten. */
  readonly entries: RemainingEntries;
  /**
   * Whether records were taken out of this segment or one before it: pointers
   * between slices are only near then, and may be others when they are made
   * again.
   */
  readonly isScavenged: boolean;
  readonly pause: () => Promise<void>;
}

/**
 * Compares an index file, whose blocks are whole, with the one that the log
 * makes.
 *
 * @returns Where the two differ first; undefined if they do not.
 * @throws {QuipuError} `corruptRecord` when the segment, or an index file
 * before this one, cannot be read.
 */
export async function compareIndex(
  request: IndexCompareRequest,
): Promise<number | undefined> {
  const { disk, logDirectory, segment, entries, isScavenged } = request;
  const path = segmentPath(logDirectory, segment, "idx");
  const original = disk.open(path, "read");
  try {
    const from = isScavenged ? afterSlices(original) : 0;
    const file = new ComparingFile(path, original, from);
    entries.begin(segment);
    await writeIndexOf(segment, {
      disk: comparingDisk(disk, file),
      logDirectory,
      index: request.index,
      files: request.files,
      reader: request.reader,
      storeId: request.storeId,
      pause: request.pause,
    }, entries);
    return file.difference();
  } finally {
    original.close();
  }
}

/** Offset in the file of the first block without slices. */
function afterSlices(file: DiskFile): number {
  const at = file.size() - BLOCK_BYTES;
  const content = readExactly(file, at, BLOCK_CONTENT_BYTES);
  const footer = content && decodeFooter(content);
  const blocks = Math.ceil(
    (footer?.directoryOffset ?? 0) / BLOCK_CONTENT_BYTES,
  );
  return blocks * BLOCK_BYTES;
}

/** Takes what is written for what should be there already. */
class ComparingFile implements DiskFile {
  readonly path: string;
  readonly #original: DiskFile;
  readonly #from: number;
  #difference: number | undefined;
  #end = 0;

  constructor(path: string, original: DiskFile, from: number) {
    this.path = path;
    this.#original = original;
    this.#from = from;
  }

  /** Where the two differ first. */
  difference(): number | undefined {
    const isShorter = this.#end !== this.#original.size();
    return this.#difference ?? (isShorter ? this.#end : undefined);
  }

  writeAt(bytes: Uint8Array, offset: number): Promise<void> {
    this.#end = Math.max(this.#end, offset + bytes.length);
    if (this.#difference === undefined) {
      this.#difference = this.#compare(bytes, offset);
    }
    return Promise.resolve();
  }

  #compare(bytes: Uint8Array, offset: number): number | undefined {
    const there = readExactly(this.#original, offset, bytes.length);
    if (there === undefined) return offset;
    for (let at = Math.max(0, this.#from - offset); at < bytes.length; at++) {
      if (there[at] !== bytes[at]) return offset + at;
    }
    return undefined;
  }

  readAt(buffer: Uint8Array, offset: number): number {
    return this.#original.readAt(buffer, offset);
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  size(): number {
    return this.#end;
  }

  truncate(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

/** A disk on which the one file that is made is only compared. */
function comparingDisk(disk: Disk, file: DiskFile): Disk {
  const nothing = () => Promise.resolve();
  return {
    makeDirectory: nothing,
    list: (path) => disk.list(path),
    open: (path, mode) => disk.open(path, mode),
    create: () => Promise.resolve(file),
    rename: nothing,
    remove: nothing,
    syncDirectory: nothing,
    lock: (path, owner) => disk.lock(path, owner),
  };
}
