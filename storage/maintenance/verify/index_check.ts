/**
 * Checks the index file of a sealed segment: every block, that it belongs to
 * the segment, and that its entries are those of the segment's records, by a
 * digest of both. The ids, the directory and the pointers between slices are
 * held against the log by the deep check alone.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import type { JobControl } from "../../../lib/store/maintenance.ts";
import { type DiskFile, readExactly } from "../../disk/disk.ts";
import { BLOCK_BYTES, BLOCK_CONTENT_BYTES } from "../../index/block_cache.ts";
import {
  decodeFooter,
  GONE_OFFSET,
  type IndexFooter,
  SLICE_COUNT_AT,
  SLICE_FIXED_BYTES,
  SLICE_PREFIX_BYTES,
  SLICE_SPARSE,
} from "../../index/index_file.ts";
import { type Bytes, bytesOf } from "../../log/bytes.ts";
import type { Segment } from "../../log/segment.ts";
import type { Findings } from "./findings.ts";
import { EntryDigest, NameHash } from "./list_entries.ts";
import type { SegmentFacts } from "./segment_check.ts";

/** Entries, or bytes behind them, that are taken between two pauses. */
const ENTRIES_PER_PAUSE = 64 * 1024;
const BYTES_PER_PAUSE = 256 * 1024;
/** More than any name has: its length is a u16. */
const NAME_BYTES_MAX = 65_535;
const SLICE_BYTES_MAX = SLICE_PREFIX_BYTES + NAME_BYTES_MAX +
  SLICE_FIXED_BYTES + 4;
const BLOCKS_PER_READ = 64;

interface IndexCheckRequest {
  readonly file: DiskFile;
  /** Name of the file, for findings. */
  readonly fileName: string;
  readonly storeId: string;
  readonly segment: Segment;
  readonly isScavenged: boolean;
  readonly facts: SegmentFacts;
  readonly findings: Findings;
  readonly control: JobControl;
  readonly onBytes: (count: number) => void;
}

/**
 * Checks an index file.
 *
 * @returns Whether it is whole and says what the log says.
 */
export async function checkIndex(request: IndexCheckRequest): Promise<boolean> {
  const { file, fileName, findings, facts } = request;
  const footer = readFooter(file);
  if (footer === undefined) {
    findings.broken("indexFile", "the index file has no footer", {
      file: fileName,
    });
    return false;
  }
  const strange = strangenessOf(footer, request);
  if (strange !== undefined) {
    findings.broken("indexFile", strange, { file: fileName });
    return false;
  }
  try {
    const digest = await digestIndex(footer, request);
    // Of a segment that was not read whole nobody knows what to expect.
    if (!facts.isWhole) return true;
    if (footer.recordCount !== facts.recordCount) {
      findings.broken(
        "indexContent",
        `the index has ${footer.recordCount} records, the segment ` +
          `${facts.recordCount}`,
        { file: fileName },
      );
      return false;
    }
    if (digest === undefined || !facts.digest.equals(digest)) {
      findings.broken(
        "indexContent",
        "the lists in the index are not those of the segment's records",
        { file: fileName },
      );
      return false;
    }
    return true;
  } catch (error) {
    if (!(error instanceof BlockDamage)) throw error;
    findings.broken("indexFile", "a block of the index file is damaged", {
      file: fileName,
      offset: error.offset,
    });
    return false;
  }
}

function strangenessOf(
  footer: IndexFooter,
  { storeId, segment, isScavenged }: IndexCheckRequest,
): string | undefined {
  if (footer.storeId !== storeId) {
    return "the index file belongs to another store";
  }
  const isOfSegment = footer.segmentNumber === segment.number &&
    footer.generation === segment.generation &&
    footer.startPosition === segment.startPosition &&
    footer.isScavenged === isScavenged;
  if (!isOfSegment) return "the index file belongs to another segment";
  const isFit = footer.endPosition === segment.endPosition &&
    footer.checksum === segment.checksum;
  return isFit
    ? undefined
    : "the index file was made from a segment with another end";
}

/** The footer: the last block; its checksum is checked with all others. */
function readFooter(file: DiskFile): IndexFooter | undefined {
  const sizeBytes = file.size();
  if (sizeBytes < BLOCK_BYTES || sizeBytes % BLOCK_BYTES !== 0) {
    return undefined;
  }
  const content = readExactly(
    file,
    sizeBytes - BLOCK_BYTES,
    BLOCK_CONTENT_BYTES,
  );
  return content && decodeFooter(content);
}

/**
 * Reads the file to its end: every block, and all entries of its lists.
 *
 * @returns Its entries; undefined when they do not stand in the file as its
 * footer says.
 * @throws {BlockDamage}
 */
async function digestIndex(
  footer: IndexFooter,
  { file, control, onBytes }: IndexCheckRequest,
): Promise<EntryDigest | undefined> {
  const stream = new BlockedStream(file, onBytes);
  const slices = new SliceStream(stream, footer);
  let isRight = true;
  let pausedAt = 0;
  for (let left = footer.sliceCount; isRight && left > 0; left--) {
    isRight = slices.take();
    if (slices.digest.count - pausedAt < ENTRIES_PER_PAUSE) continue;
    pausedAt = slices.digest.count;
    await pause();
  }
  isRight = isRight && slices.offset === footer.directoryOffset;
  // Whatever stands behind is under checksums, too.
  while (stream.need(1) > 0) {
    stream.skip(BYTES_PER_PAUSE);
    await pause();
  }
  return isRight ? slices.digest : undefined;

  async function pause(): Promise<void> {
    control.signal.throwIfAborted();
    await control.pause?.();
  }
}

/** The slices of lists, one after the other. */
class SliceStream {
  /** Where in the content the next slice begins. */
  offset = 0;
  readonly digest = new EntryDigest();
  readonly #stream: BlockedStream;
  readonly #footer: IndexFooter;
  readonly #name = new NameHash();

  constructor(stream: BlockedStream, footer: IndexFooter) {
    this.#stream = stream;
    this.#footer = footer;
  }

  /** Takes the entries of the next slice; false when there is none. */
  take(): boolean {
    const stream = this.#stream;
    const available = stream.need(SLICE_BYTES_MAX);
    if (available < SLICE_PREFIX_BYTES + SLICE_FIXED_BYTES) return false;
    const { at, bytes } = stream;
    const { view } = bytes;
    const kind = view.getUint8(at);
    const isSparse = (view.getUint8(at + 1) & SLICE_SPARSE) !== 0;
    const nameStart = at + SLICE_PREFIX_BYTES;
    const nameEnd = nameStart + view.getUint16(at + 2, true);
    const end = nameEnd + SLICE_FIXED_BYTES + (isSparse ? 4 : 0);
    if (end - at > available) return false;
    this.#name.take(bytes, nameStart, nameEnd);
    // Of an ordinal the digest has the low half alone.
    const first = view.getUint32(nameEnd, true);
    const count = isSparse
      ? view.getUint32(nameEnd + SLICE_FIXED_BYTES, true)
      : view.getUint32(nameEnd + SLICE_COUNT_AT, true);
    this.offset += end - at + count * (isSparse ? 8 : 4);
    if (this.offset > this.#footer.directoryOffset) return false;
    stream.at = end;
    const ordinals = isSparse ? this.#readOrdinals(count) : undefined;
    if (isSparse && ordinals === undefined) return false;
    for (let index = 0; index < count; index++) {
      if (stream.available < 4 && stream.need(4) < 4) return false;
      const place = stream.bytes.view.getUint32(stream.at, true);
      stream.at += 4;
      if (place === GONE_OFFSET) continue;
      const ordinal = first + (ordinals?.[index] ?? index);
      const { high, low } = this.#name;
      this.digest.add(kind, high, low, ordinal, place);
    }
    return true;
  }

  /** Which entries of a list a sparse slice has. */
  #readOrdinals(count: number): Uint32Array | undefined {
    const stream = this.#stream;
    const ordinals = new Uint32Array(count);
    for (let index = 0; index < count; index++) {
      if (stream.need(4) < 4) return undefined;
      ordinals[index] = stream.bytes.view.getUint32(stream.at, true);
      stream.at += 4;
    }
    return ordinals;
  }
}

/** A block that is not as it was written. */
class BlockDamage extends Error {
  override readonly name = "BlockDamage";
  /** Where in the file the block is. */
  readonly offset: number;

  constructor(offset: number) {
    super(`The block at offset ${offset} is damaged`);
    this.offset = offset;
  }
}

/** A blocked file from its start to its end, in large reads, without a cache. */
class BlockedStream {
  readonly #file: DiskFile;
  readonly #onBytes: (count: number) => void;
  readonly #raw = bytesOf(new Uint8Array(BLOCK_BYTES * BLOCKS_PER_READ));
  #content = bytesOf(new Uint8Array(BLOCK_CONTENT_BYTES * BLOCKS_PER_READ * 2));
  #contentEnd = 0;
  #fileOffset = 0;
  /** Where in `content` the next byte is. */
  at = 0;

  constructor(file: DiskFile, onBytes: (count: number) => void) {
    this.#file = file;
    this.#onBytes = onBytes;
  }

  /** The part in memory, valid until more is read. */
  get bytes(): Bytes {
    return this.#content;
  }

  /** How many bytes from `at` on are in memory. */
  get available(): number {
    return this.#contentEnd - this.at;
  }

  /**
   * Has so many bytes from `at` on in memory: `at` may move.
   *
   * @returns How many there are: fewer only where the file ends.
   * @throws {BlockDamage}
   */
  need(byteCount: number): number {
    while (this.#contentEnd - this.at < byteCount && this.#readMore());
    return Math.min(byteCount, this.#contentEnd - this.at);
  }

  /** Passes over bytes. */
  skip(byteCount: number): void {
    let left = byteCount;
    while (left > 0) {
      const count = this.need(Math.min(left, BLOCK_CONTENT_BYTES));
      if (count === 0) return;
      this.at += count;
      left -= count;
    }
  }

  #readMore(): boolean {
    const count = this.#file.readAt(this.#raw.array, this.#fileOffset);
    if (count === 0) return false;
    this.#onBytes(count);
    this.#makeRoom(count);
    for (let at = 0; at < count; at += BLOCK_BYTES) {
      const content = this.#raw.array.subarray(at, at + BLOCK_CONTENT_BYTES);
      const isWhole = at + BLOCK_BYTES <= count &&
        this.#raw.view.getUint32(at + BLOCK_CONTENT_BYTES, true) ===
          crc32(content);
      if (!isWhole) throw new BlockDamage(this.#fileOffset + at);
      this.#content.array.set(content, this.#contentEnd);
      this.#contentEnd += BLOCK_CONTENT_BYTES;
    }
    this.#fileOffset += count;
    return true;
  }

  #makeRoom(count: number): void {
    const { array } = this.#content;
    array.copyWithin(0, this.at, this.#contentEnd);
    this.#contentEnd -= this.at;
    this.at = 0;
    const needed = this.#contentEnd + count;
    if (needed <= array.length) return;
    this.#content = bytesOf(new Uint8Array(needed * 2));
    this.#content.array.set(array.subarray(0, this.#contentEnd));
  }
}
