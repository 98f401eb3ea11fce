/**
 * The index file of a sealed segment (`.idx`): for each list with entries in
 * the segment, where they are; which records may carry an event id; and times.
 * It is made from the segment alone and can be made again.
 *
 * Content of the blocked file, numbers little-endian, offsets in content:
 *
 * ```
 * slices     one for each list, in the order of their first records:
 *              u8 kind, u8 flags, u16 length of the name, name (UTF-8)
 *              u64 ordinal of the first entry, u32 number of entries
 *              u32 depth: how many slices of the list come before
 *              u32 segment and u32 offset of the slice before
 *              u32 segment and u32 offset and u32 depth of the jump slice
 *              u32 segment and u32 offset and u32 depth of the jump's jump slice
 *              for each entry u32 offset of its record in the segment
 *            or, with the flag SLICE_SPARSE:
 *              u32 count, for each so many entries that are left u32 ordinal,
 *              counted from the first one's, then for each of them u32 offset
 * directory  for each slice u32 hash of kind and name, u32 offset; by hash
 * ids        for each record u32 hash of stream and id, u32 offset; by both
 * filter     a Bloom filter of the hashes in blocks of 64 bytes, 10 bits each
 * samples    for every 128th record u32 offset, u64 time
 * footer     the last block: see `encodeFooter`
 * ```
 *
 * The index file of a scavenged segment has format 2: entries may be gone, and
 * whole slices. Offsets are those that the records had before. An offset 1
 * stands for an entry that is gone.
 *
 * Jump slices make a list over n segments crossable in O(log n) steps: a slice
 * jumps to its predecessor, or, when the predecessor's jump and the jump
 * before that cross equally many slices, over both of them. What points at a
 * slice in a file of format 2, or at one that is gone from there, is only near:
 * see `sealed_segments.ts`.
 *
 * @module
 */

import {
  bytesOf,
  getSafeUint64,
  getUint32At,
  getUuid,
  type GrowingBytes,
  setSafeUint64,
  setUuid,
} from "../log/bytes.ts";
import { BLOCK_CONTENT_BYTES } from "./block_cache.ts";
import { encodeUtf8 } from "../../lib/text/utf8.ts";

const MAGIC = encodeUtf8("QUIPUIDX");
const FORMAT = 1;
const SCAVENGED_FORMAT = 2;

/** Flag of a slice of which only some entries are left. */
export const SLICE_SPARSE = 2;

/** Stands for the offset of an entry that is gone. */
export const GONE_OFFSET = 1;

/** Points at a slice of a list in an index file. */
export interface SlicePointer {
  /** Number of the segment, `NO_SEGMENT` for none. */
  readonly segment: number;
  readonly offset: number;
  readonly depth: number;
}

export interface Slice {
  /** Code of the list's kind. */
  readonly kind: number;
  /** `LIST_…` bits of the list, and `SLICE_SPARSE`. */
  readonly flags: number;
  readonly name: Uint8Array;
  readonly firstOrdinal: number;
  /** Ordinals from the first to the last, with those that are gone. */
  readonly count: number;
  /** Entries in the file. */
  readonly storedCount: number;
  readonly depth: number;
  readonly previous: SlicePointer;
  readonly jump: SlicePointer;
  readonly jumpJump: SlicePointer;
  /** Offset in the content of the entries' offsets. */
  readonly entriesOffset: number;
}

/** Bytes of a slice before its name. */
export const SLICE_PREFIX_BYTES = 4;
/** Bytes of a slice between its name and its entries. */
export const SLICE_FIXED_BYTES = 48;

/** Where in those the number of entries is. */
export const SLICE_COUNT_AT = 8;

/** Appends a slice without its entries, and without their number if sparse. */
export function encodeSlice(
  out: GrowingBytes,
  slice: Omit<Slice, "entriesOffset" | "storedCount">,
): void {
  out.pushUint8(slice.kind);
  out.pushUint8(slice.flags);
  out.pushUint8(slice.name.length & 0xff);
  out.pushUint8(slice.name.length >>> 8);
  out.push(slice.name);
  out.pushUint64(slice.firstOrdinal);
  out.pushUint32(slice.count);
  out.pushUint32(slice.depth);
  out.pushUint32(slice.previous.segment);
  out.pushUint32(slice.previous.offset);
  for (const pointer of [slice.jump, slice.jumpJump]) {
    out.pushUint32(pointer.segment);
    out.pushUint32(pointer.offset);
    out.pushUint32(pointer.depth);
  }
}

/**
 * Decodes a slice.
 *
 * @param offset Offset of the slice in the content.
 * @param read Reads content; what it gives is used before it is called again.
 * @returns A slice whose name is to be used before more is read.
 */
export function decodeSlice(
  offset: number,
  read: (offset: number, length: number) => Uint8Array,
): Slice {
  const prefix = getUint32At(read(offset, SLICE_PREFIX_BYTES), 0);
  const headBytes = sliceHeadBytes(prefix);
  // The last read is used up before more is read.
  const leftCount = isSparseSlice(prefix)
    ? getUint32At(read(offset + headBytes, 4), 0)
    : undefined;
  return sliceIn(read(offset, headBytes), 0, { offset, leftCount });
}

/** Bytes of a slice before its entries, as its first four bytes tell. */
export function sliceHeadBytes(prefix: number): number {
  return SLICE_PREFIX_BYTES + (prefix >>> 16) + SLICE_FIXED_BYTES;
}

/** Whether only some entries are left, as a slice's first four bytes tell. */
export function isSparseSlice(prefix: number): boolean {
  return ((prefix >>> 8) & SLICE_SPARSE) !== 0;
}

/**
 * The slice whose head stands at a place of an array.
 *
 * @param known `offset` of the slice in the content; `leftCount`, if it is
 * sparse, the number behind its head.
 * @returns A slice whose name is a view of the array.
 */
export function sliceIn(
  array: Uint8Array,
  at: number,
  known: { readonly offset: number; readonly leftCount: number | undefined },
): Slice {
  const prefix = getUint32At(array, at);
  const nameAt = at + SLICE_PREFIX_BYTES;
  const fixedAt = nameAt + (prefix >>> 16);
  const count = getUint32At(array, fixedAt + SLICE_COUNT_AT);
  const depth = getUint32At(array, fixedAt + 12);
  const { offset, leftCount } = known;
  const end = offset + sliceHeadBytes(prefix);
  return {
    kind: prefix & 0xff,
    flags: (prefix >>> 8) & 0xff,
    name: array.subarray(nameAt, fixedAt),
    firstOrdinal: getUint32At(array, fixedAt) +
      getUint32At(array, fixedAt + 4) * 2 ** 32,
    count,
    storedCount: leftCount ?? count,
    depth,
    previous: {
      segment: getUint32At(array, fixedAt + 16),
      offset: getUint32At(array, fixedAt + 20),
      depth: depth - 1,
    },
    jump: pointerAt(array, fixedAt + 24),
    jumpJump: pointerAt(array, fixedAt + 36),
    entriesOffset: leftCount === undefined ? end : end + 4,
  };
}

/** Bytes of a slice's entries. */
export function entryBytesOf({ flags, storedCount }: Slice): number {
  return (flags & SLICE_SPARSE) === 0 ? storedCount * 4 : storedCount * 8;
}

function pointerAt(array: Uint8Array, at: number): SlicePointer {
  return {
    segment: getUint32At(array, at),
    offset: getUint32At(array, at + 4),
    depth: getUint32At(array, at + 8),
  };
}

/**
 * Steps on one way through a list that may be guessed. More would take the
 * bound from the way: a list may be as uneven as it likes.
 */
export const GUESSES_MAX = 2;

/**
 * Whether a slice's jump crosses an ordinal, if the list has about as many
 * entries in one segment as in another. Jumping in vain costs a read.
 */
export function isLikelyTooFar(
  { firstOrdinal, depth, jump, previous }: Slice,
  ordinal: number,
): boolean {
  return jump.depth < previous.depth &&
    jump.depth < Math.floor(ordinal / firstOrdinal * depth);
}

/** The last block: facts about the file and its segment. */
export interface IndexFooter {
  readonly storeId: string;
  readonly segmentNumber: number;
  readonly generation: number;
  readonly isScavenged: boolean;
  readonly startPosition: number;
  readonly endPosition: number;
  /** Header CRC of the segment's last record: binds the file to its segment. */
  readonly checksum: number;
  readonly recordCount: number;
  readonly sliceCount: number;
  readonly directoryOffset: number;
  readonly idsOffset: number;
  readonly filterOffset: number;
  readonly filterBytes: number;
  readonly samplesOffset: number;
  readonly sampleCount: number;
}

/** Encodes the footer: the content of one block. */
export function encodeFooter(footer: IndexFooter): Uint8Array {
  const array = new Uint8Array(BLOCK_CONTENT_BYTES);
  const { view } = bytesOf(array);
  array.set(MAGIC);
  view.setUint32(8, footer.isScavenged ? SCAVENGED_FORMAT : FORMAT, true);
  setUuid(array, 12, footer.storeId);
  view.setUint32(28, footer.segmentNumber, true);
  view.setUint32(32, footer.generation, true);
  view.setUint32(36, footer.checksum, true);
  let at = 40;
  for (const field of FOOTER_NUMBERS) {
    setSafeUint64(view, at, footer[field]);
    at += 8;
  }
  return array;
}

const FOOTER_NUMBERS = [
  "startPosition",
  "endPosition",
  "recordCount",
  "sliceCount",
  "directoryOffset",
  "idsOffset",
  "filterOffset",
  "filterBytes",
  "samplesOffset",
  "sampleCount",
] as const;

/** Decodes a footer; undefined when it is none of this format. */
export function decodeFooter(array: Uint8Array): IndexFooter | undefined {
  const { view } = bytesOf(array);
  const format = view.getUint32(8, true);
  const isOurs = MAGIC.every((byte, index) => array[index] === byte) &&
    (format === FORMAT || format === SCAVENGED_FORMAT);
  if (!isOurs) return undefined;
  const numbers: Record<(typeof FOOTER_NUMBERS)[number], number> = {
    startPosition: 0,
    endPosition: 0,
    recordCount: 0,
    sliceCount: 0,
    directoryOffset: 0,
    idsOffset: 0,
    filterOffset: 0,
    filterBytes: 0,
    samplesOffset: 0,
    sampleCount: 0,
  };
  let at = 40;
  for (const field of FOOTER_NUMBERS) {
    numbers[field] = getSafeUint64(view, at);
    at += 8;
  }
  return {
    storeId: getUuid(array, 12),
    segmentNumber: view.getUint32(28, true),
    generation: view.getUint32(32, true),
    isScavenged: format === SCAVENGED_FORMAT,
    checksum: view.getUint32(36, true),
    ...numbers,
  };
}

const FILTER_BITS_PER_ID = 10;
const FILTER_PROBES = 6;
/** All probes of an id fall in one block: one look at memory. */
const FILTER_BLOCK_BYTES = 64;
const FILTER_BLOCK_BITS = FILTER_BLOCK_BYTES * 8;

/** Bytes of a filter for so many ids. */
export function filterBytesFor(idCount: number): number {
  const blocks = Math.ceil(idCount * FILTER_BITS_PER_ID / FILTER_BLOCK_BITS);
  return Math.max(1, blocks) * FILTER_BLOCK_BYTES;
}

/** Enters a hash in a filter. */
export function addToFilter(filter: Uint8Array, hash: number): void {
  const block = filterBlockOf(filter, hash);
  let bits = filterBitsOf(hash);
  const step = (bits >>> 20) | 1;
  for (let probe = 0; probe < FILTER_PROBES; probe++, bits += step) {
    const at = block + ((bits & (FILTER_BLOCK_BITS - 1)) >>> 3);
    filter[at] = (filter[at] ?? 0) | (1 << (bits & 7));
  }
}

/** Whether a hash may have been entered; never wrongly "no". */
export function filterMayHave(filter: Uint8Array, hash: number): boolean {
  const block = filterBlockOf(filter, hash);
  let bits = filterBitsOf(hash);
  const step = (bits >>> 20) | 1;
  for (let probe = 0; probe < FILTER_PROBES; probe++, bits += step) {
    const at = block + ((bits & (FILTER_BLOCK_BITS - 1)) >>> 3);
    if (((filter[at] ?? 0) & (1 << (bits & 7))) === 0) return false;
  }
  return true;
}

/** Where the block of a hash begins. */
function filterBlockOf(filter: Uint8Array, hash: number): number {
  return (hash % (filter.length / FILTER_BLOCK_BYTES)) * FILTER_BLOCK_BYTES;
}

/** Bits of a hash that do not follow from the choice of its block. */
function filterBitsOf(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d) >>> 1;
}
