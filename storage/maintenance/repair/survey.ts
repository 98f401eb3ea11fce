/**
 * Looks through a damaged log and decides what becomes of each segment: it
 * stays as it is, is written anew with what is whole of it, or, when it is
 * gone, gets a place that says so.
 *
 * @module
 */

import { join } from "@std/path";
import { LIMITS } from "../../../lib/model/limits.ts";
import type {
  JobControl,
  LostRange,
  RenumberedEvent,
} from "../../../lib/store/maintenance.ts";
import type { Disk } from "../../disk/disk.ts";
import { openSealedIndex } from "../../index/sealed_index.ts";
import { BLOCK_BYTES, BlockCache } from "../../index/block_cache.ts";
import type { CommitRecord } from "../../commit/catalog.ts";
import { FLAG_BATCH_END } from "../../log/record.ts";
import type { ListEnd } from "../../log/scavenged_segment.ts";
import type { Segment } from "../../log/segment.ts";
import { type PlacedSegment, SegmentFile } from "../../log/segment_file.ts";
import type { SegmentHeader } from "../../log/segment_header.ts";
import type { PlannedSegment, VerifyPlan } from "../verify/verify_plan.ts";
import { Losses } from "./losses.ts";
import { placeSegment } from "../../log/place_segment.ts";
import { wholeRecords } from "./whole_records.ts";
import type { LogRecord } from "../../log/log_record.ts";
import type { Mend } from "./mend_record.ts";

/** A segment that is to be written anew, or from nothing. */
export interface Replacement {
  /** As it will be, but for its file: with its end and checksum. */
  readonly segment: Segment;
  readonly header: SegmentHeader;
  /**
   * The file that it is made from, and how it is read; undefined when there is
   * none.
   */
  readonly source:
    | (PlannedSegment & { readonly segment: PlacedSegment })
    | undefined;
  /** Position of the last record that could be read of it; -1 for none. */
  readonly lastPosition: number;
  readonly lastCreatedAtUs: number;
  /** Corrections of records, by position. */
  readonly mends: ReadonlyMap<number, Mend>;
  /** Whether that is all that is wrong with it. */
  readonly isMended: boolean;
}

/** The result of a survey of the log. */
export interface Survey {
  readonly replacements: readonly Replacement[];
  /** Files that are no part of the log. */
  readonly strangers: readonly PlannedSegment[];
  readonly lostPositions: readonly LostRange[];
  readonly losses: Losses;
  /** Events that get other numbers; at most `LIMITS.findingsMax`. */
  readonly renumbered: readonly RenumberedEvent[];
}

interface SurveyOptions {
  readonly disk: Disk;
  readonly plan: VerifyPlan;
  readonly commit: CommitRecord | undefined;
  readonly nowUs: number;
  /** Largest generation of each segment's files. */
  readonly generationOf: (number: number) => number;
  /** Path of the index file that a segment without a file still has, if any. */
  readonly indexPathOf: (number: number) => string | undefined;
  readonly control: JobControl;
}

/** The readable records of one segment. */
interface Reading {
  readonly isWhole: boolean;
  /** Position after the last record that ends an append. */
  readonly end: number;
  readonly checksum: number;
  readonly lastCreatedAtUs: number;
  /** Position of the last record; -1 for none. */
  readonly lastPosition: number;
  /** Position after the last thing that was read, or is known to be lost. */
  readonly seenEnd: number;
  /** Corrections of records, by position. */
  readonly mends: ReadonlyMap<number, Mend>;
}

/** Looks through the log. */
export async function surveyLog(options: SurveyOptions): Promise<Survey> {
  const surveyor = new Surveyor(options);
  return await surveyor.run();
}

class Surveyor {
  readonly #options: SurveyOptions;
  readonly #losses = new Losses();
  readonly #replacements: Replacement[] = [];
  readonly #lostPositions: LostRange[] = [];
  readonly #renumbered: RenumberedEvent[] = [];
  readonly #storeId: string;
  #end = 0;
  #checksum = 0;
  #lastCreatedAtUs = 0;
  #doneBytes = 0;

  constructor(options: SurveyOptions) {
    this.#options = options;
    this.#storeId = options.plan.storeId ?? options.commit?.storeId ?? "";
  }

  async run(): Promise<Survey> {
    const { plan, commit } = this.#options;
    const strangers: PlannedSegment[] = [];
    const segments: PlannedSegment[] = [];
    let start = 0;
    for (const planned of plan.segments) {
      const { header, segment } = planned;
      const isOurs = header === undefined ||
        (header.storeId === this.#storeId && header.startPosition >= start);
      if (!isOurs) {
        strangers.push(planned);
        continue;
      }
      segments.push(planned);
      start = segment.startPosition;
    }
    let number = 0;
    for (const [at, planned] of segments.entries()) {
      const first = planned.segment.number;
      const from = planned.header?.startPosition ?? this.#end;
      while (number < first) {
        this.#replaceMissing(number++, from, planned.header);
      }
      await this.#survey(planned, segments[at + 1]);
      number = first + 1;
    }
    if (segments.length === 0 && (commit?.end ?? 0) > 0) {
      this.#replaceMissing(0, commit?.end ?? 0, undefined);
    }
    return {
      replacements: this.#replacements,
      strangers,
      lostPositions: this.#lostPositions,
      losses: this.#losses,
      renumbered: this.#renumbered,
    };
  }

  /** A segment of which there is no file that could be used. */
  #replaceMissing(
    number: number,
    end: number,
    next: SegmentHeader | undefined,
  ): void {
    const { commit } = this.#options;
    const checksum = next?.previousChecksum ??
      (commit?.end === end ? commit.checksum : 0);
    this.#lose(this.#end, end);
    // As far as anybody can tell it was scavenged.
    this.#losses.begin(this.#options.generationOf(number) > 1);
    this.#replace(number, undefined, {
      start: this.#end,
      end,
      checksum,
      lastPosition: -1,
    });
    this.#takeIndex(number, this.#options.indexPathOf(number));
  }

  #lose(from: number, end: number): void {
    this.#losses.isLossy = true;
    if (end > from) this.#lostPositions.push({ from, to: end - 1 });
  }

  #replace(
    number: number,
    source: Replacement["source"],
    range: {
      start: number;
      end: number;
      checksum: number;
      lastPosition: number;
      mends?: ReadonlyMap<number, Mend>;
      isMended?: boolean;
    },
  ): void {
    const { start, end, checksum, lastPosition } = range;
    const { mends = NO_MENDS, isMended = false } = range;
    const generation = this.#options.generationOf(number) + 1;
    this.#replacements.push({
      segment: {
        number,
        generation,
        path: "",
        startPosition: start,
        endPosition: end,
        checksum,
      },
      header: {
        storeId: this.#storeId,
        number,
        generation,
        startPosition: start,
        previousChecksum: this.#checksum,
        // The file of one whose header is lost is made now.
        createdAtUs: source?.header?.createdAtUs ?? this.#options.nowUs,
      },
      source,
      lastPosition,
      lastCreatedAtUs: this.#lastCreatedAtUs,
      mends,
      isMended,
    });
    this.#end = end;
    this.#checksum = checksum;
  }

  async #survey(
    planned: PlannedSegment,
    next: PlannedSegment | undefined,
  ): Promise<void> {
    const { commit } = this.#options;
    const { segment, header } = planned;
    const start = this.#end;
    const isFollowed = next?.header !== undefined &&
      next.segment.number === segment.number + 1;
    const committedEnd = next === undefined ? commit?.end : undefined;
    // The file of one with a damaged header begins where the last one ended.
    const placed: PlacedSegment = header === undefined
      ? placeSegment(this.#options.disk, segment, {
        start,
        end: isFollowed ? next.header?.startPosition : committedEnd,
      })
      : { ...segment };
    const reading = await this.#read(placed, isFollowed, committedEnd);
    const wanted = isFollowed
      ? {
        end: next.header?.startPosition ?? 0,
        checksum: next.header?.previousChecksum,
      }
      : placed.scavenged !== undefined
      ? {
        end: placed.scavenged.header.endPosition,
        checksum: placed.scavenged.header.checksum,
      }
      : committedEnd !== undefined &&
          (committedEnd > reading.end || !reading.isWhole)
      // Records after it were never acknowledged.
      ? { end: committedEnd, checksum: commit?.checksum }
      : { end: reading.end, checksum: reading.checksum };
    const isRight = header !== undefined && reading.isWhole &&
      reading.end === wanted.end && reading.checksum === wanted.checksum &&
      header.startPosition === start &&
      header.previousChecksum === this.#checksum;
    this.#lastCreatedAtUs = reading.lastCreatedAtUs;
    if (isRight && reading.mends.size === 0) {
      this.#end = wanted.end;
      this.#checksum = reading.checksum;
      return;
    }
    if (!isRight) this.#losses.isLossy = true;
    if (wanted.end > reading.seenEnd) this.#lose(reading.seenEnd, wanted.end);
    this.#replace(segment.number, { ...planned, segment: placed }, {
      start,
      end: wanted.end,
      checksum: wanted.checksum ?? reading.checksum,
      lastPosition: reading.lastPosition,
      mends: reading.mends,
      isMended: isRight,
    });
    const { directory } = this.#options.plan;
    const { index } = planned;
    this.#takeIndex(segment.number, index && join(directory, index.name));
  }

  async #read(
    segment: PlacedSegment,
    isFollowed: boolean,
    committedEnd: number | undefined,
  ): Promise<Reading> {
    const { disk, control, plan } = this.#options;
    const lost: LostRange[] = [];
    const walks = segment.walksFrom !== undefined;
    const mends = new Map<number, Mend>();
    let isWhole = !walks;
    let checksum = this.#checksum;
    let end = segment.startPosition;
    let lastCreatedAtUs = this.#lastCreatedAtUs;
    let lastPosition = -1;
    let count = 0;
    this.#losses.begin(segment.scavenged !== undefined || walks);
    try {
      const file = disk.open(segment.path, "read");
      try {
        const sink = {
          lost: (from: number, to: number) => {
            lost.push({ from, to });
            this.#losses.isLossy = true;
          },
          lostRecord: (record: Parameters<Losses["takeLost"]>[1]) =>
            this.#losses.takeLost(segment.number, record),
          listEnd: (known: ListEnd) =>
            this.#losses.takeEnd(segment.number, known),
          exchanged: () => {
            isWhole = false;
          },
          complete: () => {
            const known = isFollowed ? segment.endPosition : committedEnd;
            end = Math.max(end, known ?? 0);
          },
        };
        const source = new SegmentFile(file, segment);
        for (const record of wholeRecords(source, sink, checksum)) {
          lastCreatedAtUs = record.createdAtUs;
          lastPosition = record.logPosition;
          const mend = this.#losses.take(record);
          if (mend !== undefined) {
            mends.set(record.logPosition, mend);
            lastCreatedAtUs = mend.createdAtUs;
            if (mend.eventNumber !== record.eventNumber) {
              this.#tell(record, mend);
            }
          }
          if (walks || (record.flags & FLAG_BATCH_END) !== 0) {
            end = record.logPosition + record.lengthBytes;
            checksum = record.headerCrc;
          }
          if (++count % RECORDS_PER_PAUSE !== 0) continue;
          control.signal.throwIfAborted();
          await control.pause?.();
        }
        const { scavenged } = segment;
        if (scavenged !== undefined) {
          const ends = source.ends();
          for (const known of ends ?? []) {
            this.#losses.takeEnd(segment.number, known);
          }
          if (ends === undefined) isWhole = false;
          end = scavenged.header.endPosition;
          checksum = scavenged.header.checksum;
          lastCreatedAtUs = scavenged.header.lastCreatedAtUs;
        }
      } finally {
        file.close();
      }
    } catch (error) {
      control.signal.throwIfAborted();
      // Bytes that a device cannot read count as lost.
      if (error instanceof TypeError || error instanceof RangeError) {
        throw error;
      }
      lost.push({ from: end, to: segment.endPosition });
    }
    this.#doneBytes +=
      plan.segments.find(({ segment: one }) => one.number === segment.number)
        ?.fileBytes ?? 0;
    control.report({
      phase: "looking for intact records",
      done: this.#doneBytes,
      total: plan.segments.reduce((sum, { fileBytes }) => sum + fileBytes, 0),
      unit: "bytes",
    });
    let seenEnd = end;
    for (const { from, to } of lost) {
      // A last write that nobody was told of is no loss.
      const isTorn = !isFollowed && from >= end &&
        (committedEnd === undefined || from >= committedEnd);
      if (isTorn) continue;
      isWhole = false;
      const lostEnd = isFollowed || to <= end
        ? to
        : Math.max(end, committedEnd ?? 0, from);
      this.#lose(from, lostEnd);
      seenEnd = Math.max(seenEnd, lostEnd);
    }
    return {
      isWhole,
      end,
      checksum,
      lastCreatedAtUs,
      lastPosition,
      seenEnd,
      mends,
    };
  }

  /** Notes a number that is not to stay. */
  #tell({ streamName, eventNumber: from }: LogRecord, mend: Mend): void {
    if (this.#renumbered.length >= LIMITS.findingsMax) return;
    this.#renumbered.push({ streamName, from, to: mend.eventNumber });
  }

  /** The index file of a damaged segment still says what there was. */
  #takeIndex(number: number, path: string | undefined): void {
    const losses = this.#losses;
    if (path === undefined) return;
    try {
      const file = this.#options.disk.open(path, "read");
      try {
        const sealed = openSealedIndex(
          () => file,
          new BlockCache(BLOCK_BYTES),
          0,
          () => {},
        );
        const isIt = sealed?.footer.storeId === this.#storeId &&
          sealed.footer.segmentNumber === number && sealed.isWhole();
        if (sealed === undefined || !isIt) return;
        for (const { slice, name } of sealed.walk()) {
          const { kind, firstOrdinal: first, count } = slice;
          if (count === 0) continue;
          losses.takeEnd(number, { kind, name, next: first + count });
          if (kind !== 0) continue;
          losses.takeSlice({
            name,
            first,
            end: first + count,
            nearest(from, step) {
              const near = sealed.leftNear(slice, from - first, step);
              return near === undefined ? undefined : first + near;
            },
          });
        }
      } finally {
        file.close();
      }
    } catch {
      // Damaged, too: then the records alone say what there was.
    }
  }
}

const RECORDS_PER_PAUSE = 500;
const NO_MENDS: ReadonlyMap<number, Mend> = new Map();
