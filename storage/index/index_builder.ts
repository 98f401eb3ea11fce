/**
 * Makes the bytes of an index file from parts. It knows no memtable and no
 * directory of lists, so that it can run in any thread; and it pauses often,
 * for a thread that has other things to do.
 *
 * @module
 */

import { invariant } from "../../lib/model/errors.ts";
import type { DiskFile } from "../disk/disk.ts";
import { giveBack, GrowingBytes } from "../log/bytes.ts";
import { hashListName } from "../log/event_id_hash.ts";
import { BlockedWriter } from "./blocked_file.ts";
import {
  addToFilter,
  encodeFooter,
  encodeSlice,
  filterBytesFor,
  type Slice,
  type SlicePointer,
} from "./index_file.ts";
import {
  givePartBack,
  type IdRun,
  type IndexHead,
  type IndexJob,
  type IndexMaker,
  type IndexPart,
  type ListRun,
  type OlderSlices,
  type SampleRun,
} from "./index_maker.ts";
import { NO_SEGMENT } from "./list_directory.ts";

/** Lists between two pauses: each may take a look at all older index files. */
const LISTS_PER_PAUSE = 8;
/** Bytes of slices that are put together before they go into blocks. */
const SLICE_BYTES = 64 * 1024;

/** Nothing before: the first slice of a list. */
const NO_SLICE: SlicePointer = {
  segment: NO_SEGMENT,
  offset: 0,
  depth: 0,
};

/** Makes index files in this thread. */
export const MAKER_HERE: IndexMaker = {
  async make(job: IndexJob): Promise<void> {
    const builder = new IndexBuilder({ ...job, release: releaseCopies });
    for (const part of job.parts) {
      const offsets = await builder.add(part);
      if (offsets !== undefined) {
        job.placed(offsets);
        giveBack(offsets);
      }
      await job.pause();
    }
    await builder.finish();
  },
};

/** Gives back what is a copy: ids are those of the memtable. */
function releaseCopies(part: IndexPart): void {
  if (part.type === "lists") givePartBack(part);
}

/** Hashes, and the offset that belongs to each. */
interface HashRun {
  readonly hashes: Uint32Array;
  readonly offsets: Uint32Array;
}

export class IndexBuilder {
  readonly #head: IndexHead;
  readonly #older: OlderSlices;
  readonly #pause: () => Promise<void>;
  readonly #release: (part: IndexPart) => void;
  readonly #writer: BlockedWriter;
  readonly #out = new GrowingBytes(SLICE_BYTES * 2);
  /** Section that parts are taken for. */
  #section: IndexPart["type"] = "lists";
  /** Numbers of the newest slice that are still to come. */
  #numbersLeft = 0;
  #sliceCount = 0;
  /** Hash and offset of each slice. */
  #slices: HashRun;
  #idRuns: IdRun[] = [];
  #directoryOffset = 0;
  #idsOffset = 0;
  #filterOffset = 0;
  #filterBytes = 0;
  #samplesOffset = 0;

  constructor(
    options: {
      readonly head: IndexHead;
      readonly older: OlderSlices;
      readonly file: Pick<DiskFile, "writeAt">;
      readonly pause: () => Promise<void>;
      /** Is told of each part that is not needed any more. */
      readonly release?: (part: IndexPart) => void;
    },
  ) {
    this.#head = options.head;
    this.#older = options.older;
    this.#pause = options.pause;
    this.#release = options.release ?? (() => {});
    this.#writer = new BlockedWriter(options.file);
    const { listCount } = options.head;
    this.#slices = {
      hashes: new Uint32Array(listCount),
      offsets: new Uint32Array(listCount),
    };
  }

  /**
   * Takes the next part.
   *
   * @returns Of a run of lists, where their slices are.
   */
  async add(part: IndexPart): Promise<Uint32Array<ArrayBuffer> | undefined> {
    await this.#endSectionsBefore(part.type);
    if (part.type === "ids") {
      this.#idRuns.push(part);
      return undefined;
    }
    const offsets = part.type === "lists"
      ? await this.#addLists(part)
      : this.#addSamples(part);
    this.#release(part);
    return offsets;
  }

  /** Writes what is left, after the last part. */
  async finish(): Promise<void> {
    await this.#endSectionsBefore("samples");
    const writer = this.#writer;
    writer.endBlock();
    writer.push(encodeFooter({
      ...this.#head,
      sliceCount: this.#sliceCount,
      directoryOffset: this.#directoryOffset,
      idsOffset: this.#idsOffset,
      filterOffset: this.#filterOffset,
      filterBytes: this.#filterBytes,
      samplesOffset: this.#samplesOffset,
    }));
    await writer.finish();
  }

  async #endSectionsBefore(section: IndexPart["type"]): Promise<void> {
    if (this.#section === "lists" && section !== "lists") {
      await this.#endLists();
      this.#section = "ids";
    }
    if (this.#section === "ids" && section === "samples") {
      await this.#endIds();
      this.#section = "samples";
    }
  }

  async #addLists(run: ListRun): Promise<Uint32Array<ArrayBuffer>> {
    const out = this.#out;
    out.clear(SLICE_BYTES * 8);
    const sliceOffsets = new Uint32Array(run.kinds.length);
    let at = this.#pushNumbers(run, 0);
    let nameStart = 0;
    for (let index = 0; index < run.kinds.length; index++) {
      invariant(this.#numbersLeft === 0, "A list's numbers come before others");
      if (out.length >= SLICE_BYTES) await this.#writeOut();
      const kind = run.kinds[index] ?? 0;
      const nameEnd = run.nameEnds[index] ?? 0;
      const offset = this.#writer.offset + out.length;
      sliceOffsets[index] = offset;
      this.#slices.hashes[this.#sliceCount] = hashListName(
        kind,
        run.names,
        nameStart,
        nameEnd,
      );
      this.#slices.offsets[this.#sliceCount] = offset;
      this.#sliceCount++;
      encodeSlice(out, {
        kind,
        flags: run.flags[index] ?? 0,
        name: run.names.subarray(nameStart, nameEnd),
        firstOrdinal: run.firstOrdinals[index] ?? 0,
        count: run.counts[index] ?? 0,
        ...this.#pointersOf(run, index),
      });
      this.#numbersLeft = run.numberCounts[index] ?? 0;
      at = this.#pushNumbers(run, at);
      nameStart = nameEnd;
      if (index % LISTS_PER_PAUSE === LISTS_PER_PAUSE - 1) await this.#pause();
    }
    await this.#writeOut();
    return sliceOffsets;
  }

  /** Takes a run's numbers for the newest slice; returns how many are taken. */
  #pushNumbers({ numbers }: ListRun, from: number): number {
    const to = Math.min(numbers.length, from + this.#numbersLeft);
    for (let at = from; at < to; at++) {
      this.#out.pushUint32(numbers[at] ?? 0);
    }
    this.#numbersLeft -= to - from;
    return to;
  }

  async #writeOut(): Promise<void> {
    const isFull = this.#writer.push(this.#out.bytes());
    this.#out.clear();
    if (isFull) await this.#writer.flush();
  }

  #pointersOf(
    run: ListRun,
    index: number,
  ): Pick<Slice, "depth" | "previous" | "jump" | "jumpJump"> {
    // Nothing is before what a list begins with, a tombstone's slice aside.
    if (run.firstOrdinals[index] === 0) return NO_POINTERS;
    const before = this.#older.newest(run, index);
    if (before === undefined) return NO_POINTERS;
    const { pointer, slice } = before;
    const depth = slice.depth + 1;
    const jumpsEquallyFar = slice.jumpJump.segment !== NO_SEGMENT &&
      slice.depth - slice.jump.depth ===
        slice.jump.depth - slice.jumpJump.depth;
    if (!jumpsEquallyFar) {
      return { depth, previous: pointer, jump: pointer, jumpJump: slice.jump };
    }
    const far = this.#older.at(run, index, slice.jumpJump);
    return {
      depth,
      previous: pointer,
      jump: slice.jumpJump,
      jumpJump: far?.jump ?? NO_SLICE,
    };
  }

  /** Writes the directory of slices. */
  async #endLists(): Promise<void> {
    const writer = this.#writer;
    invariant(
      this.#sliceCount === this.#head.listCount && this.#numbersLeft === 0,
      "All lists have come",
    );
    await writer.flush();
    this.#directoryOffset = writer.offset;
    const slices = this.#slices;
    this.#slices = NO_HASHES;
    await this.#writeByHash([slices], this.#sliceCount, {
      visit: () => {},
      release: () => {
        giveBack(slices.hashes);
        giveBack(slices.offsets);
      },
    });
    writer.endBlock();
    this.#idsOffset = writer.offset;
  }

  /** Writes the ids, and the filter of their hashes. */
  async #endIds(): Promise<void> {
    const writer = this.#writer;
    const { recordCount } = this.#head;
    const filter = new Uint8Array(filterBytesFor(recordCount));
    const idRuns = this.#idRuns;
    this.#idRuns = [];
    await this.#writeByHash(idRuns, recordCount, {
      visit: (hash) => addToFilter(filter, hash),
      release: () => idRuns.forEach(this.#release),
    });
    this.#filterOffset = writer.offset;
    this.#filterBytes = filter.length;
    writer.push(filter);
    await writer.flush();
    this.#samplesOffset = writer.offset;
  }

  #addSamples({ offsets, times }: SampleRun): undefined {
    const out = this.#out;
    out.clear();
    for (let index = 0; index < offsets.length; index++) {
      out.pushUint32(offsets[index] ?? 0);
      out.pushUint64(times[index] ?? 0);
    }
    this.#writer.push(out.bytes());
  }

  /** Writes pairs of hash and offset in the order of both. */
  async #writeByHash(
    runs: readonly HashRun[],
    count: number,
    { visit, release }: {
      readonly visit: (hash: number) => void;
      /** Called when `runs` are not needed any more. */
      readonly release: () => void;
    },
  ): Promise<void> {
    const ends = new Uint32Array(2 ** BUCKET_BITS + 1);
    let counted = 0;
    for (const { hashes } of runs) {
      for (const hash of hashes) {
        const bucket = hash >>> BUCKET_SHIFT;
        ends[bucket + 1] = (ends[bucket + 1] ?? 0) + 1;
        if (++counted % HASHES_PER_PAUSE === 0) await this.#pause();
      }
    }
    invariant(counted === count, "All hashes have come");
    for (let bucket = 0; bucket < 2 ** BUCKET_BITS; bucket++) {
      ends[bucket + 1] = (ends[bucket + 1] ?? 0) + (ends[bucket] ?? 0);
    }
    const keys = await this.#spread(runs, count, ends);
    release();
    const out = this.#out;
    for (let bucket = 0; bucket < 2 ** BUCKET_BITS; bucket++) {
      if (ends[bucket] === ends[bucket + 1]) continue;
      const sorted = keys.subarray(ends[bucket], ends[bucket + 1]).sort();
      out.clear();
      for (const key of sorted) {
        const hash = (bucket << BUCKET_SHIFT | Math.floor(key / 2 ** 32)) >>> 0;
        visit(hash);
        out.pushUint32(hash);
        out.pushUint32(key % 2 ** 32);
      }
      if (this.#writer.push(out.bytes())) await this.#writer.flush();
      if (bucket % 8 === 7) await this.#pause();
    }
    giveBack(keys);
    await this.#writer.flush();
  }

  /**
   * Hash and offset of each pair as one number, bucket after bucket. The
   * bucket's bits left out, the two are exact in a double.
   */
  async #spread(
    runs: readonly HashRun[],
    count: number,
    ends: Uint32Array,
  ): Promise<Float64Array<ArrayBuffer>> {
    const keys = new Float64Array(count);
    const next = ends.slice();
    let spread = 0;
    for (const { hashes, offsets } of runs) {
      for (let index = 0; index < hashes.length; index++) {
        const hash = hashes[index] ?? 0;
        const at = next[hash >>> BUCKET_SHIFT] ?? 0;
        next[hash >>> BUCKET_SHIFT] = at + 1;
        keys[at] = (hash & (2 ** BUCKET_SHIFT - 1)) * 2 ** 32 +
          (offsets[index] ?? 0);
        if (++spread % HASHES_PER_PAUSE === 0) await this.#pause();
      }
    }
    return keys;
  }
}

/** First bits of a hash by which entries are spread before they are sorted. */
const BUCKET_BITS = 12;
const BUCKET_SHIFT = 32 - BUCKET_BITS;
const HASHES_PER_PAUSE = 16_384;

const NO_HASHES: HashRun = {
  hashes: new Uint32Array(0),
  offsets: new Uint32Array(0),
};

/** Of a list's first slice. */
const NO_POINTERS = {
  depth: 0,
  previous: NO_SLICE,
  jump: NO_SLICE,
  jumpJump: NO_SLICE,
};
