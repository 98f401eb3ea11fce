/**
 * Opens the segments of a store, oldest first, and builds the index from their
 * index files; segments without one are scanned.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import type { Logger } from "../../lib/model/logger.ts";
import type { Disk } from "../disk/disk.ts";
import { LIST_TOMBSTONED, NO_LIST } from "../index/list_directory.ts";
import { Membership } from "../index/membership.ts";
import type { Memtable } from "../index/memtable.ts";
import type { StoreIndex } from "../index/store_index.ts";
import type { LogRecord } from "../log/log_record.ts";
import { FLAG_TOMBSTONE } from "../log/record.ts";
import type { RecordReader } from "../log/record_reader.ts";
import {
  offsetOf,
  type OpenFiles,
  positionOf,
  type Segment,
} from "../log/segment.ts";
import type { SegmentHeader } from "../log/segment_header.ts";
import { findSegments } from "./find_segments.ts";
import { Heads } from "./heads.ts";
import { scanSegment } from "./scan_segment.ts";
import { hasRecordBeyond } from "./search_records.ts";

export interface LoadOptions {
  readonly disk: Disk;
  readonly logDirectory: string;
  readonly files: OpenFiles;
  readonly index: StoreIndex;
  readonly reader: RecordReader;
  readonly logger: Logger;
  /** Whether the snapshot of the heads may spare a look at index files. */
  readonly trustsHeads: boolean;
}

/** What was found in the log. */
export interface LoadedLog {
  readonly segments: Segment[];
  readonly storeId: string | undefined;
  readonly validEnd: number;
  readonly checksum: number;
  readonly lastPosition: number;
  readonly lastCreatedAtUs: number;
  readonly fileEnd: number;
  readonly hasRecordsBeyondDamage: boolean;
  /** Files of segments that were never completely created. */
  readonly unborn: readonly string[];
  /** Files of segments that were given up before anything stood in them. */
  readonly stale: readonly string[];
  /** What is wrong at the end of the log; undefined when nothing is. */
  readonly fault: string | undefined;
}

/**
 * Loads the log.
 *
 * @throws {QuipuError} `damaged` or `foreignFormat` when a segment other than
 * the last one is missing, damaged or not of this store.
 */
export async function loadLog(options: LoadOptions): Promise<LoadedLog> {
  const { index } = options;
  const { found, unborn, stale } = await findSegments(options);
  const state: LoadState = {
    segments: [],
    storeId: undefined,
    validEnd: 0,
    checksum: 0,
    lastPosition: -1,
    lastCreatedAtUs: 0,
    fileEnd: 0,
    fault: undefined,
    faultPosition: 0,
  };
  const heads = new Heads(index, options.trustsHeads);
  for (const [at, file] of found.entries()) {
    const next = found[at + 1]?.header;
    const { header, path } = file;
    checkHeader(header, file, state);
    state.storeId = header.storeId;
    const segment: Segment = {
      number: file.number,
      generation: file.generation,
      path,
      startPosition: header.startPosition,
      endPosition: header.startPosition,
      checksum: state.checksum,
    };
    state.segments.push(segment);
    await sealWaiting(options, header.storeId);
    // Index files cannot stand behind segments that have none.
    const maySeal = next !== undefined && index.unsealedCount === 0;
    if (maySeal && index.addSealed(segment, header.storeId)) {
      // Where the snapshot does not say it all, the index file is read anyway.
      const isFit = (heads.covers(segment) || index.isWhole(segment)) &&
        takeSealed(segment, { state, next, options });
      if (isFit) {
        heads.take(segment);
        continue;
      }
      index.dropSealed(segment);
    }
    heads.enterAll();
    scanInto(segment, { state, next, options });
    if (next !== undefined && state.fault !== undefined) {
      throw damaged(
        `${state.fault} in segment ${segment.number} at offset ` +
          `${offsetOf(segment, state.faultPosition)}`,
      );
    }
  }
  heads.enterAll();
  return {
    ...state,
    unborn,
    stale,
    hasRecordsBeyondDamage: hasRecordAfterFault(options, state),
  };
}

/**
 * Only the newest segments may be without an index file while the store is
 * open: one that lost it gets it again before the next is looked at. Where it
 * cannot be written, it and all later ones are served from memory.
 */
async function sealWaiting(
  { index, logger }: LoadOptions,
  storeId: string,
): Promise<void> {
  if (index.unsealedCount !== 1) return;
  try {
    await index.sealOldest(storeId, noPause);
  } catch (error) {
    if (error instanceof QuipuError) throw error;
    logger.error("segment.seal_failed", {
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}

interface LoadState {
  readonly segments: Segment[];
  storeId: string | undefined;
  validEnd: number;
  checksum: number;
  lastPosition: number;
  lastCreatedAtUs: number;
  fileEnd: number;
  fault: string | undefined;
  faultPosition: number;
}

/** A segment must say that it comes right after the one before it. */
function checkHeader(
  header: SegmentHeader,
  file: { number: number; generation: number },
  state: LoadState,
): void {
  const { number, generation } = file;
  if (state.storeId !== undefined && header.storeId !== state.storeId) {
    throw new QuipuError(
      "foreignFormat",
      `Cannot open segment ${number}: it belongs to another store ` +
        `(${header.storeId} instead of ${state.storeId})`,
    );
  }
  if (header.number !== number || header.generation !== generation) {
    throw damaged(`segment ${number} is in the place of ${header.number}`);
  }
  if (
    header.startPosition !== state.validEnd ||
    header.previousChecksum !== state.checksum
  ) {
    throw damaged(
      `segment ${number} does not continue the one before it: it starts at ` +
        `${header.startPosition}, the log ends at ${state.validEnd}`,
    );
  }
}

/** A segment on its way into the index. */
interface SegmentPart {
  readonly state: LoadState;
  /** Header of the segment after it: where it starts, this one ends. */
  readonly next: SegmentHeader | undefined;
  readonly options: LoadOptions;
}

/**
 * Goes on after a segment whose index file says where it ends.
 *
 * @returns False when the two do not fit: the log decides, so the segment is
 * to be scanned.
 */
function takeSealed(segment: Segment, part: SegmentPart): boolean {
  const { state, next, options: { files, reader } } = part;
  const { endPosition } = segment;
  // What stands behind the end was written in vain: see `write/writer.ts`.
  const isThere = files.open(segment.path).size() >=
    offsetOf(segment, endPosition);
  const fits = isThere && endPosition === next?.startPosition &&
    segment.checksum === next.previousChecksum;
  const last = fits ? reader.positionBefore(segment, endPosition) : undefined;
  if (last === undefined) return false;
  const record = reader.read(segment, last, { withBodies: false });
  if (record.headerCrc !== segment.checksum) return false;
  state.validEnd = segment.endPosition;
  state.fileEnd = segment.endPosition;
  state.checksum = segment.checksum;
  state.lastPosition = last;
  state.lastCreatedAtUs = record.createdAtUs;
  return true;
}

/** For a guess at how many records a file holds. */
const TYPICAL_RECORD_BYTES = 300;

/** Reads a segment without an index file into a memtable. */
function scanInto(segment: Segment, part: SegmentPart): void {
  const { state, next, options: { files, index } } = part;
  const file = files.open(segment.path);
  const memtable = index.addUnsealed(segment);
  memtable.ids.reserve(Math.ceil(file.size() / TYPICAL_RECORD_BYTES));
  segment.endPosition = Math.min(
    positionOf(segment, file.size()),
    next?.startPosition ?? Infinity,
  );
  state.fileEnd = segment.endPosition;
  const result = scanSegment(file, segment, state, (records) => {
    for (const record of records) {
      enterRecord(index, memtable, segment, record);
    }
  });
  segment.endPosition = result.validEnd;
  segment.checksum = result.checksum;
  state.validEnd = result.validEnd;
  state.checksum = result.checksum;
  state.lastPosition = result.lastPosition;
  state.lastCreatedAtUs = result.lastCreatedAtUs;
  state.fault = result.fault;
  state.faultPosition = result.faultPosition;
}

/** Lists of the record that is entered. */
const MEMBERSHIP = new Membership();

/** Enters a committed record as the writer did when it was written. */
function enterRecord(
  index: StoreIndex,
  memtable: Memtable,
  segment: Segment,
  record: LogRecord,
): void {
  const { lists } = index;
  const { streamName, eventNumber, logPosition } = record;
  const streamId = lists.findOrCreate("stream", streamName);
  const isTombstone = (record.flags & FLAG_TOMBSTONE) !== 0;
  if (!isTombstone && eventNumber !== lists.decidedNext[streamId]) {
    throw damaged(
      `the record at position ${logPosition} has number ${eventNumber}, ` +
        `the stream is at ${lists.decidedNext[streamId]}`,
    );
  }
  const offset = offsetOf(segment, logPosition);
  memtable.addRecord(offset, record.createdAtUs);
  memtable.ids.addLater(record.hashId(lists.hashes[streamId] ?? 0), offset);
  MEMBERSHIP.find(lists, streamId, record);
  MEMBERSHIP.enter(
    lists,
    memtable,
    { streamId: isTombstone ? NO_LIST : streamId, offset },
    {
      entered(listId, nextOrdinal) {
        lists.visibleNext[listId] = nextOrdinal;
      },
    },
  );
  if (isTombstone) {
    memtable.tombstoned.push(streamId);
    lists.decidedFlags[streamId] = LIST_TOMBSTONED;
    lists.visibleFlags[streamId] = LIST_TOMBSTONED;
  }
}

/** Whether a whole record stands after the damage that ends the log. */
function hasRecordAfterFault(options: LoadOptions, state: LoadState): boolean {
  const segment = state.segments[state.segments.length - 1];
  if (segment === undefined || state.fault === undefined) return false;
  const { path } = segment;
  return hasRecordBeyond(
    options.files.open(path),
    segment,
    state.faultPosition,
  );
}

/** While the store opens there is nobody to pause for. */
function noPause(): Promise<void> {
  return Promise.resolve();
}

function damaged(what: string): QuipuError {
  return new QuipuError("damaged", `Cannot open the store: ${what}`);
}
