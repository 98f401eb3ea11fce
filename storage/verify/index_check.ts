/**
 * Checks the index file of a sealed segment: every block, that it belongs to
 * the segment, and that its entries are those of the segment's records, by a
 * digest of both. The ids, the directory and the pointers between slices are
 * held against the log by the deep check alone.
 *
 * @module
 */

import type { JobControl } from "../../lib/model/maintenance.ts";
import type { DiskFile } from "../disk/disk.ts";
import { BLOCK_BYTES, BLOCK_CONTENT_BYTES } from "../index/blocked_file.ts";
import {
  decodeFooter,
  decodeSlice,
  entryBytesOf,
  GONE_OFFSET,
  type IndexFooter,
  type Slice,
  SLICE_FIXED_BYTES,
  SLICE_PREFIX_BYTES,
  SLICE_SPARSE,
} from "../index/index_file.ts";
import { readExactly } from "../disk/disk.ts";
import type { Segment } from "../log/segment.ts";
import { BlockDamage, BlockedStream } from "./blocked_stream.ts";
import type { Findings } from "./findings.ts";
import { EntryDigest, NameHash } from "./list_heads.ts";
import type { SegmentFacts } from "./segment_facts.ts";

export interface IndexCheckRequest {
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
    const digest = await digestOf(footer, request);
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
    if (digest === undefined || !digest.equals(facts.digest)) {
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

function strangenessOf(
  footer: IndexFooter,
  { storeId, segment, isScavenged }: IndexCheckRequest,
): string | undefined {
  if (footer.storeId !== storeId) return "the index file is of another store";
  const isOfSegment = footer.segmentNumber === segment.number &&
    footer.generation === segment.generation &&
    footer.startPosition === segment.startPosition &&
    footer.isScavenged === isScavenged;
  if (!isOfSegment) return "the index file is of another segment";
  const isFit = footer.endPosition === segment.endPosition &&
    footer.checksum === segment.checksum;
  return isFit
    ? undefined
    : "the index file was made of a segment that ended elsewhere";
}

/**
 * Reads the file to its end.
 *
 * @returns Its entries; undefined when they do not stand in the file as its
 * footer says.
 */
async function digestOf(
  footer: IndexFooter,
  { file, control, onBytes }: IndexCheckRequest,
): Promise<EntryDigest | undefined> {
  const stream = new BlockedStream(file, onBytes);
  const digest = new EntryDigest();
  const hash = new NameHash();
  let offset = 0;
  let isRight = true;
  let work = 0;
  for (let count = 0; isRight && count < footer.sliceCount; count++) {
    const slice = readSlice(stream);
    if (slice === undefined) {
      isRight = false;
      break;
    }
    hash.take(slice.name, 0, slice.name.length);
    stream.at += slice.entriesOffset;
    const entryBytes = entryBytesOf(slice);
    offset += slice.entriesOffset + entryBytes;
    isRight = offset <= footer.directoryOffset &&
      takeEntries(stream, slice, hash, digest);
    work += 8 + slice.storedCount;
    if (work > ENTRIES_PER_PAUSE) {
      work = 0;
      control.signal.throwIfAborted();
      await control.pause?.();
    }
  }
  isRight = isRight && offset === footer.directoryOffset;
  // Whatever stands behind is under checksums, too.
  while (stream.need(BLOCK_CONTENT_BYTES) > 0) {
    stream.skip(BLOCKS_PER_PAUSE * BLOCK_CONTENT_BYTES);
    control.signal.throwIfAborted();
    await control.pause?.();
  }
  return isRight ? digest : undefined;
}

const ENTRIES_PER_PAUSE = 50_000;
const BLOCKS_PER_PAUSE = 64;

/** Decodes the slice at the stream's place, with offsets from there. */
function readSlice(stream: BlockedStream): Slice | undefined {
  const needed = SLICE_PREFIX_BYTES + SLICE_FIXED_BYTES + NAME_BYTES_MAX + 4;
  const available = stream.need(needed);
  if (available < SLICE_PREFIX_BYTES + SLICE_FIXED_BYTES) return undefined;
  const { array, at } = stream;
  try {
    return decodeSlice(0, (offset, length) => {
      if (offset + length > available) throw new RangeError("beyond the end");
      return array.subarray(at + offset, at + offset + length);
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** More than any name has: its length is a u16. */
const NAME_BYTES_MAX = 65_535;

/** Entries that are taken at a time. */
const PART = 64 * 1024;

function takeEntries(
  stream: BlockedStream,
  slice: Slice,
  { high, low }: NameHash,
  digest: EntryDigest,
): boolean {
  const { kind, firstOrdinal, storedCount, flags } = slice;
  const isSparse = (flags & SLICE_SPARSE) !== 0;
  let indexes: Uint32Array | undefined;
  if (isSparse) {
    indexes = new Uint32Array(storedCount);
    for (let index = 0; index < storedCount; index++) {
      if (stream.need(4) < 4) return false;
      indexes[index] = stream.view.getUint32(stream.at, true);
      stream.at += 4;
    }
  }
  for (let done = 0; done < storedCount;) {
    const part = Math.min(PART, storedCount - done);
    if (stream.need(part * 4) < part * 4) return false;
    const { view } = stream;
    for (let index = done; index < done + part; index++) {
      const entry = view.getUint32(stream.at, true);
      stream.at += 4;
      if (entry === GONE_OFFSET) continue;
      const ordinal = firstOrdinal + (indexes?.[index] ?? index);
      digest.add(kind, high, low, ordinal, entry);
    }
    done += part;
  }
  return true;
}
