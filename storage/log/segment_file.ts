/**
 * The file of a segment, and the one way through its records. Whoever opens,
 * checks, copies, rewrites or saves a segment goes this way: it hides whether
 * the file is as it was written or was scavenged, and it says for all of them
 * when a record is whole and right.
 *
 * A record is whole when `checkRecord()` says so, and it is right when
 *
 * - it stands where it belongs: in a fresh segment its position is that of its
 *   place in the file; in a scavenged one positions rise;
 * - it names the record before it (fresh segments only: of a scavenged one the
 *   header has a checksum over all that stayed);
 * - it is the next one of its append, or the first one after an append's last
 *   (fresh segments only);
 * - it is not older than the record before it.
 *
 * Behind damage the walk goes on: behind a damaged body with the next record,
 * as the header says where it begins; behind anything else with the next record
 * that has a whole header and stands where it must. In a fresh segment every
 * byte may be such a place. In a scavenged one only those are that the table of
 * places names, and the one behind the damaged record's length: a record that
 * need not stand at a certain byte could be something that a client wrote into
 * an event. Of a scavenged segment that has lost its header the rest is lost.
 *
 * @module
 */

import type { DiskFile } from "../disk/disk.ts";
import { type Bytes, bytesOf, getSafeUint64 } from "./bytes.ts";
import { LogRecord } from "./log_record.ts";
import {
  checkRecord,
  FLAG_BATCH_END,
  RECORD_BYTES_MIN,
  RECORD_HEADER_BYTES,
  RECORD_HEADER_BYTES_MAX,
  type RecordFault,
} from "./record.ts";
import {
  chainAfter,
  type ListEnd,
  readEnds,
  SCAVENGED_HEADER_BYTES,
} from "./scavenged_segment.ts";
import { offsetOf, positionOf, type Segment } from "./segment.ts";
import { SEGMENT_HEADER_BYTES } from "./segment_header.ts";

/** Bytes read at a time by default. */
const CHUNK_BYTES = 256 * 1024;
/** Bytes read at a time to find the next record. */
const SEARCH_BYTES = 1024 * 1024;

/** The fault of a record, or of its place. */
export type LogFault =
  | RecordFault
  /** It does not name the record before it. */
  | "badChain"
  /** It is not the next one of its append; or the last append has no end. */
  | "badBatch"
  /** It is older than the record before it. */
  | "badTime"
  /** A scavenged segment has other records than its header says. */
  | "badCount";

/** A segment, and how its records are found. */
export interface PlacedSegment extends Segment {
  /**
   * Set for a scavenged segment that no longer says where its records end:
   * they stand one after another from this offset on.
   */
  readonly walksFrom?: number;
}

/** Where a record stands. */
export interface RecordPlace {
  readonly offset: number;
  readonly position: number;
}

/** Something that is not as it should be. */
export class WalkFault implements RecordPlace {
  readonly fault: LogFault;
  /** Offset in the file. */
  readonly offset: number;
  /** Log position; in a scavenged segment the least that it could be. */
  readonly position: number;
  /** The record, if all but its body, or where it stands, is right. */
  readonly record: LogRecord | undefined;
  readonly #find: () => RecordPlace | undefined;
  #next: RecordPlace | undefined;
  #isFound = false;

  constructor(
    fault: LogFault,
    place: RecordPlace,
    record: LogRecord | undefined,
    find: () => RecordPlace | undefined,
  ) {
    this.fault = fault;
    this.offset = place.offset;
    this.position = place.position;
    this.record = record;
    this.#find = find;
  }

  /** The next record with a whole header behind it; it is searched for once. */
  next(): RecordPlace | undefined {
    if (!this.#isFound) this.#next = this.#find();
    this.#isFound = true;
    return this.#next;
  }
}

/** How a segment is walked through. */
export interface WalkOptions {
  /** Position of the first record, in a fresh segment. Default: the start. */
  readonly from?: number | undefined;
  /** The checksum that the first record must name. Default: it is not checked. */
  readonly previousCrc?: number | undefined;
  /** Lower bound of the first record's time, microseconds. */
  readonly createdAtUs?: number | undefined;
  /** Whether records stay as they are. Default: until the next one is read. */
  readonly isKept?: boolean;
  readonly chunkBytes?: number;
}

export class SegmentFile {
  readonly file: DiskFile;
  readonly segment: PlacedSegment;
  /** Offset of the first record. */
  readonly recordsStart: number;

  constructor(file: DiskFile, segment: PlacedSegment) {
    this.file = file;
    this.segment = segment;
    this.recordsStart = segment.walksFrom ??
      (segment.scavenged === undefined
        ? SEGMENT_HEADER_BYTES
        : SCAVENGED_HEADER_BYTES);
  }

  /** Whether records were taken out: what stayed names what is gone. */
  get isScavenged(): boolean {
    return this.segment.scavenged !== undefined ||
      this.segment.walksFrom !== undefined;
  }

  /** Offset after the last record that there may be. */
  get recordsEnd(): number {
    const { scavenged, walksFrom, endPosition } = this.segment;
    return scavenged?.header.placesOffset ??
      (walksFrom === undefined
        ? offsetOf(this.segment, endPosition)
        : this.file.size());
  }

  /** Goes through all records, up to the segment's `endPosition`. */
  walk(options: WalkOptions = {}): Walk {
    return new Walk(this, options);
  }

  /**
   * Where lists end of which the last entry was removed.
   *
   * @returns Undefined when that part of the file is damaged.
   */
  ends(): Iterable<ListEnd> | undefined {
    const { scavenged } = this.segment;
    return scavenged === undefined ? [] : readEnds(this.file, scavenged.header);
  }

  /**
   * The first record with a whole header that begins at an offset or behind it.
   *
   * @param range.least The least position that it may have.
   * @param range.likely In a scavenged segment: an offset to look at first.
   */
  find(
    range: { from: number; end: number; least: number; likely?: number },
  ): RecordPlace | undefined {
    const { from, end, least, likely } = range;
    if (!this.isScavenged) return this.#search(from, end);
    const { scavenged } = this.segment;
    if (scavenged === undefined) return undefined;
    const places = scavenged.starts(this.file) ?? [];
    let best = Infinity;
    for (
      const offset of [...(likely === undefined ? [] : [likely]), ...places]
    ) {
      if (offset < from || offset >= Math.min(end, best)) continue;
      if (this.#placeAt(offset, least) !== undefined) best = offset;
    }
    return best === Infinity ? undefined : this.#placeAt(best, least);
  }

  /** Whether a record of a scavenged segment may have a position. */
  mayBeAt(position: number, least: number, lengthBytes: number): boolean {
    return position >= least &&
      position + lengthBytes <= this.segment.endPosition;
  }

  #placeAt(offset: number, least: number): RecordPlace | undefined {
    const array = new Uint8Array(RECORD_HEADER_BYTES_MAX);
    const bytes = bytesOf(array.subarray(0, this.file.readAt(array, offset)));
    const available = bytes.array.length;
    if (available < RECORD_HEADER_BYTES) return undefined;
    const position = getSafeUint64(bytes.view, 8);
    const isRecord = this.mayBeAt(
      position,
      least,
      bytes.view.getUint32(0, true),
    ) && checkRecord(bytes, 0, { available, position, withBody: false }) ===
        undefined;
    return isRecord ? { offset, position } : undefined;
  }

  #search(from: number, end: number): RecordPlace | undefined {
    const { file, segment } = this;
    const memory = new Uint8Array(SEARCH_BYTES);
    for (let start = from; start < end;) {
      const wanted = Math.min(SEARCH_BYTES, end - start);
      const count = file.readAt(memory.subarray(0, wanted), start);
      if (count < RECORD_BYTES_MIN) return undefined;
      const bytes = bytesOf(memory.subarray(0, count));
      const isEnd = count < wanted || start + count >= end;
      const last = count -
        (isEnd || count <= RECORD_HEADER_BYTES_MAX
          ? RECORD_BYTES_MIN
          : RECORD_HEADER_BYTES_MAX);
      const first = positionOf(segment, start);
      for (let at = 0; at <= last; at++) {
        const position = first + at;
        // Nearly all places differ in this already.
        if (bytes.view.getUint32(at + 8, true) !== position % TWO_32) continue;
        const options = { available: count - at, position, withBody: false };
        if (checkRecord(bytes, at, options) === undefined) {
          return { offset: start + at, position };
        }
      }
      if (isEnd) return undefined;
      start += last + 1;
    }
    return undefined;
  }
}

/**
 * A way through a segment, from record to record: what it passed last, and what
 * it has seen so far.
 */
export class Walk {
  readonly #source: SegmentFile;
  readonly #isKept: boolean;
  readonly #chunkBytes: number;
  readonly #end: number;
  #chunk: Bytes = NOTHING;
  #memory: Bytes = NOTHING;
  /** Offset in the file of the chunk's first byte. */
  #chunkOffset = 0;
  /** Faults to report before the walk goes on. */
  readonly #faults: WalkFault[] = [];
  /** A record that is passed once that was told, and what is given then. */
  #held: { record: LogRecord; step: LogRecord | WalkFault } | undefined;
  /** Damage that was told, and behind which the walk goes on. */
  #damage: WalkFault | undefined;
  #isOver = false;
  #batchLength: number | undefined = 0;
  #chain = 0;

  /** Where the next record stands; in a scavenged segment, its least position. */
  offset: number;
  position: number;
  /** Offset in the file of the record that was passed last. */
  recordOffset = 0;
  recordCount = 0;
  /** Header CRC of the last record; undefined where nobody knows it. */
  previousCrc: number | undefined;
  /** Position of the last record; -1 before the first one. */
  lastPosition = -1;
  createdAtUs: number;
  /** Whether all so far was whole, and chained. */
  isWhole = true;

  constructor(source: SegmentFile, options: WalkOptions) {
    const { segment } = source;
    this.#source = source;
    this.#isKept = options.isKept ?? false;
    this.#chunkBytes = options.chunkBytes ?? CHUNK_BYTES;
    this.#end = source.recordsEnd;
    this.position = options.from ?? segment.startPosition;
    this.offset = options.from === undefined
      ? source.recordsStart
      : offsetOf(segment, options.from);
    this.previousCrc = options.previousCrc;
    this.createdAtUs = options.createdAtUs ?? 0;
  }

  /** Whether the last record that was passed is its append's last one. */
  get isAtBatchEnd(): boolean {
    return this.#batchLength === 0;
  }

  /**
   * Passes on.
   *
   * @returns The next record, or in its place that its body is damaged: both
   * are passed then; before it, what else is wrong with it, which may be several
   * things; damage that no record was read of; undefined at the end.
   */
  next(): LogRecord | WalkFault | undefined {
    if (this.#faults.length > 0) return this.#faults.shift();
    if (this.#held !== undefined) {
      const { record, step } = this.#held;
      this.#held = undefined;
      this.#pass(record);
      return step;
    }
    if (this.#damage !== undefined) this.#skip(this.#damage);
    if (this.offset >= this.#end) return this.#finish();
    const step = this.#read();
    const record = step instanceof WalkFault ? step.record : step;
    if (record === undefined) {
      if (step instanceof WalkFault) this.#damage = step;
      return step;
    }
    this.#follow(record);
    if (this.#faults.length === 0) {
      this.#pass(record);
      return step;
    }
    this.#held = { record, step };
    return this.#faults.shift();
  }

  *[Symbol.iterator](): Generator<LogRecord | WalkFault> {
    for (;;) {
      const step = this.next();
      if (step === undefined) return;
      yield step;
    }
  }

  /** Reads the next record, and checks it by itself. */
  #read(): LogRecord | WalkFault {
    const left = this.#end - this.offset;
    if (left < RECORD_BYTES_MIN) return this.#fault("short");
    let at = this.offset - this.#chunkOffset;
    if (this.#chunk.array.length - at < RECORD_BYTES_MIN) {
      at = this.#fill(RECORD_BYTES_MIN, left);
      if (this.#chunk.array.length < RECORD_BYTES_MIN) {
        return this.#fault("short");
      }
    }
    const lengthBytes = this.#chunk.view.getUint32(at, true);
    if (lengthBytes > left) return this.#fault("short");
    if (this.#chunk.array.length - at < lengthBytes) {
      // The length counts only with a header that is right.
      at = this.#fill(Math.min(lengthBytes, RECORD_HEADER_BYTES_MAX), left);
      const fault = this.#check(at, false);
      if (fault !== undefined) return this.#fault(fault);
      if (this.#chunk.array.length < lengthBytes) {
        at = this.#fill(lengthBytes, left);
      }
    }
    const fault = this.#check(at, true);
    if (fault === undefined) {
      return new LogRecord(this.#chunk, at, { withBodies: true });
    }
    // The header was right, then.
    const record = fault === "badBody"
      ? new LogRecord(this.#chunk, at, { withBodies: false })
      : undefined;
    return this.#fault(fault, record);
  }

  #check(at: number, withBody: boolean): RecordFault | undefined {
    const { array, view } = this.#chunk;
    const available = array.length - at;
    let { position } = this;
    if (this.#source.isScavenged && available >= RECORD_BYTES_MIN) {
      position = getSafeUint64(view, at + 8);
      const lengthBytes = view.getUint32(at, true);
      if (!this.#source.mayBeAt(position, this.position, lengthBytes)) {
        return "badPosition";
      }
    }
    return checkRecord(this.#chunk, at, { available, position, withBody });
  }

  /** Has so many bytes from the offset on in memory; tells where: at 0. */
  #fill(neededBytes: number, leftBytes: number): number {
    const { file } = this.#source;
    const length = Math.min(Math.max(neededBytes, this.#chunkBytes), leftBytes);
    if (this.#isKept || this.#memory.array.length < length) {
      this.#memory = bytesOf(new Uint8Array(length));
    }
    const { array, view } = this.#memory;
    // The part that the chunk before cut off is there already.
    const kept = this.#chunk.array.subarray(
      Math.min(this.#chunk.array.length, this.offset - this.#chunkOffset),
    ).subarray(0, length);
    array.set(kept);
    let have = kept.length;
    while (have < length) {
      const target = array.subarray(have, length);
      const count = file.readAt(target, this.offset + have);
      if (count === 0) break;
      have += count;
    }
    this.#chunk = { array: array.subarray(0, have), view };
    this.#chunkOffset = this.offset;
    return 0;
  }

  /** Holds a record against what is before it. */
  #follow(record: LogRecord): void {
    if (!this.#source.isScavenged) {
      const { previousCrc } = this;
      if (previousCrc !== undefined && record.previousCrc !== previousCrc) {
        this.#tell("badChain", record);
      }
      const batchLength = this.#batchLength;
      if (batchLength !== undefined && record.indexInBatch !== batchLength) {
        this.#tell("badBatch", record);
      }
    }
    if (record.createdAtUs < this.createdAtUs) this.#tell("badTime", record);
  }

  #tell(fault: LogFault, record: LogRecord): void {
    this.#faults.push(this.#fault(fault, record));
  }

  #pass(record: LogRecord): void {
    const { headerCrc, logPosition, lengthBytes } = record;
    this.recordOffset = this.offset;
    this.offset += lengthBytes;
    this.position = logPosition + lengthBytes;
    this.previousCrc = headerCrc;
    this.lastPosition = logPosition;
    this.createdAtUs = record.createdAtUs;
    this.recordCount++;
    if (this.#source.isScavenged) {
      this.#chain = chainAfter(this.#chain, headerCrc);
    } else if ((record.flags & FLAG_BATCH_END) !== 0) this.#batchLength = 0;
    else if (this.#batchLength !== undefined) this.#batchLength++;
  }

  /** Goes on behind damage. */
  #skip(damage: WalkFault): void {
    this.#damage = undefined;
    const next = damage.next();
    this.offset = next?.offset ?? this.#end;
    if (!this.#source.isScavenged) {
      this.position = positionOf(this.#source.segment, this.offset);
    }
    this.previousCrc = undefined;
    this.#batchLength = undefined;
  }

  #finish(): WalkFault | undefined {
    if (this.#isOver || !this.isWhole) return undefined;
    this.#isOver = true;
    const header = this.#source.segment.scavenged?.header;
    if (header === undefined) {
      const isInBatch = this.#batchLength !== undefined &&
        this.#batchLength > 0;
      return isInBatch ? this.#fault("badBatch") : undefined;
    }
    const isAll = this.recordCount === header.recordCount &&
      this.#chain === header.chain;
    return isAll ? undefined : this.#fault("badCount");
  }

  #fault(fault: LogFault, record?: LogRecord): WalkFault {
    if (fault !== "badBatch" && fault !== "badTime") this.isWhole = false;
    const { offset, position } = this;
    const lengthBytes = record?.lengthBytes;
    const { array, view } = this.#chunk;
    const at = offset - this.#chunkOffset;
    // Of a damaged record the length may still be right.
    const likely = array.length - at >= RECORD_BYTES_MIN
      ? offset + view.getUint32(at, true)
      : undefined;
    return new WalkFault(
      fault,
      { offset, position },
      record,
      () =>
        this.#source.find({
          from: offset + (fault === "badBody" ? lengthBytes ?? 1 : 1),
          end: this.#end,
          least: position,
          ...(likely !== undefined && { likely }),
        }),
    );
  }
}

const NOTHING = bytesOf(new Uint8Array(0));
const TWO_32 = 2 ** 32;
