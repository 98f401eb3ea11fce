/**
 * The deep check of a store: each index file is made again from the log, in
 * the order of the log, and compared with what is there.
 *
 * @module
 */

import { join } from "@std/path";
import type { JobControl } from "../../../lib/store/maintenance.ts";
import { type Disk, type DiskFile, readExactly } from "../../disk/disk.ts";
import { FILE_LIMITS } from "../../disk/limits.ts";
import { SEGMENTS_NAME } from "../../disk/store_directory.ts";
import { BLOCK_BYTES, BLOCK_CONTENT_BYTES } from "../../index/block_cache.ts";
import { decodeFooter } from "../../index/index_file.ts";
import { writeIndexOf } from "../../index/rebuild_index.ts";
import { RemainingEntries } from "../../index/remaining_entries.ts";
import { StoreIndex } from "../../index/store_index.ts";
import { RecordReader } from "../../log/record_reader.ts";
import {
  type OpenFiles,
  type Segment,
  segmentPath,
} from "../../log/segment.ts";
import type { Findings } from "./findings.ts";
import type { PlannedSegment, VerifyPlan } from "./verify_plan.ts";

/** Records are read once: none need be kept. */
const READ_CACHE_BYTES = 64 * 1024;

export class DeepCheck {
  readonly #plan: VerifyPlan;
  readonly #findings: Findings;
  readonly #control: JobControl;
  readonly #index: StoreIndex;
  readonly #files: OpenFiles;
  readonly #reader: RecordReader;
  /** For one segment after the other: sets of their own would pile up. */
  #entries: RemainingEntries | undefined;
  #isScavenged = false;

  constructor(
    options: {
      readonly plan: VerifyPlan;
      readonly files: OpenFiles;
      readonly findings: Findings;
      readonly control: JobControl;
    },
  ) {
    const { plan, files } = options;
    this.#plan = plan;
    this.#files = files;
    this.#findings = options.findings;
    this.#control = options.control;
    this.#index = new StoreIndex({
      disk: plan.disk,
      files,
      storeDirectory: plan.directory,
      logDirectory: join(plan.directory, SEGMENTS_NAME),
      blockCacheBytes: FILE_LIMITS.indexBlockCacheBytes,
      idFilterBytesMax: 0,
    });
    this.#reader = new RecordReader({ files, cacheBytes: READ_CACHE_BYTES });
  }

  /** Records were taken out of the next segment: see `index_compare.ts`. */
  passScavenged(): void {
    this.#isScavenged = true;
  }

  /**
   * Compares an index file that is fit by its checksums.
   *
   * @returns Whether the next one can be compared, too.
   * @throws {QuipuError} `corruptRecord`.
   */
  async compare({ segment, index }: PlannedSegment): Promise<boolean> {
    const { disk, directory, storeId = "" } = this.#plan;
    this.#entries ??= new RemainingEntries(this.#index.lists, segment);
    const difference = await compareIndex({
      entries: this.#entries,
      index: this.#index,
      files: this.#files,
      reader: this.#reader,
      disk,
      logDirectory: join(directory, SEGMENTS_NAME),
      storeId,
      segment,
      isScavenged: this.#isScavenged,
      pause: async () => {
        this.#control.signal.throwIfAborted();
        await this.#control.pause?.();
      },
    });
    if (difference !== undefined) {
      this.#findings.broken(
        "indexContent",
        "the index is not the one that the log makes",
        { ...(index && { file: index.name }), offset: difference },
      );
      return false;
    }
    const isOpen = this.#index.addSealed(segment, storeId);
    if (isOpen) this.#index.enterSealed(segment.number);
    return isOpen;
  }
}

interface IndexCompareRequest {
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
async function compareIndex(
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
