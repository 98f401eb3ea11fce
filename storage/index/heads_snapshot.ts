/**
 * `heads.snap`: where every list ends as of the newest sealed segment, so that
 * a start need not walk all index files; and, after a clean stop, what the
 * active segment holds, so that it need not be scanned. Losing it loses
 * nothing.
 *
 * It is a file of sections (`section_file.ts`). Its own part of the header,
 * numbers little-endian:
 *
 * ```
 *   0 ├ 8   "QUIPUHED"
 *   8 ├ u32 format (2)
 *  12 ├ 16  store id
 *  28 ├ u32 sealed segments, the oldest ones
 *  32 ├ u32 CRC-32 of u32 number, generation and checksum of each of them
 *  36 ├ u32 lists, `n`: ids are 0 to n − 1, 0 is no list, 1 is `$streams`
 *  40 ├ u32 1 if it knows the active segment, else 0; then
 *  44 ├ u32 its number
 *  48 ├ u32 its generation
 *  52 ├ u32 header CRC of its last record
 *  56 ├ u64 position after that record
 *  64 ├ u64 position of that record
 *  72 ├ u64 its time
 * ```
 *
 * Sections; those from 11 on are empty without an active segment:
 *
 * ```
 *  0 u32 × n+1 where each name begins in the next section, and its end
 *  1           names, UTF-8
 *  2 u32 × n   hash of the name            7 u32 × n  segment of the newest slice
 *  3 u8  × n   kind                        8 u32 × n  offset of that slice
 *  4 u8  × n   flags                       9 u32 × n  of a stream: its metastream
 *  5 u8  × n   of a stream: 1 if listed   10 u32 × n  of a stream: its category
 *  6 f64 × n   ordinal after the last entry in sealed segments
 * 11 u32       lists with entries in the active segment, by their first one
 * 12 u32       how many each has          13 u32      their offsets, list by list
 * 14 u32       streams with a tombstone there
 * 15 u32       offsets of samples         16 f64      their times
 * 17 u32       hash of each record's id   18 u32      offset of the record
 * ```
 *
 * @module
 */

import { crc32 } from "node:zlib";
import type { Disk, DiskFile } from "../disk/disk.ts";
import {
  bytesOf,
  getSafeUint64,
  getUuid,
  giveBack,
  setSafeUint64,
  setUuid,
} from "../log/bytes.ts";
import type { Segment } from "../log/segment.ts";
import type { ListDirectory, LoadedLists } from "./list_directory.ts";
import { Memtable } from "./memtable.ts";
import { NameBytes } from "./list_directory.ts";
import { SectionReader } from "./section_file.ts";
import { encodeUtf8 } from "../../lib/text/utf8.ts";

const SNAPSHOT_MAGIC = encodeUtf8("QUIPUHED");
const SNAPSHOT_FORMAT = 2;
const SNAPSHOT_SECTIONS = 19;

/** Bytes of a list with a name of usual length, for an estimate. */
const LIST_BYTES_TYPICAL = 52;

/** About how large a snapshot of so many lists is. */
export function snapshotBytesFor(listCount: number): number {
  return listCount * LIST_BYTES_TYPICAL;
}

/** The active segment up to its end, where a clean stop left it. */
export interface ActiveEnd {
  readonly number: number;
  readonly generation: number;
  /** Header CRC of its last record. */
  readonly checksum: number;
  /** Position after that record. */
  readonly endPosition: number;
  readonly lastPosition: number;
  readonly lastCreatedAtUs: number;
}

/** Which sealed segments, in which generations, a snapshot stands on. */
export class SealedDigest {
  count = 0;
  value = 0;

  /** Adds the next sealed segment; the oldest comes first. */
  add({ number, generation, checksum }: Segment): void {
    const { array, view } = bytesOf(new Uint8Array(12));
    view.setUint32(0, number, true);
    view.setUint32(4, generation, true);
    view.setUint32(8, checksum, true);
    this.value = crc32(array, this.value);
    this.count++;
  }
}

/** The fields of the header. */
interface SnapshotHeader {
  readonly storeId: string;
  readonly sealedCount: number;
  readonly sealedDigest: number;
  readonly listCount: number;
  readonly active: ActiveEnd | undefined;
}

/** Encodes the snapshot's own part of the header. */
export function encodeSnapshotHeader(header: SnapshotHeader): Uint8Array {
  const { array, view } = bytesOf(new Uint8Array(80));
  const { active } = header;
  array.set(SNAPSHOT_MAGIC);
  view.setUint32(8, SNAPSHOT_FORMAT, true);
  setUuid(array, 12, header.storeId);
  view.setUint32(28, header.sealedCount, true);
  view.setUint32(32, header.sealedDigest, true);
  view.setUint32(36, header.listCount, true);
  if (active === undefined) return array;
  view.setUint32(40, 1, true);
  view.setUint32(44, active.number, true);
  view.setUint32(48, active.generation, true);
  view.setUint32(52, active.checksum, true);
  setSafeUint64(view, 56, active.endPosition);
  setSafeUint64(view, 64, active.lastPosition);
  setSafeUint64(view, 72, active.lastCreatedAtUs);
  return array;
}

function decodeHeader(array: Uint8Array): SnapshotHeader | undefined {
  const { view } = bytesOf(array);
  const isOurs = SNAPSHOT_MAGIC.every((byte, index) => array[index] === byte) &&
    view.getUint32(8, true) === SNAPSHOT_FORMAT;
  if (!isOurs) return undefined;
  return {
    storeId: getUuid(array, 12),
    sealedCount: view.getUint32(28, true),
    sealedDigest: view.getUint32(32, true),
    listCount: view.getUint32(36, true),
    active: view.getUint32(40, true) === 0 ? undefined : {
      number: view.getUint32(44, true),
      generation: view.getUint32(48, true),
      checksum: view.getUint32(52, true),
      endPosition: getSafeUint64(view, 56),
      lastPosition: getSafeUint64(view, 64),
      lastCreatedAtUs: getSafeUint64(view, 72),
    },
  };
}

/** Lists with entries in the active segment. */
interface ActiveEntries {
  /** Their ids. */
  readonly lists: Uint32Array;
  /** How many entries each has. */
  readonly lengths: Uint32Array;
  /** Offsets of the entries' records, list by list. */
  readonly entries: Uint32Array;
}

/** An opened snapshot whose header is whole. */
export class HeadsSnapshot {
  readonly header: SnapshotHeader;
  readonly #file: DiskFile;
  readonly #sections: SectionReader;

  constructor(
    header: SnapshotHeader,
    file: DiskFile,
    sections: SectionReader,
  ) {
    this.header = header;
    this.#file = file;
    this.#sections = sections;
  }

  /**
   * Enters the lists in a directory that has none, where they end in sealed
   * segments.
   *
   * @throws {QuipuError} `corruptRecord` when a section is damaged; then
   * nothing was entered.
   */
  enter(lists: ListDirectory): void {
    const count = this.header.listCount;
    lists.adopt(this.readLists(count + (count >>> 3) + 1024));
  }

  /**
   * Reads the lists.
   *
   * @param capacity How many there is to be room for.
   * @throws {QuipuError} `corruptRecord` when a section is damaged.
   */
  readLists(capacity = this.header.listCount): LoadedLists {
    const count = this.header.listCount;
    const words = (section: number, room = capacity) =>
      this.#sections.readInto(section, new Uint32Array(room));
    const small = (section: number) =>
      this.#sections.readInto(section, new Uint8Array(capacity));
    const nameBytes = this.#sections.byteLengthOf(1);
    return {
      names: new NameBytes({
        count,
        starts: words(0, capacity + 1),
        bytes: this.#sections.readInto(
          1,
          new Uint8Array(nameBytes + (nameBytes >>> 3) + 16 * 1024),
        ),
      }),
      hashes: words(2),
      kinds: small(3),
      flags: small(4),
      isSource: small(5),
      next: this.#sections.readInto(6, new Float64Array(capacity)),
      lastSegment: words(7),
      lastSlice: words(8),
      metastream: words(9),
      category: words(10),
    };
  }

  /**
   * Reads the entries of lists in the active segment alone, list by list; all
   * that is known of that segment is checked.
   *
   * @throws {QuipuError} `corruptRecord` when a section is damaged.
   */
  readActiveEntries(): ActiveEntries {
    const [lists, lengths, entries] = [11, 12, 13].map((section) => {
      const length = this.#sections.byteLengthOf(section) / 4;
      return this.#sections.readInto(section, new Uint32Array(length));
    });
    for (let section = 14; section < SNAPSHOT_SECTIONS; section++) {
      const length = this.#sections.byteLengthOf(section);
      giveBack(this.#sections.readInto(section, new Uint8Array(length)));
    }
    const none = new Uint32Array(0);
    return {
      lists: lists ?? none,
      lengths: lengths ?? none,
      entries: entries ?? none,
    };
  }

  /**
   * The contents of the active segment up to the end in the header.
   *
   * @throws {QuipuError} `corruptRecord` when a section is damaged.
   */
  readMemtable(): Memtable {
    const words = (
      section: number,
      room = this.#sections.byteLengthOf(section) / 4,
    ) => this.#sections.readInto(section, new Uint32Array(room));
    const recordCount = this.#sections.byteLengthOf(17) / 4;
    const idRoom = 2 ** Math.ceil(Math.log2(Math.max(512, recordCount + 1)));
    return Memtable.from({
      recordCount,
      lists: words(11),
      lengths: words(12),
      entries: words(13),
      tombstoned: words(14),
      sampleOffsets: words(15),
      sampleTimes: this.#sections.readInto(
        16,
        new Float64Array(this.#sections.byteLengthOf(16) / 8),
      ),
      idHashes: words(17, idRoom),
      idOffsets: words(18, idRoom),
    });
  }

  close(): void {
    this.#file.close();
  }
}

/**
 * Opens the snapshot; undefined when there is none that can be used: a store
 * must open without it, too.
 */
export function openHeadsSnapshot(
  disk: Disk,
  path: string,
): HeadsSnapshot | undefined {
  let file: DiskFile | undefined;
  try {
    file = disk.open(path, "read");
    const sections = SectionReader.open(file, SNAPSHOT_SECTIONS);
    const header = sections && decodeHeader(sections.header);
    if (sections !== undefined && header !== undefined) {
      return new HeadsSnapshot(header, file, sections);
    }
  } catch {
    // Missing, damaged, or on a bad part of the device.
  }
  file?.close();
  return undefined;
}
