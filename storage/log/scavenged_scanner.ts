/**
 * Reads the records of a scavenged segment: those that stayed, by their log
 * positions, in the order of the log or against it. Every record is checked.
 *
 * @module
 */

import type { DiskFile } from "../disk/disk.ts";
import { type Bytes, getSafeUint64 } from "./bytes.ts";
import { LogRecord } from "./log_record.ts";
import { checkRecord, RECORD_BYTES_MIN, type RecordFault } from "./record.ts";
import { readUpTo, type RecordReadOptions } from "./record_scanner.ts";
import { offsetOf, type Segment } from "./segment.ts";
import { SEGMENT_HEADER_BYTES } from "./segment_header.ts";

/** Consecutive records of the file. */
interface Stretch {
  readonly bytes: Bytes;
  /** Where each record begins in the bytes. */
  readonly starts: readonly number[];
  /** The fault after the last of them, if there is one. */
  readonly fault: RecordFault | undefined;
}

/**
 * Index of the stretch in which a record at a position would be; -1 when all
 * records are behind it.
 *
 * @returns What is wrong when that cannot be told.
 */
function stretchIndexAt(
  file: DiskFile,
  segment: Segment,
  position: number,
): number | RecordFault {
  const offset = offsetOf(segment, position);
  return segment.scavenged?.stretchAt(file, offset) ?? "badPlaces";
}

/** Reads a stretch and finds where its records begin. */
function readStretch(
  file: DiskFile,
  segment: Segment,
  index: number,
): Stretch {
  const { scavenged } = segment;
  const { from, to } = scavenged?.boundsOf(index) ?? { from: 0, to: 0 };
  const bytes = readUpTo(file, from, to - from);
  const { view } = bytes;
  const starts: number[] = [];
  let fault: RecordFault | undefined;
  let least = segment.startPosition - SEGMENT_HEADER_BYTES +
    (scavenged?.firstOf(index) ?? 0);
  for (let at = 0; at < to - from;) {
    fault = framingFault(bytes, at, {
      leftBytes: to - from - at,
      least,
      end: segment.endPosition,
    });
    if (fault !== undefined) break;
    least = getSafeUint64(view, at + 8) + 1;
    starts.push(at);
    at += view.getUint32(at, true);
  }
  return { bytes, starts, fault };
}

/** The fault in length or position of the record at a place. */
function framingFault(
  { array, view }: Bytes,
  at: number,
  within: { leftBytes: number; least: number; end: number },
): RecordFault | undefined {
  if (array.length - at < RECORD_BYTES_MIN) return "short";
  const lengthBytes = view.getUint32(at, true);
  if (lengthBytes < RECORD_BYTES_MIN || lengthBytes > within.leftBytes) {
    return "badLength";
  }
  const position = getSafeUint64(view, at + 8);
  return position >= within.least && position < within.end
    ? undefined
    : "badPosition";
}

/** Log position of a stretch's record. */
function positionIn(stretch: Stretch, at: number): number {
  return getSafeUint64(stretch.bytes.view, at + 8);
}

/** The fault of a stretch's record. */
function faultAt(
  { bytes }: Stretch,
  at: number,
  withBody: boolean,
): RecordFault | undefined {
  return checkRecord(bytes, at, {
    available: bytes.array.length - at,
    position: getSafeUint64(bytes.view, at + 8),
    withBody,
  });
}

/** Reads on from a position: its record if it stayed, or the next one. */
export class ScavengedScanner {
  readonly #file: DiskFile;
  readonly #segment: Segment;
  #stretch: Stretch | undefined;
  #index: number | undefined;
  /** Index in the stretch of the next record. */
  #next = 0;
  /** Log position from which on the next record is looked for. */
  position: number;

  constructor(file: DiskFile, segment: Segment, position: number) {
    this.#file = file;
    this.#segment = segment;
    this.position = position;
  }

  /**
   * The next record.
   *
   * @returns `undefined` at the end; what is wrong when it is not whole.
   */
  next(options: RecordReadOptions): LogRecord | RecordFault | undefined {
    for (;;) {
      const stretch = this.#current();
      if (stretch === undefined || typeof stretch === "string") return stretch;
      const at = stretch.starts[this.#next];
      if (at === undefined) {
        if (stretch.fault !== undefined) return stretch.fault;
        this.#toStretch((this.#index ?? 0) + 1);
        continue;
      }
      const fault = faultAt(stretch, at, options.withBodies);
      if (fault !== undefined) return fault;
      const record = new LogRecord(stretch.bytes, at, options);
      this.#next++;
      this.position = record.logPosition + record.lengthBytes;
      return record;
    }
  }

  /**
   * Goes on behind damage: with the next record, if the damaged one has kept
   * its length, else with the next stretch.
   *
   * @returns False when there is none.
   */
  skipDamage(): boolean {
    const { scavenged } = this.#segment;
    if (this.#index === undefined || scavenged === undefined) return false;
    if (this.#next < (this.#stretch?.starts.length ?? 0)) {
      this.#next++;
      return true;
    }
    this.#toStretch(this.#index + 1);
    return this.#index < scavenged.header.placeCount;
  }

  #toStretch(index: number): void {
    this.#index = index;
    this.#stretch = undefined;
    this.#next = 0;
  }

  #current(): Stretch | RecordFault | undefined {
    if (this.#stretch !== undefined) return this.#stretch;
    const { scavenged } = this.#segment;
    if (scavenged === undefined || scavenged.header.placeCount === 0) {
      return undefined;
    }
    if (this.#index !== undefined) {
      if (this.#index >= scavenged.header.placeCount) return undefined;
      return this.#stretch = readStretch(
        this.#file,
        this.#segment,
        this.#index,
      );
    }
    const index = stretchIndexAt(this.#file, this.#segment, this.position);
    if (typeof index === "string") return index;
    this.#index = Math.max(0, index);
    const stretch = readStretch(this.#file, this.#segment, this.#index);
    const { starts } = stretch;
    while (
      this.#next < starts.length &&
      positionIn(stretch, starts[this.#next] ?? 0) < this.position
    ) this.#next++;
    return this.#stretch = stretch;
  }
}

/** Reads back from a position: from the last record that begins before it. */
export class BackwardScavengedScanner {
  readonly #file: DiskFile;
  readonly #segment: Segment;
  #stretch: Stretch | undefined;
  #index: number | undefined;
  /** Index in the stretch of the next record. */
  #next = -1;
  /** Log position before which the next record begins. */
  position: number;

  constructor(file: DiskFile, segment: Segment, position: number) {
    this.#file = file;
    this.#segment = segment;
    this.position = position;
  }

  /**
   * The next record towards the segment's start.
   *
   * @returns `undefined` when there is none; what is wrong when it is not
   * whole.
   */
  next(options: RecordReadOptions): LogRecord | RecordFault | undefined {
    for (;;) {
      const stretch = this.#current();
      if (stretch === undefined || typeof stretch === "string") return stretch;
      const at = stretch.starts[this.#next];
      if (at === undefined) {
        this.#index = (this.#index ?? 0) - 1;
        this.#stretch = undefined;
        continue;
      }
      const fault = faultAt(stretch, at, options.withBodies);
      if (fault !== undefined) return fault;
      const record = new LogRecord(stretch.bytes, at, options);
      this.#next--;
      this.position = record.logPosition;
      return record;
    }
  }

  #current(): Stretch | RecordFault | undefined {
    if (this.#stretch !== undefined) return this.#stretch;
    const { scavenged } = this.#segment;
    if (scavenged === undefined || scavenged.header.placeCount === 0) {
      return undefined;
    }
    const { position } = this;
    const index = this.#index ??
      stretchIndexAt(this.#file, this.#segment, position - 1);
    if (typeof index === "string") return index;
    this.#index = index;
    if (index < 0) return undefined;
    const stretch = readStretch(this.#file, this.#segment, index);
    // Nothing behind damage can be found from this side.
    if (stretch.fault !== undefined) return stretch.fault;
    let next = stretch.starts.length - 1;
    while (
      next >= 0 && positionIn(stretch, stretch.starts[next] ?? 0) >= position
    ) next--;
    this.#next = next;
    return this.#stretch = stretch;
  }
}

/**
 * The record at a position, if it stayed.
 *
 * @param stretch One that was read before: spares a read if the record is in it.
 * @returns With the stretch it is in; what is wrong when it is not whole.
 */
export function findRemaining(
  file: DiskFile,
  segment: Segment,
  position: number,
  options: RecordReadOptions,
  before?: FoundIn,
): { record: LogRecord; foundIn: FoundIn } | RecordFault {
  const index = stretchIndexAt(file, segment, position);
  if (typeof index === "string") return index;
  const { scavenged } = segment;
  const foundIn = before?.index === index && before.scavenged === scavenged
    ? before
    : { scavenged, index, stretch: readStretch(file, segment, index) };
  const { stretch } = foundIn;
  const at = stretch.starts.find((start) =>
    positionIn(stretch, start) === position
  );
  if (at === undefined) return stretch.fault ?? "badPosition";
  const fault = faultAt(stretch, at, options.withBodies);
  if (fault !== undefined) return fault;
  return { record: new LogRecord(stretch.bytes, at, options), foundIn };
}

/** A stretch, and which one it is. */
export interface FoundIn {
  readonly scavenged: Segment["scavenged"];
  readonly index: number;
  readonly stretch: Stretch;
}
