/**
 * Checks the file of one segment from its first record to its last: checksums,
 * positions, the chain, runs, times, and through `EntryCheck` every number and
 * ordinal. Behind damage it goes on with the next whole record.
 *
 * @module
 */

import { type Bytes, bytesOf, getSafeUint64 } from "../log/bytes.ts";
import {
  checkRecord,
  FLAG_RUN_END,
  RECORD_BYTES_MIN,
  RECORD_HEADER_BYTES,
  type RecordFault,
} from "../log/record.ts";
import {
  chainAfter,
  type RemainsHeader,
  SCAVENGED_HEADER_BYTES,
} from "../log/remains.ts";
import { isRoom } from "../log/room.ts";
import { offsetOf, positionOf } from "../log/segment.ts";
import { SEGMENT_HEADER_BYTES } from "../log/segment_header.ts";
import { describeBadBody, FAULT_TEXTS, untold } from "./fault_texts.ts";
import { EntryDigest } from "./list_heads.ts";
import { findRecord } from "./record_search.ts";
import { readWholeEnds } from "./remains_tables.ts";
import { wholeRecordsEnd } from "./whole_records.ts";
import type {
  Mark,
  SegmentCheckRequest,
  SegmentFacts,
} from "./segment_facts.ts";

/** What is read at a time; a longer record is read as a whole. */
const CHUNK_BYTES = 512 * 1024;

/** Checks a segment. */
export async function checkSegment(
  request: SegmentCheckRequest,
): Promise<SegmentFacts> {
  const check = new SegmentCheck(request);
  await check.run();
  return check.facts();
}

class SegmentCheck {
  readonly #request: SegmentCheckRequest;
  readonly #marks = new Map<number, Mark>();
  readonly #digest = new EntryDigest();
  #buffer: Bytes = bytesOf(new Uint8Array(CHUNK_BYTES));
  /** The part of the buffer that was read. */
  #chunk: Bytes = bytesOf(new Uint8Array(0));
  /** Offset in the file of the chunk's first byte. */
  #chunkOffset = 0;
  /** Offset in the file of the next record. */
  #at: number;
  /** Offset in the file after the last record that there may be. */
  readonly #fileEnd: number;
  #isWhole = true;
  #recordCount = 0;
  /** Header CRC of the record before; undefined behind damage. */
  #previousCrc: number | undefined;
  #chain = 0;
  /** Index in its run of the next record; undefined behind damage. */
  #indexInRun: number | undefined = 0;
  #position: number;
  #validEnd: number;
  #checksum: number;
  #lastPosition = -1;
  #lastCreatedAtUs: number;

  constructor(request: SegmentCheckRequest) {
    this.#request = request;
    const { segment, remains, start } = request;
    this.#position = segment.startPosition;
    this.#validEnd = segment.startPosition;
    this.#previousCrc = start.checksum;
    this.#checksum = start.checksum;
    this.#lastCreatedAtUs = start.lastCreatedAtUs;
    this.#at = remains === undefined
      ? SEGMENT_HEADER_BYTES
      : SCAVENGED_HEADER_BYTES;
    this.#fileEnd = remains?.placesOffset ??
      offsetOf(segment, segment.endPosition);
    request.entries.digest = this.#digest;
  }

  facts(): SegmentFacts {
    return {
      isWhole: this.#isWhole,
      recordCount: this.#recordCount,
      digest: this.#digest,
      validEnd: this.#validEnd,
      checksum: this.#checksum,
      lastPosition: this.#lastPosition,
      lastCreatedAtUs: this.#lastCreatedAtUs,
      marks: this.#marks,
    };
  }

  async run(): Promise<void> {
    const { entries, remains, control, segment } = this.#request;
    // Lists that go on later do so with a later number than the next one.
    if (remains !== undefined) entries.isLenient = true;
    this.#mark(segment.startPosition);
    while (this.#at < this.#fileEnd) {
      control.signal.throwIfAborted();
      if (!this.#fill()) {
        this.#damaged("short");
        break;
      }
      this.#takeChunk();
      await control.pause?.();
    }
    if (remains !== undefined) this.#checkRemains(remains);
    else this.#checkEnd();
  }

  /** Reads on from the next record; false when the file ends before. */
  #fill(): boolean {
    const { file, onBytes } = this.#request;
    const left = this.#fileEnd - this.#at;
    const wanted = Math.min(left, this.#buffer.array.length);
    const array = this.#buffer.array.subarray(0, wanted);
    let have = 0;
    // What was cut off by the end of the chunk before is there already.
    const kept = this.#chunkOffset + this.#chunk.array.length - this.#at;
    if (kept > 0 && kept < wanted) {
      const from = this.#at - this.#chunkOffset;
      this.#buffer.array.copyWithin(0, from, from + kept);
      have = kept;
    }
    const before = have;
    while (have < wanted) {
      const count = file.readAt(array.subarray(have), this.#at + have);
      if (count === 0) break;
      have += count;
    }
    onBytes(have - before);
    this.#chunkOffset = this.#at;
    this.#chunk = {
      array: array.subarray(0, have),
      view: this.#buffer.view,
    };
    return have === wanted && wanted >= Math.min(left, RECORD_BYTES_MIN);
  }

  /** Takes all records that are whole in the chunk. */
  #takeChunk(): void {
    const { segment, remains } = this.#request;
    const { array, view } = this.#chunk;
    const firstAt = this.#at;
    const wholeEnd = wholeRecordsEnd(this.#chunk, {
      start: firstAt - this.#chunkOffset,
      position: remains === undefined ? this.#position : undefined,
    });
    while (this.#at < this.#fileEnd) {
      const at = this.#at - this.#chunkOffset;
      const available = array.length - at;
      const left = this.#fileEnd - this.#at;
      if (available < RECORD_HEADER_BYTES && available < left) return;
      if (left < RECORD_BYTES_MIN) return this.#damaged("short");
      const lengthBytes = view.getUint32(at, true);
      if (lengthBytes > left) return this.#damaged("short");
      if (lengthBytes > available) {
        // Not even the first of the chunk: a record longer than a chunk.
        if (this.#at === firstAt) this.#grow(lengthBytes);
        return;
      }
      const position = remains === undefined
        ? this.#position
        : getSafeUint64(view, at + 8);
      if (remains !== undefined && !this.#mayBeAt(position)) {
        return this.#damaged("badPosition");
      }
      const fault = at < wholeEnd
        ? undefined
        : checkRecord(this.#chunk, at, { available, position, withBody: true });
      // Of a record whose body alone is damaged, all else is known.
      if (fault === "badBody" || fault === undefined) {
        if (fault === "badBody") this.#badBody(at, position);
        this.#take(at, position, lengthBytes);
        this.#at += lengthBytes;
        this.#position = position + (remains === undefined ? lengthBytes : 1);
        if (remains === undefined) this.#mark(this.#position);
      } else return this.#damaged(fault);
    }
    if (remains !== undefined) this.#position = segment.endPosition;
  }

  /** Positions in a scavenged segment go up, and stay in it. */
  #mayBeAt(position: number): boolean {
    return position >= this.#position &&
      position < this.#request.segment.endPosition;
  }

  #take(at: number, position: number, lengthBytes: number): void {
    const { segment, entries, findings, remains } = this.#request;
    const { view } = this.#chunk;
    const headerCrc = view.getUint32(at + 4, true);
    const createdAtUs = getSafeUint64(view, at + 16);
    const indexInRun = view.getUint32(at + 84, true);
    const isRunEnd = (view.getUint8(at + 88) & FLAG_RUN_END) !== 0;
    if (remains === undefined) {
      if (
        this.#previousCrc !== undefined &&
        view.getUint32(at + 64, true) !== this.#previousCrc
      ) {
        findings.damage(
          "record",
          "the record does not follow the one before it: one is missing, or " +
            "was exchanged",
          this.#place(position),
        );
        this.#isWhole = false;
        entries.isLenient = true;
      }
      if (this.#indexInRun !== undefined && indexInRun !== this.#indexInRun) {
        findings.damage(
          "run",
          `the record is number ${indexInRun} of its append, where number ` +
            `${this.#indexInRun} is the next one`,
          this.#place(position),
        );
      }
      if (isRunEnd) this.#indexInRun = 0;
      else if (this.#indexInRun !== undefined) this.#indexInRun++;
    } else this.#chain = chainAfter(this.#chain, headerCrc);
    if (createdAtUs < this.#lastCreatedAtUs) {
      findings.damage(
        "record",
        "the record is older than the one before it",
        this.#place(position),
      );
    }
    const wrong = entries.take(this.#chunk, at, offsetOf(segment, position));
    if (wrong !== undefined) {
      findings.damage(wrong.kind, wrong.what, this.#place(position));
    }
    this.#previousCrc = headerCrc;
    this.#lastCreatedAtUs = createdAtUs;
    this.#lastPosition = position;
    this.#recordCount++;
    if (isRunEnd || remains !== undefined) {
      this.#validEnd = position + lengthBytes;
      this.#checksum = headerCrc;
    }
  }

  #badBody(at: number, position: number): void {
    const what = describeBadBody(this.#chunk, at);
    this.#isWhole = false;
    this.#request.findings.damage("record", what, this.#place(position));
  }

  /** Notes damage at the next record, and goes on behind it. */
  #damaged(fault: RecordFault): void {
    const { segment, file, findings, remains, entries } = this.#request;
    const from = this.#at;
    const position = this.#position;
    const next = this.#findNext();
    const isTorn = remains === undefined && this.#isBeyondCommit(next);
    this.#at = isTorn ? this.#fileEnd : next ?? this.#fileEnd;
    if (isTorn) {
      if (this.#indexInRun === 0 && isRoom(file, from)) return;
      findings.notice(
        "tornTail",
        `the last write was torn: ${this.#fileEnd - from} bytes ` +
          untold(this.#request.committedEnd),
        this.#place(position),
      );
      return;
    }
    this.#isWhole = false;
    entries.isLenient = true;
    const end = next === undefined
      ? "nothing behind it can be read"
      : `the next ${next - from} bytes cannot be read`;
    findings.damage("record", `${FAULT_TEXTS[fault]}: ${end}`, {
      file: this.#request.fileName,
      offset: from,
      ...(remains === undefined && { position }),
    });
    if (next === undefined) {
      this.#position = segment.endPosition;
      return;
    }
    this.#previousCrc = undefined;
    this.#indexInRun = undefined;
    if (remains === undefined) this.#position = positionOf(segment, next);
  }

  /** Whether nobody was told of what is from here on. */
  #isBeyondCommit(next: number | undefined): boolean {
    const { isSealed, committedEnd } = this.#request;
    if (isSealed) return false;
    return committedEnd === undefined
      ? next === undefined
      : this.#validEnd >= committedEnd;
  }

  /** Offset in the file of the next whole record. */
  #findNext(): number | undefined {
    const { segment, file, remains } = this.#request;
    const range = { from: this.#at + 1, end: this.#fileEnd };
    return findRecord(file, range, ({ bytes, at, offset, available }) => {
      const position = remains === undefined
        ? positionOf(segment, offset)
        : getSafeUint64(bytes.view, at + 8);
      const options = { available, position, withBody: false };
      return (remains === undefined || this.#mayBeAt(position)) &&
        checkRecord(bytes, at, options) === undefined;
    });
  }

  #grow(lengthBytes: number): void {
    const grown = new Uint8Array(lengthBytes);
    grown.set(this.#chunk.array);
    const length = this.#chunk.array.length;
    this.#buffer = bytesOf(grown);
    this.#chunk = {
      array: grown.subarray(0, length),
      view: this.#buffer.view,
    };
  }

  #mark(position: number): void {
    if (!this.#request.marks.includes(position)) return;
    this.#marks.set(position, {
      checksum: this.#previousCrc ?? this.#checksum,
      digest: this.#digest.copy(),
      recordCount: this.#recordCount,
    });
  }

  /** A segment that the log goes on after ends with a whole append. */
  #checkEnd(): void {
    const { segment, isSealed, findings, committedEnd } = this.#request;
    const isInRun = this.#indexInRun !== undefined && this.#indexInRun > 0 &&
      this.#at >= this.#fileEnd && this.#isWhole;
    if (!isInRun) return;
    const end = segment.endPosition;
    if (isSealed || (committedEnd !== undefined && committedEnd >= end)) {
      this.#isWhole = false;
      findings.damage(
        "run",
        "the last append is not whole",
        this.#place(this.#validEnd),
      );
    } else {
      findings.notice(
        "tornTail",
        `the last append is not whole: bytes ${untold(committedEnd)}`,
        this.#place(this.#validEnd),
      );
    }
  }

  #checkRemains(remains: RemainsHeader): void {
    const { file, fileName, findings, segment, entries, onBytes } =
      this.#request;
    const isAllRead = this.#isWhole;
    const ends = readWholeEnds(file, remains);
    onBytes(remains.fileBytes - remains.placesOffset);
    if (ends === undefined) {
      this.#isWhole = false;
      findings.damage("record", "the table of what stayed is damaged", {
        file: fileName,
        offset: remains.placesOffset,
      });
    } else entries.takeEnds(ends);
    const isRight = this.#recordCount === remains.recordCount &&
      this.#chain === remains.chain;
    if (isAllRead && !isRight) {
      this.#isWhole = false;
      findings.damage(
        "record",
        `${this.#recordCount} records were found, where ${remains.recordCount} ` +
          "others stayed",
        { file: fileName },
      );
    }
    // The segment ends as it did before records were taken out.
    this.#validEnd = segment.endPosition;
    this.#checksum = remains.checksum;
    this.#previousCrc = remains.checksum;
    this.#mark(segment.endPosition);
    this.#lastPosition = remains.lastPosition;
    this.#lastCreatedAtUs = Math.max(
      this.#lastCreatedAtUs,
      remains.lastCreatedAtUs,
    );
  }

  #place(position: number) {
    return { file: this.#request.fileName, offset: this.#at, position };
  }
}
