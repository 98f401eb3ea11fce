/**
 * Reads the index file of a sealed segment.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import type { Segment } from "../log/segment.ts";
import { bytesOf, getSafeUint64, readName } from "../log/bytes.ts";
import { BLOCK_BYTES, type Blocks } from "./block_cache.ts";
import {
  BlockedReader,
  type BlockedSource,
  createLongRead,
  WALK_BYTES,
} from "./blocked_file.ts";
import {
  decodeFooter,
  decodeSlice,
  entryBytesOf,
  filterMayHave,
  GONE_OFFSET,
  type IndexFooter,
  isSparseSlice,
  type Slice,
  SLICE_FIXED_BYTES,
  SLICE_PREFIX_BYTES,
  SLICE_SPARSE,
  sliceHeadBytes,
  sliceIn,
} from "./index_file.ts";
import type { LogSample } from "./memtable.ts";

/** Bytes of an entry of the ids, and of the directory. */
const ID_ENTRY_BYTES = 8;
const SAMPLE_BYTES = 12;
/** Most bytes of a slice before its entries: the name's length has 16 bits. */
const SLICE_HEAD_BYTES_MAX = SLICE_PREFIX_BYTES + 65_535 + SLICE_FIXED_BYTES +
  4;

/**
 * A slice and its list's name, as a walk over the file meets them. The name's
 * bytes in the slice are overwritten when the walk goes on.
 */
interface WalkedSlice {
  readonly slice: Slice;
  readonly offset: number;
  readonly name: string;
}

export class SealedIndex {
  readonly footer: IndexFooter;
  readonly #reader: BlockedReader;
  /** The filter of ids; undefined when it did not fit in memory. */
  #filter: Uint8Array | undefined;

  constructor(footer: IndexFooter, reader: BlockedReader) {
    this.footer = footer;
    this.#reader = reader;
  }

  /** Bytes that `loadFilter()` takes. */
  get filterBytes(): number {
    return this.footer.filterBytes;
  }

  /** Bytes of the filter that are in memory. */
  get filterBytesKept(): number {
    return this.#filter?.length ?? 0;
  }

  /** Keeps the filter of ids in memory. */
  loadFilter(): void {
    const { filterOffset, filterBytes } = this.footer;
    this.#filter = this.#reader.readLong(filterOffset, filterBytes);
  }

  /** Whether every block is as it was written. */
  isWhole(): boolean {
    return this.#reader.isWhole();
  }

  /** The slice at an offset; its name is to be used before more is read. */
  sliceAt(offset: number): Slice {
    const reader = this.#reader;
    const prefix = reader.uint32At(offset);
    const headBytes = sliceHeadBytes(prefix);
    const leftCount = isSparseSlice(prefix)
      ? reader.uint32At(offset + headBytes)
      : undefined;
    const head = reader.seek(offset, headBytes);
    return sliceIn(head, reader.at, { offset, leftCount });
  }

  /**
   * The slice of a list.
   *
   * @param kind Code of the list's kind.
   * @param name Name of the list, as UTF-8.
   * @param hash Hash of both, as in the directory.
   * @returns Undefined when the list has no entry in the segment.
   */
  findSlice(
    kind: number,
    name: Uint8Array,
    hash: number,
  ): { slice: Slice; offset: number } | undefined {
    const { directoryOffset, sliceCount } = this.footer;
    for (
      let index = this.#firstWithHash(hash, directoryOffset, sliceCount);
      index < sliceCount && this.#hashAt(directoryOffset, index) === hash;
      index++
    ) {
      const offset = this.#valueAt(directoryOffset, index);
      const slice = this.sliceAt(offset);
      if (slice.kind === kind && isSame(slice.name, name)) {
        return { slice, offset };
      }
    }
    return undefined;
  }

  /**
   * Offset in the segment of the slice's entry with that index, counted with
   * those that are gone; `GONE_OFFSET` for one of them.
   */
  entryOf(slice: Slice, index: number): number {
    const { entriesOffset, storedCount } = slice;
    if ((slice.flags & SLICE_SPARSE) === 0) {
      return this.#reader.uint32At(entriesOffset + index * 4);
    }
    const at = this.#leftFrom(slice, index);
    return at < storedCount &&
        this.#reader.uint32At(entriesOffset + at * 4) === index
      ? this.#reader.uint32At(entriesOffset + (storedCount + at) * 4)
      : GONE_OFFSET;
  }

  /**
   * Index of the slice's nearest entry that is left, from one index on in the
   * direction; undefined when none is.
   */
  leftNear(slice: Slice, from: number, step: 1 | -1): number | undefined {
    const { entriesOffset, storedCount, count } = slice;
    if ((slice.flags & SLICE_SPARSE) !== 0) {
      const at = this.#leftFrom(slice, from);
      const isIt = at < storedCount &&
        this.#reader.uint32At(entriesOffset + at * 4) === from;
      const near = isIt || step > 0 ? at : at - 1;
      return near < 0 || near >= storedCount
        ? undefined
        : this.#reader.uint32At(entriesOffset + near * 4);
    }
    for (let index = from; index >= 0 && index < count; index += step) {
      if (this.entryOf(slice, index) !== GONE_OFFSET) return index;
    }
    return undefined;
  }

  /** Which of a sparse slice's entries is the first from an index on. */
  #leftFrom({ entriesOffset, storedCount }: Slice, index: number): number {
    let low = 0;
    let high = storedCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#reader.uint32At(entriesOffset + middle * 4) < index) {
        low = middle + 1;
      } else high = middle;
    }
    return low;
  }

  /** Offset of the first-written record with the hash that `matches` accepts. */
  findId(
    hash: number,
    matches: (offset: number) => boolean,
  ): number | undefined {
    if (this.#filter !== undefined && !filterMayHave(this.#filter, hash)) {
      return undefined;
    }
    const { idsOffset, recordCount } = this.footer;
    for (
      let index = this.#firstWithHash(hash, idsOffset, recordCount);
      index < recordCount && this.#hashAt(idsOffset, index) === hash;
      index++
    ) {
      const offset = this.#valueAt(idsOffset, index);
      if (matches(offset)) return offset;
    }
    return undefined;
  }

  /**
   * Newest sample at or before an offset of the segment; undefined when the
   * segment has no record.
   */
  sampleAt(offset: number): LogSample | undefined {
    return this.#lastSample((sample) => sample.offset <= offset);
  }

  /** Newest sample that is older than a time. */
  sampleBefore(createdAtUs: number): LogSample | undefined {
    return this.#lastSample((sample) => sample.createdAtUs < createdAtUs);
  }

  /** All slices, in the order of the file; blocks stay out of the cache. */
  *walk(): Generator<WalkedSlice> {
    let offset = 0;
    let chunkStart = 0;
    let chunk: Uint8Array = new Uint8Array(0);
    const memory = createLongRead();
    const end = this.footer.directoryOffset;
    const read = (at: number, length: number): Uint8Array => {
      if (at + length > chunkStart + chunk.length) {
        throw new QuipuError(
          "corruptRecord",
          `Cannot read the index of segment ${this.footer.segmentNumber}: ` +
            "a slice reaches beyond its section",
        );
      }
      return chunk.subarray(at - chunkStart, at - chunkStart + length);
    };
    for (let count = 0; count < this.footer.sliceCount; count++) {
      // The buffer is overwritten between slices, not within one.
      const headEnd = Math.min(end, offset + SLICE_HEAD_BYTES_MAX);
      if (headEnd > chunkStart + chunk.length) {
        chunkStart = offset;
        const wanted = Math.max(0, Math.min(WALK_BYTES, end - offset));
        chunk = this.#reader.readLong(offset, wanted, memory);
      }
      const slice = decodeSlice(offset, read);
      yield {
        slice,
        offset,
        name: readName(slice.name, 0, slice.name.length),
      };
      offset = slice.entriesOffset + entryBytesOf(slice);
    }
  }

  #lastSample(accepts: (sample: LogSample) => boolean): LogSample | undefined {
    let low = 0;
    let high = this.footer.sampleCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (accepts(this.#sample(middle))) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? undefined : this.#sample(low - 1);
  }

  #sample(index: number): LogSample {
    const { view } = bytesOf(this.#reader.read(
      this.footer.samplesOffset + index * SAMPLE_BYTES,
      SAMPLE_BYTES,
    ));
    return {
      offset: view.getUint32(0, true),
      createdAtUs: getSafeUint64(view, 4),
    };
  }

  /** Index of the first entry whose hash is at least `hash`. */
  #firstWithHash(hash: number, at: number, count: number): number {
    // Hashes are spread evenly, so the guess is near; the range around it is
    // doubled until it holds the place.
    const guess = Math.floor(hash / 2 ** 32 * count);
    let reach = 256;
    let low = Math.max(0, guess - reach);
    while (low > 0 && this.#hashAt(at, low) >= hash) {
      reach *= 2;
      low = Math.max(0, guess - reach);
    }
    reach = 256;
    let high = Math.min(count, guess + reach);
    while (high < count && this.#hashAt(at, high) < hash) {
      reach *= 2;
      high = Math.min(count, guess + reach);
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#hashAt(at, middle) < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #hashAt(at: number, index: number): number {
    return this.#reader.uint32At(at + index * ID_ENTRY_BYTES);
  }

  #valueAt(at: number, index: number): number {
    return this.#reader.uint32At(at + index * ID_ENTRY_BYTES + 4);
  }
}

/**
 * Opens an index file.
 *
 * @param cacheKey Number of the file among all that were opened with the cache.
 * @param onDamage Called when a block cannot be read later on.
 * @returns `undefined` when its footer cannot be read: it is to be made again.
 */
export function openSealedIndex(
  open: () => BlockedSource,
  cache: Blocks,
  cacheKey: number,
  onDamage: () => void,
): SealedIndex | undefined {
  const sizeBytes = open().size();
  if (sizeBytes < BLOCK_BYTES || sizeBytes % BLOCK_BYTES !== 0) {
    return undefined;
  }
  const reader = new BlockedReader(open, cache, cacheKey, onDamage);
  try {
    const footer = decodeFooter(reader.block(sizeBytes / BLOCK_BYTES - 1));
    return footer === undefined ? undefined : new SealedIndex(footer, reader);
  } catch (error) {
    if (error instanceof QuipuError) return undefined;
    throw error;
  }
}

/** Whether an index file was made of a segment as it is. */
export function isIndexOf(
  index: SealedIndex,
  segment: Segment,
  storeId: string,
): boolean {
  const { footer } = index;
  return footer.storeId === storeId &&
    footer.segmentNumber === segment.number &&
    footer.generation === segment.generation &&
    footer.startPosition === segment.startPosition &&
    isSameScavenge(index, segment);
}

function isSameScavenge(
  { footer }: SealedIndex,
  { scavenged }: Segment,
): boolean {
  if (scavenged === undefined) return !footer.isScavenged;
  const { header } = scavenged;
  return footer.isScavenged && footer.endPosition === header.endPosition &&
    footer.checksum === header.checksum &&
    footer.recordCount === header.recordCount;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length &&
    one.every((byte, index) => byte === other[index]);
}
