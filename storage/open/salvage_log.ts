/**
 * Loads a damaged log for reading alone: everything that is whole, with the
 * positions, numbers and ordinals that it always had. Nothing is written. What
 * is missing reads as an error, never as nothing and never as something else.
 *
 * Segments whose index file is whole are taken as it says, whatever state the
 * segment is in: each record is checked when it is read. All others are
 * scanned; after damage the scan goes on with the next whole record. Where a
 * record's ordinals skip some, those are holes.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import type { StorePlatform } from "../commit/platform.ts";
import { GONE_OFFSET } from "../index/index_file.ts";
import {
  LIST_KINDS,
  LIST_TOMBSTONED,
  NO_LIST,
} from "../index/list_directory.ts";
import { Membership } from "../index/membership.ts";
import type { Memtable } from "../index/memtable.ts";
import { isPlaceable } from "../index/ordinal_rule.ts";
import {
  isComplete,
  listGenerations,
  readHeader,
  scavengedOf,
} from "../log/find_segments.ts";
import { LogRecord } from "../log/log_record.ts";
import { placeSegment } from "../log/place_segment.ts";
import { FLAG_TOMBSTONE, NO_ORDINAL } from "../log/record.ts";
import type { ScavengedSegment } from "../log/scavenged_segment.ts";
import {
  offsetOf,
  positionOf,
  type Segment,
  segmentPath,
} from "../log/segment.ts";
import {
  type PlacedSegment,
  SegmentFile,
  WalkFault,
} from "../log/segment_file.ts";
import {
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "../log/segment_header.ts";
import { Contradictions } from "./contradictions.ts";
import type { LoadedLog, LoadOptions } from "./load_log.ts";
import { readCommitRecord } from "./reconcile.ts";

/** A log with what is wrong with it, in words. */
interface SalvagedLog extends LoadedLog {
  readonly damages: readonly string[];
}

/**
 * Loads what is whole.
 *
 * @param committedEnd Position up to which all is known to be committed.
 */
async function salvageLog(
  options: LoadOptions,
  committedEnd: number,
): Promise<SalvagedLog> {
  const salvage = new Salvage(options, committedEnd);
  await salvage.load();
  return salvage.log();
}

class Salvage {
  readonly #options: LoadOptions;
  readonly #committedEnd: number;
  readonly #damages: string[] = [];
  readonly #contradictions = new Contradictions();
  /** Whether some of it may have cost records. */
  #isLossy = false;
  readonly #segments: Segment[] = [];
  readonly #membership = new Membership();
  #storeId: string | undefined;
  #end = 0;
  #checksum = 0;
  #lastPosition = -1;
  #lastCreatedAtUs = 0;
  /** Whether a segment was scavenged so far. */
  #isScavenged = false;

  constructor(options: LoadOptions, committedEnd: number) {
    this.#options = options;
    this.#committedEnd = committedEnd;
  }

  log(): SalvagedLog {
    return {
      segments: this.#segments,
      storeId: this.#storeId,
      validEnd: this.#end,
      checksum: this.#checksum,
      lastPosition: this.#lastPosition,
      lastCreatedAtUs: this.#lastCreatedAtUs,
      fileEnd: this.#end,
      hasRecordsBeyondDamage: false,
      unborn: [],
      stale: [],
      superseded: [],
      fault: this.#damages[0],
      damages: this.#damages,
      contradictions: this.#contradictions,
    };
  }

  async load(): Promise<void> {
    const { candidates, storeId } = await findCandidates(this.#options, {
      // Other segments mostly tell the contents of a header: `placeSegment()`.
      damaged: (what) => this.#damages.push(what),
      lost: (what) => this.#lost(what),
    });
    this.#storeId = storeId;
    for (const [at, candidate] of candidates.entries()) {
      const start = candidate.header?.startPosition ?? this.#end;
      if (start > this.#end) this.#addMissing(candidate.number - 1, start);
      const next = candidates[at + 1];
      const isFollowed = next?.number === candidate.number + 1;
      this.#loadSegment(candidate, isFollowed ? next.header : undefined);
    }
    if (this.#committedEnd > this.#end) {
      this.#lost(
        `position ${this.#committedEnd} is committed, the log ends at ` +
          `${this.#end}`,
      );
    }
  }

  /** Positions that no file has: to read them is an error. */
  #addMissing(number: number, endPosition: number): void {
    const { logDirectory } = this.#options;
    const name = { number, generation: 1 };
    this.#segments.push({
      ...name,
      path: segmentPath(logDirectory, name, "seg"),
      startPosition: this.#end,
      endPosition,
      checksum: 0,
    });
    this.#end = endPosition;
  }

  #loadSegment(candidate: Candidate, next: SegmentHeader | undefined): void {
    const { index } = this.#options;
    const { number, generation, path, header } = candidate;
    const named: Segment = {
      number,
      generation,
      path,
      startPosition: header?.startPosition ?? this.#end,
      endPosition: header?.startPosition ?? this.#end,
      checksum: header?.previousChecksum ?? this.#checksum,
      ...scavengedOf(header),
    };
    const segment = header === undefined ? this.#place(named, next) : named;
    this.#segments.push(segment);
    // Index files cannot stand behind segments that have none.
    const isSealed = index.unsealedCount === 0 &&
      index.addSealed(segment, this.#storeId ?? "");
    if (isSealed) {
      const isFit = index.isWhole(segment) &&
        (next === undefined || next.startPosition === segment.endPosition);
      if (isFit) {
        try {
          index.enterSealed(number);
        } catch (error) {
          this.#lost(String(error));
        }
        this.#isScavenged ||= segment.scavenged !== undefined;
        this.#end = segment.endPosition;
        this.#checksum = segment.checksum;
        this.#checkEnd(segment);
        return;
      }
      index.dropSealed(segment);
    }
    if (segment.scavenged === undefined) this.#scan(segment, next);
    else this.#scanScavenged(segment, segment.scavenged);
  }

  /** Notes damage that may have cost records. */
  #lost(what: string): void {
    this.#damages.push(what);
    this.#isLossy = true;
  }

  /** Finds out how a segment is to be read whose header is damaged. */
  #place(named: Segment, next: SegmentHeader | undefined): Segment {
    const { disk } = this.#options;
    const segment: PlacedSegment = placeSegment(disk, named, {
      start: this.#end,
      end: next?.startPosition,
    });
    if (segment.walksFrom === undefined) return segment;
    this.#lost(
      `segment ${segment.number} was scavenged and says no more where its ` +
        "records belong; none of them is served, quipu repair keeps them",
    );
    return named;
  }

  /** Scans a segment of which records are gone on purpose. */
  #scanScavenged(segment: Segment, { header }: ScavengedSegment): void {
    const { index: { lists } } = this.#options;
    segment.endPosition = header.endPosition;
    segment.checksum = header.checksum;
    this.#isScavenged = true;
    this.#enterAll(segment, (memtable, source) => {
      for (const step of source.walk()) {
        if (step instanceof WalkFault) this.#lostAt(segment, step);
        else this.#enter(memtable, segment, step);
      }
      const ends = source.ends();
      if (ends === undefined) {
        this.#lost(`segment ${segment.number} is not whole`);
      }
      for (const { kind, name, next } of ends ?? []) {
        const listId = lists.findOrCreate(LIST_KINDS[kind] ?? "stream", name);
        this.#skipTo(memtable, listId, next);
      }
    });
    this.#checksum = segment.checksum;
    this.#end = segment.endPosition;
    this.#lastPosition = header.lastPosition;
    this.#lastCreatedAtUs = header.lastCreatedAtUs;
  }

  /** Enters what can be read of a segment in a memtable. */
  #enterAll(
    segment: Segment,
    enter: (memtable: Memtable, source: SegmentFile) => void,
  ): void {
    const { index, files } = this.#options;
    const memtable = index.addUnsealed(segment);
    try {
      enter(memtable, new SegmentFile(files.open(segment.path), segment));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#lost(`segment ${segment.number}: ${reason}`);
    }
  }

  #lostAt(segment: Segment, { fault, offset }: WalkFault): void {
    this.#lost(`${fault} in segment ${segment.number} at offset ${offset}`);
  }

  /** A look at the end of a segment of which the index file says all else. */
  #checkEnd(segment: Segment): void {
    const { reader } = this.#options;
    let last: number | undefined;
    try {
      last = reader.positionBefore(segment, segment.endPosition);
    } catch {
      // Said below.
    }
    if (segment.scavenged !== undefined) {
      const { lastPosition, lastCreatedAtUs } = segment.scavenged.header;
      this.#lastPosition = lastPosition;
      this.#lastCreatedAtUs = lastCreatedAtUs;
    } else if (last !== undefined) this.#lastPosition = last;
    else this.#lost(`segment ${segment.number} is damaged at its end`);
  }

  #scan(segment: Segment, next: SegmentHeader | undefined): void {
    let validEnd = segment.startPosition;
    this.#enterAll(segment, (memtable, source) => {
      const fileEnd = positionOf(segment, source.file.size());
      segment.endPosition = Math.min(fileEnd, next?.startPosition ?? Infinity);
      const walk = source.walk({ isKept: true });
      let batch: LogRecord[] = [];
      for (const step of walk) {
        if (step instanceof LogRecord) batch.push(step);
        else {
          const isCommitted = next !== undefined ||
            step.position < this.#committedEnd || step.next() !== undefined;
          // The end of a last write that nobody was told of is no damage.
          if (!isCommitted) break;
          this.#lostAt(segment, step);
        }
        const isOver = step instanceof WalkFault || walk.isAtBatchEnd;
        if (!isOver) continue;
        for (const record of batch) {
          this.#enter(memtable, segment, record);
          validEnd = record.logPosition + record.lengthBytes;
        }
        batch = [];
      }
    });
    const isShort = next !== undefined && validEnd < next.startPosition;
    if (isShort) {
      this.#lost(`segment ${segment.number} is not whole`);
    }
    segment.endPosition = next?.startPosition ?? validEnd;
    segment.checksum = next?.previousChecksum ?? this.#checksum;
    this.#checksum = segment.checksum;
    this.#end = segment.endPosition;
  }

  #enter(memtable: Memtable, segment: Segment, record: LogRecord): void {
    const { index: { lists } } = this.#options;
    const streamId = lists.findOrCreate("stream", record.streamName);
    const isTombstone = (record.flags & FLAG_TOMBSTONE) !== 0;
    const offset = offsetOf(segment, record.logPosition);
    memtable.addRecord(offset, record.createdAtUs);
    memtable.ids.addLater(record.hashId(lists.hashes[streamId] ?? 0), offset);
    this.#membership.find(lists, streamId, record);
    const { categoryList, typeList, streamsList, categoryStreamsList } =
      this.#membership;
    const enterInList = (listId: number, ordinal: number): void => {
      const next = lists.decidedNext[listId] ?? 0;
      if (listId === NO_LIST) return;
      if (!isPlaceable(ordinal, next, next === 0 && this.#mayBeLate(listId))) {
        if (ordinal !== NO_ORDINAL) this.#contradictions.add(record);
        return;
      }
      this.#skipTo(memtable, listId, ordinal);
      memtable.addToList(listId, offset);
      lists.decidedNext[listId] = ordinal + 1;
      lists.visibleNext[listId] = ordinal + 1;
    };
    enterInList(isTombstone ? NO_LIST : streamId, record.eventNumber);
    enterInList(categoryList, record.categoryOrdinal);
    enterInList(typeList, record.typeOrdinal);
    enterInList(streamsList, record.streamsOrdinal);
    enterInList(categoryStreamsList, record.categoryStreamsOrdinal);
    if (isTombstone) {
      memtable.tombstoned.push(streamId);
      lists.decidedFlags[streamId] = LIST_TOMBSTONED;
      lists.visibleFlags[streamId] = LIST_TOMBSTONED;
    }
    this.#checksum = record.headerCrc;
    this.#lastPosition = record.logPosition;
    this.#lastCreatedAtUs = record.createdAtUs;
  }

  /** Whether it is a stream that was imported, which may begin with any number. */
  #mayBeLate(listId: number): boolean {
    return this.#options.index.lists.kindOf(listId) === "stream" &&
      !this.#isLossy;
  }

  /**
   * Makes an ordinal the list's next one. Those before it were lost; or they
   * are gone on purpose, if that is all that can have happened.
   */
  #skipTo(memtable: Memtable, listId: number, ordinal: number): void {
    const { index: { lists } } = this.#options;
    const isGone = this.#isScavenged && !this.#isLossy;
    const offset = isGone ? GONE_OFFSET : HOLE_OFFSET;
    const next = lists.decidedNext[listId] ?? 0;
    const isLate = next === 0 && this.#mayBeLate(listId);
    for (let skipped = isLate ? ordinal : next; skipped < ordinal; skipped++) {
      memtable.addToList(listId, offset);
    }
    lists.decidedNext[listId] = Math.max(next, ordinal);
    lists.visibleNext[listId] = Math.max(next, ordinal);
  }
}

/** No record stands in the header: to read such an entry is an error. */
const HOLE_OFFSET = 0;

/** After so many, more would tell nothing new. */
const DAMAGES_LOGGED_MAX = 20;

/** Loads what is whole of a store that is to be read alone. */
export async function salvage(
  platform: StorePlatform,
  directory: string,
  loading: LoadOptions,
): Promise<{ log: SalvagedLog; active: undefined; failure: QuipuError }> {
  const { logger } = loading;
  const commit = await readCommitRecord(platform, directory);
  const log = await salvageLog(loading, commit?.end ?? 0);
  const { damages } = log;
  for (const what of damages.slice(0, DAMAGES_LOGGED_MAX)) {
    logger.error("store.damaged", { what });
  }
  const failure = new QuipuError(
    "storeReadOnly",
    "Cannot append: the store was opened with --read-only" +
      (damages.length === 0
        ? ""
        : ` and is damaged; of ${damages.length} findings the first: ` +
          damages[0]),
  );
  return { log, active: undefined, failure };
}

/** A segment's file that is to be read as far as it is whole. */
interface Candidate {
  readonly number: number;
  readonly generation: number;
  readonly path: string;
  /** Undefined when it is damaged: the segment before says where it starts. */
  readonly header: SegmentHeader | undefined;
}

/** Who is told what is wrong, in words. */
interface DamageListener {
  /** Something is damaged that costs no records by itself. */
  damaged(what: string): void;
  /** Records are lost, or may be. */
  lost(what: string): void;
}

/** Files that hold, or may hold, segments of one store, oldest first. */
async function findCandidates(
  options: LoadOptions,
  listener: DamageListener,
): Promise<{
  readonly candidates: readonly Candidate[];
  /** As the oldest whole header says it. */
  readonly storeId: string | undefined;
}> {
  const { disk, logDirectory } = options;
  const { generations } = await listGenerations(disk, logDirectory, {
    removesTemporary: false,
  });
  const candidates: Candidate[] = [];
  let storeId: string | undefined;
  let start = 0;
  for (let number = 0; number < generations.length; number++) {
    const candidate = candidateOf(options, number, generations[number] ?? []);
    const isLast = number === generations.length - 1;
    if (candidate === undefined) {
      // A last one without a header may never have been begun.
      if (!isLast) listener.lost(`segment ${number} is missing`);
      continue;
    }
    const { header } = candidate;
    storeId ??= header?.storeId;
    const fits = header === undefined ||
      (header.storeId === storeId && header.startPosition >= start);
    if (header === undefined) {
      listener.damaged(`the header of segment ${number} is damaged`);
    } else if (fits) start = header.startPosition;
    else listener.lost(`segment ${number} is not of this store`);
    if (fits) candidates.push(candidate);
  }
  return { candidates, storeId };
}

function candidateOf(
  { files, logDirectory }: LoadOptions,
  number: number,
  generations: readonly number[],
): Candidate | undefined {
  let damaged: Candidate | undefined;
  for (const generation of generations) {
    const path = segmentPath(logDirectory, { number, generation }, "seg");
    try {
      const header = readHeader(files, path);
      const isWhole = typeof header !== "string" &&
        header.number === number && header.generation === generation &&
        isComplete(files, path, header);
      if (isWhole) return { number, generation, path, header };
      const mayHaveRecords = typeof header === "string" &&
        files.open(path).size() > SEGMENT_HEADER_BYTES;
      if (mayHaveRecords) {
        damaged ??= { number, generation, path, header: undefined };
      }
    } catch {
      // A device that cannot read it: as good as missing.
    }
  }
  return damaged;
}
