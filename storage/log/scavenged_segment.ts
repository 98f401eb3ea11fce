/**
 * A scavenged segment: the records that were kept, in a file of
 * format 2.
 *
 * ```
 *   0 ├ 64   header as in format 1, but with format 2     segment_header.ts
 *  64 ├ u32  CRC-32 of bytes 68 to 160
 *  68 ├ u32  checksum of the segment: header CRC of the last record it ever had
 *  72 ├ u64  log position after the segment
 *  80 ├ u64  log position of that last record
 *  88 ├ u64  time of that last record, microseconds since 1970
 *  96 ├ u64  time at which the file was made
 * 104 ├ u32  records that stayed
 * 108 ├ u32  chain: CRC-32 of their header CRCs, one after the other
 * 112 ├ u32  offset of the places
 * 116 ├ u32  number of places
 * 120 ├ u32  offset of the ends
 * 124 ├ u32  number of ends
 * 128 ├ u32  length of the file
 * 132 ├ u32  CRC-32 of places and ends
 * 136 └ 24   0
 * 160 records, byte for byte as they were
 * places, for every 8 KiB of them:
 *       u32 offset of the stretch's first record in the file as it once was
 *       u32 offset of that record in this file
 * ends, for each list of which the last entry ever made was removed here:
 *       u8 kind, u8 0, u16 length of the name, name (UTF-8), u64 next ordinal
 * ```
 *
 * Everything that names a record goes on naming it by its log position, or, in
 * index files, by its offset in the file as it once was: `offsetOf()`. The
 * places lead from there to where it stands now.
 *
 * The segment keeps its start, its end and its checksum, so the chain from
 * segment to segment is what it was. Within the segment a record's checksum of
 * the one before may be that of a removed one; in its place the file's own
 * chain covers all that stayed.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { type DiskFile, readExactly } from "../disk/disk.ts";
import { bytesOf, getSafeUint64, readName, setSafeUint64 } from "./bytes.ts";

/** Size of the header of a scavenged segment's file. */
export const SCAVENGED_HEADER_BYTES = 160;
const OWN_START = 64;
/** Bytes of records between two places, at least. */
export const STRETCH_BYTES = 8 * 1024;
const PLACE_BYTES = 8;

/** The fields of the header that other segments do not have. */
export interface ScavengedHeader {
  readonly checksum: number;
  readonly endPosition: number;
  readonly lastPosition: number;
  /** No record of the segment is later; 0 where nothing is known of it. */
  readonly lastCreatedAtUs: number;
  readonly scavengedAtUs: number;
  readonly recordCount: number;
  readonly chain: number;
  readonly placesOffset: number;
  readonly placeCount: number;
  readonly endsOffset: number;
  readonly endCount: number;
  readonly fileBytes: number;
  readonly tablesCrc: number;
}

const UINT32_FIELDS = [
  "recordCount",
  "chain",
  "placesOffset",
  "placeCount",
  "endsOffset",
  "endCount",
  "fileBytes",
  "tablesCrc",
] as const;

const UINT64_FIELDS = [
  "endPosition",
  "lastPosition",
  "lastCreatedAtUs",
  "scavengedAtUs",
] as const;

/** Writes the fields into an array that begins with the header. */
export function encodeScavengedHeader(
  array: Uint8Array,
  header: ScavengedHeader,
): void {
  const { view } = bytesOf(array);
  view.setUint32(68, header.checksum, true);
  let at = 72;
  for (const field of UINT64_FIELDS) {
    setSafeUint64(view, at, header[field]);
    at += 8;
  }
  for (const field of UINT32_FIELDS) {
    view.setUint32(at, header[field], true);
    at += 4;
  }
  const own = array.subarray(OWN_START + 4, SCAVENGED_HEADER_BYTES);
  view.setUint32(OWN_START, crc32(own), true);
}

/** Decodes the fields; undefined when they are cut short or damaged. */
export function decodeScavengedHeader(
  array: Uint8Array,
): ScavengedHeader | undefined {
  if (array.length < SCAVENGED_HEADER_BYTES) return undefined;
  const { view } = bytesOf(array);
  const own = array.subarray(OWN_START + 4, SCAVENGED_HEADER_BYTES);
  if (view.getUint32(OWN_START, true) !== crc32(own)) return undefined;
  return {
    checksum: view.getUint32(68, true),
    endPosition: getSafeUint64(view, 72),
    lastPosition: getSafeUint64(view, 80),
    lastCreatedAtUs: getSafeUint64(view, 88),
    scavengedAtUs: getSafeUint64(view, 96),
    recordCount: view.getUint32(104, true),
    chain: view.getUint32(108, true),
    placesOffset: view.getUint32(112, true),
    placeCount: view.getUint32(116, true),
    endsOffset: view.getUint32(120, true),
    endCount: view.getUint32(124, true),
    fileBytes: view.getUint32(128, true),
    tablesCrc: view.getUint32(132, true),
  };
}

/** The chain after one more record. */
export function chainAfter(chain: number, headerCrc: number): number {
  CHAIN_LINK.view.setUint32(0, headerCrc, true);
  return crc32(CHAIN_LINK.array, chain);
}

const CHAIN_LINK = bytesOf(new Uint8Array(4));

/** The places of a file, and what its header says. */
export class ScavengedSegment {
  readonly header: ScavengedHeader;
  /** Offsets as they were, and as they are; undefined until needed. */
  #was: Uint32Array | undefined;
  #is = new Uint32Array(0);

  constructor(header: ScavengedHeader) {
    this.header = header;
  }

  /**
   * Index of the stretch in which a record with that offset, as it was, would
   * be; -1 when all records are behind it.
   *
   * @returns Undefined when the places cannot be read.
   */
  stretchAt(file: DiskFile, offset: number): number | undefined {
    const was = this.#load(file);
    if (was === undefined) return undefined;
    let low = 0;
    let high = was.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((was[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Where in the file a stretch begins, and where it ends. */
  boundsOf(index: number): { from: number; to: number } {
    const { placesOffset, placeCount } = this.header;
    return {
      from: this.#is[index] ?? placesOffset,
      to: index + 1 < placeCount
        ? this.#is[index + 1] ?? placesOffset
        : placesOffset,
    };
  }

  /** Offset as it was of the first record of a stretch. */
  firstOf(index: number): number {
    return this.#was?.[index] ?? 0;
  }

  /** Offset in the file of each stretch; undefined: they cannot be read. */
  starts(file: DiskFile): Uint32Array | undefined {
    return this.#load(file) === undefined ? undefined : this.#is;
  }

  #load(file: DiskFile): Uint32Array | undefined {
    if (this.#was !== undefined) return this.#was;
    const tables = readTables(file, this.header);
    if (tables === undefined) return undefined;
    const { placeCount } = this.header;
    const { view } = bytesOf(tables);
    const was = new Uint32Array(placeCount);
    const is = new Uint32Array(placeCount);
    for (let index = 0; index < placeCount; index++) {
      was[index] = view.getUint32(index * PLACE_BYTES, true);
      is[index] = view.getUint32(index * PLACE_BYTES + 4, true);
    }
    this.#is = is;
    return this.#was = was;
  }
}

/** Where a list ends of which the last entry is gone. */
export interface ListEnd {
  /** Code of the list's kind. */
  readonly kind: number;
  readonly name: string;
  /** Ordinal that the next entry gets. */
  readonly next: number;
}

/**
 * Reads where lists end whose last entry was removed from the segment: one
 * after the other, as there may be as many as there are lists.
 *
 * @returns Undefined when that part of the file is damaged.
 */
export function readEnds(
  file: DiskFile,
  header: ScavengedHeader,
): Iterable<ListEnd> | undefined {
  const tables = readTables(file, header);
  return tables === undefined ? undefined : endsIn(tables, header);
}

function* endsIn(
  tables: Uint8Array,
  header: ScavengedHeader,
): Generator<ListEnd> {
  const { view } = bytesOf(tables);
  let at = header.endsOffset - header.placesOffset;
  for (let count = 0; count < header.endCount; count++) {
    const nameEnd = at + 4 + view.getUint16(at + 2, true);
    yield {
      kind: view.getUint8(at),
      name: readName(tables, at + 4, nameEnd),
      next: getSafeUint64(view, nameEnd),
    };
    at = nameEnd + 8;
  }
}

/** Places and ends, if they are whole. */
function readTables(
  file: DiskFile,
  header: ScavengedHeader,
): Uint8Array | undefined {
  const { placesOffset, fileBytes, tablesCrc } = header;
  const tables = readExactly(file, placesOffset, fileBytes - placesOffset);
  return tables !== undefined && crc32(tables) === tablesCrc
    ? tables
    : undefined;
}

/** Time of the last record of a scavenged segment; undefined if unknown. */
export function lastTimeOfScavenged(
  { lastCreatedAtUs }: ScavengedHeader,
): number | undefined {
  return lastCreatedAtUs === 0 ? undefined : lastCreatedAtUs;
}
