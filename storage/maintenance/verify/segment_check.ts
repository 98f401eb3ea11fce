/**
 * Checks the file of one segment from its first record to its last: what the
 * walk through it finds wrong, and through `EntryCheck` every number and
 * ordinal. Behind damage it goes on with the next whole record.
 *
 * @module
 */

import type { JobControl } from "../../../lib/store/maintenance.ts";
import type { LogRecord } from "../../log/log_record.ts";
import { isPreallocated } from "../../log/record.ts";
import { offsetOf } from "../../log/segment.ts";
import {
  type LogFault,
  type SegmentFile,
  type Walk,
  WalkFault,
} from "../../log/segment_file.ts";
import type { EntryCheck } from "./entry_check.ts";
import { EntryDigest } from "./list_entries.ts";
import type { Findings, Place } from "./findings.ts";

/** Where the log is when a segment begins. */
export interface LogPoint {
  /** Header CRC of the last record before. */
  readonly checksum: number;
  readonly lastCreatedAtUs: number;
}

/** The checks of a segment. */
interface SegmentCheckRequest {
  /** The segment's `endPosition` says how far the file counts. */
  readonly source: SegmentFile;
  /** Name of the file, for findings. */
  readonly fileName: string;
  readonly start: LogPoint;
  /** Whether the log goes on after it: then it must be whole to its end. */
  readonly isSealed: boolean;
  /**
   * Position up to which all is known to be committed; undefined when nobody
   * knows: then a broken end with nothing behind it is taken for a torn one.
   */
  readonly committedEnd: number | undefined;
  /** Positions at which what was read so far is to be noted. */
  readonly marks: readonly number[];
  readonly entries: EntryCheck;
  readonly findings: Findings;
  readonly control: JobControl;
  /** Is told of bytes that were checked. */
  readonly onBytes: (count: number) => void;
}

/** The state of the log at a mark in the segment. */
export interface Mark {
  readonly checksum: number;
  readonly digest: EntryDigest;
}

/** The contents that a check found in a segment. */
export interface SegmentFacts {
  /** Whether every record was read. */
  readonly isWhole: boolean;
  readonly recordCount: number;
  /** All entries of its records in lists. */
  readonly digest: EntryDigest;
  /** Position after the last whole batch. */
  readonly validEnd: number;
  readonly checksum: number;
  readonly lastCreatedAtUs: number;
  readonly marks: ReadonlyMap<number, Mark>;
}

/** Bytes between two reports, and two looks at whether others want to go first. */
const BYTES_PER_PAUSE = 256 * 1024;

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
  readonly #walk: Walk;
  readonly #marks = new Map<number, Mark>();
  /** Those that were not passed yet, the last first. */
  readonly #marksLeft: number[];
  readonly #digest = new EntryDigest();
  #isWhole = true;
  #validEnd: number;
  #checksum: number;
  #lastCreatedAtUs = 0;

  constructor(request: SegmentCheckRequest) {
    this.#request = request;
    const { source, start, entries } = request;
    this.#walk = source.walk({
      previousCrc: start.checksum,
      createdAtUs: start.lastCreatedAtUs,
    });
    this.#validEnd = source.segment.startPosition;
    this.#checksum = start.checksum;
    this.#marksLeft = [...new Set(request.marks)]
      .sort((one, other) => other - one);
    entries.digest = this.#digest;
    // Lists that go on later do so with a later number than the next one.
    if (source.isScavenged) entries.isLenient = true;
  }

  facts(): SegmentFacts {
    return {
      isWhole: this.#isWhole,
      recordCount: this.#walk.recordCount,
      digest: this.#digest,
      validEnd: this.#validEnd,
      checksum: this.#checksum,
      lastCreatedAtUs: Math.max(this.#walk.createdAtUs, this.#lastCreatedAtUs),
      marks: this.#marks,
    };
  }

  async run(): Promise<void> {
    const { control, onBytes, source } = this.#request;
    const walk = this.#walk;
    const end = source.recordsEnd;
    let reported = source.recordsStart;
    this.#markAt(this.#validEnd);
    for (;;) {
      if (walk.offset - reported >= BYTES_PER_PAUSE) {
        onBytes(walk.offset - reported);
        reported = walk.offset;
        control.signal.throwIfAborted();
        await control.pause?.();
      }
      const step = walk.next();
      if (step === undefined) break;
      if (step instanceof WalkFault) {
        if (!this.#tell(step)) break;
      } else this.#take(step);
    }
    control.signal.throwIfAborted();
    onBytes(Math.max(0, end - reported));
    if (source.isScavenged) this.#finishScavenged();
  }

  /** Takes the record that was passed last. */
  #take(record: LogRecord): void {
    const { source: { segment, isScavenged }, entries, findings } =
      this.#request;
    const walk = this.#walk;
    const position = walk.lastPosition;
    const wrong = entries.take(record, offsetOf(segment, position));
    if (wrong !== undefined) {
      const place = { offset: walk.recordOffset, position };
      findings.damage(wrong.kind, wrong.what, this.#place(place));
    }
    if (isScavenged) return;
    if (walk.isAtBatchEnd) {
      this.#validEnd = walk.position;
      this.#checksum = walk.previousCrc ?? 0;
    }
    if (walk.position >= (this.#marksLeft.at(-1) ?? Infinity)) {
      this.#markAt(walk.position);
    }
  }

  /** Notes what was read so far, if that was asked for. */
  #markAt(position: number): void {
    while ((this.#marksLeft.at(-1) ?? Infinity) <= position) {
      if (this.#marksLeft.pop() !== position) continue;
      this.#marks.set(position, {
        checksum: this.#walk.previousCrc ?? this.#checksum,
        digest: this.#digest.copy(),
      });
    }
  }

  /**
   * Tells of something that is wrong.
   *
   * @returns Whether there is anything to go on with.
   */
  #tell(step: WalkFault): boolean {
    const { findings, entries, fileName } = this.#request;
    const { fault, record } = step;
    if (fault === "badBatch" && record === undefined) this.#tellOpenBatch(step);
    else if (fault === "badBatch") {
      findings.damage("run", FAULT_TEXTS[fault], this.#place(step));
    } else if (fault === "badTime") {
      findings.damage("record", FAULT_TEXTS[fault], this.#place(step));
    } else if (fault === "badChain") {
      this.#isWhole = false;
      entries.isLenient = true;
      findings.damage("record", FAULT_TEXTS[fault], this.#place(step));
    } else if (fault === "badCount") {
      this.#isWhole = false;
      findings.damage("record", FAULT_TEXTS[fault], { file: fileName });
    } else if (record !== undefined) {
      this.#isWhole = false;
      findings.damage("record", describeBadBody(record), this.#place(step));
      // All else is known of it.
      this.#take(record);
    } else return this.#tellDamage(step);
    return true;
  }

  /** Tells of bytes that are no record. */
  #tellDamage(step: WalkFault): boolean {
    const { findings, entries, source, fileName } = this.#request;
    const { fault, offset } = step;
    const next = step.next();
    if (this.#isBeyondCommit(next !== undefined)) {
      this.#tellTorn(step);
      return false;
    }
    this.#isWhole = false;
    entries.isLenient = true;
    const end = next === undefined
      ? "nothing behind it can be read"
      : `the next ${next.offset - offset} bytes cannot be read`;
    const place = source.isScavenged
      ? { file: fileName, offset }
      : this.#place(step);
    findings.damage("record", `${FAULT_TEXTS[fault]}: ${end}`, place);
    return true;
  }

  /** Whether nobody was told of what is from here on. */
  #isBeyondCommit(isFollowed: boolean): boolean {
    const { isSealed, committedEnd, source } = this.#request;
    if (isSealed || source.isScavenged) return false;
    return committedEnd === undefined
      ? !isFollowed
      : this.#validEnd >= committedEnd;
  }

  #tellTorn(step: WalkFault): void {
    const { source, findings } = this.#request;
    const isRest = this.#walk.isAtBatchEnd &&
      isPreallocated(source.file, step.offset);
    if (isRest) return;
    const byteCount = source.recordsEnd - step.offset;
    findings.notice(
      "tornTail",
      `the last write was torn: ${byteCount} bytes ${this.#untold()}`,
      this.#place(step),
    );
  }

  /** A segment that the log goes on after ends with a whole append. */
  #tellOpenBatch(step: WalkFault): void {
    const { source, isSealed, findings, committedEnd } = this.#request;
    const place = this.#place({ ...step, position: this.#validEnd });
    const isDamage = isSealed ||
      (committedEnd ?? -1) >= source.segment.endPosition;
    if (isDamage) {
      this.#isWhole = false;
      findings.damage("run", "the last append is incomplete", place);
      return;
    }
    findings.notice(
      "tornTail",
      `the last append is incomplete: bytes ${this.#untold()}`,
      place,
    );
  }

  /** Whether the torn end of the log may have been acknowledged. */
  #untold(): string {
    return this.#request.committedEnd === undefined
      ? "that were not acknowledged, unless before the KV was lost"
      : "that were not acknowledged";
  }

  /** Checks the tables, and takes the ends of lists. */
  #finishScavenged(): void {
    const { source, fileName, findings, entries, onBytes } = this.#request;
    const { segment: { scavenged, endPosition } } = source;
    if (scavenged === undefined) return;
    const { header } = scavenged;
    const ends = source.ends();
    onBytes(header.fileBytes - header.placesOffset);
    if (ends === undefined) {
      this.#isWhole = false;
      findings.damage("record", FAULT_TEXTS.badPlaces, {
        file: fileName,
        offset: header.placesOffset,
      });
    } else entries.takeEnds(ends);
    // The segment ends as it did before records were taken out.
    this.#validEnd = endPosition;
    this.#checksum = header.checksum;
    this.#lastCreatedAtUs = header.lastCreatedAtUs;
    this.#marks.set(endPosition, {
      checksum: header.checksum,
      digest: this.#digest.copy(),
    });
  }

  #place({ offset, position }: { offset: number; position: number }): Place {
    return { file: this.#request.fileName, offset, position };
  }
}

/** The texts of faults of records. */
const FAULT_TEXTS: Readonly<Record<LogFault, string>> = {
  short: "the file ends inside a record",
  badLength: "a record has a wrong length",
  badHeader: "the header of a record has a wrong checksum",
  badPosition: "no record stands where one should",
  badBody: "the body of a record has a wrong checksum",
  badPlaces: "the table of what stayed is damaged",
  badChain:
    "the record does not follow the one before it: one is missing, or " +
    "was exchanged",
  badBatch: "the record is not the next one of its append",
  badTime: "the record is older than the one before it",
  badCount: "other records were found than those that stayed",
};

/** Names the event whose body is damaged. */
function describeBadBody({ eventNumber, streamName }: LogRecord): string {
  return `data or metadata of event ${eventNumber} of "${streamName}" are ` +
    "damaged";
}
