/**
 * Opens the segments of a store, oldest first, and builds the index from their
 * index files; segments without one are scanned.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import type { Logger } from "../../lib/model/logger.ts";
import type { JobControl } from "../../lib/store/maintenance.ts";
import type { Disk } from "../disk/disk.ts";
import type { ActiveEnd } from "../index/heads_snapshot.ts";
import type { Memtable } from "../index/memtable.ts";
import type { StoreIndex } from "../index/store_index.ts";
import type { LogRecord } from "../log/log_record.ts";
import { FLAG_BATCH_END } from "../log/record.ts";
import type { RecordReader } from "../log/record_reader.ts";
import { isPreallocated } from "../log/record.ts";
import {
  offsetOf,
  type OpenFiles,
  positionOf,
  type Segment,
} from "../log/segment.ts";
import { SegmentFile } from "../log/segment_file.ts";
import type { SegmentHeader } from "../log/segment_header.ts";
import { enterRecord } from "./enter_record.ts";
import { findSegments, scavengedOf } from "../log/find_segments.ts";
import { Heads } from "./heads.ts";
import { loadScavenged } from "./load_scavenged.ts";
import { scanSegment } from "../log/scan_segment.ts";
import { Contradictions } from "./contradictions.ts";

export interface LoadOptions {
  readonly disk: Disk;
  readonly logDirectory: string;
  readonly files: OpenFiles;
  readonly index: StoreIndex;
  readonly reader: RecordReader;
  readonly logger: Logger;
  /** Whether the snapshot of the heads may spare a look at index files. */
  readonly trustsHeads: boolean;
  /** Who waits for it, if anybody does: asked before each segment. */
  readonly opening?: JobControl | undefined;
}

/** The state of the log that was found. */
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
  /** Files that scavenging left. */
  readonly superseded: readonly string[];
  /** The fault at the end of the log; undefined when there is none. */
  readonly fault: string | undefined;
  /** Records that are whole, and contradict those before them. */
  readonly contradictions: Contradictions;
}

const OPENING_PHASE = "opening the store and making its indexes";

/**
 * Loads the log.
 *
 * @throws {QuipuError} `damaged` or `foreignFormat` when a segment other than
 * the last one is missing, damaged or not of this store.
 */
export async function loadLog(options: LoadOptions): Promise<LoadedLog> {
  const { index, opening } = options;
  const { found, unborn, stale, superseded } = await findSegments(options);
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
    isFollowed: () => false,
    isScavenged: false,
    contradictions: new Contradictions(),
  };
  using heads = new Heads(index, options.trustsHeads);
  for (const [at, file] of found.entries()) {
    const next = found[at + 1]?.header;
    const { header, path } = file;
    opening?.report({
      phase: OPENING_PHASE,
      done: at,
      total: found.length,
      unit: "segments",
    });
    await opening?.pause?.();
    opening?.signal.throwIfAborted();
    checkHeader(header, file, state);
    state.storeId = header.storeId;
    const segment: Segment = {
      number: file.number,
      generation: file.generation,
      path,
      startPosition: header.startPosition,
      endPosition: header.startPosition,
      checksum: state.checksum,
      ...scavengedOf(header),
    };
    state.segments.push(segment);
    await sealWaiting(options, header.storeId);
    if (segment.scavenged !== undefined) {
      await loadScavenged(segment, segment.scavenged, {
        ...options,
        heads,
        state,
      });
      continue;
    }
    // Index files cannot stand behind segments that have none.
    const maySeal = next !== undefined && index.unsealedCount === 0;
    if (maySeal && index.addSealed(segment, header.storeId)) {
      // Where the snapshot does not say it all, the index file is read anyway.
      const isFit = (heads.covers(segment) || index.isWhole(segment)) &&
        takeSealed(segment, { state, next, options });
      if (isFit) {
        heads.take(segment, header.storeId);
        continue;
      }
      index.dropSealed(segment);
    }
    const part = { state, next, options };
    scanInto(segment, part, resume(segment, heads, part));
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
    superseded,
    // With the last segment the log ends; nobody stopped before.
    hasRecordsBeyondDamage: state.fault !== undefined && state.isFollowed(),
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
  /** Whether a whole record stands after the damage that ends the log. */
  isFollowed: () => boolean;
  /** Whether a segment was scavenged so far: numbers may be missing. */
  isScavenged: boolean;
  readonly contradictions: Contradictions;
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
  // Bytes after the end were never committed: see `write/writer.ts`.
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

/** Where the file of a segment without an index file ends, as far as it counts. */
function fileEndOf(segment: Segment, part: SegmentPart): number {
  const { next, options: { files } } = part;
  return Math.min(
    positionOf(segment, files.open(segment.path).size()),
    next?.startPosition ?? Infinity,
  );
}

/**
 * Takes up the segment where a clean stop left it, if the log agrees with what
 * was written down then: the record that stands at that end is the last of all
 * before it, whose header CRCs it is chained to. What is read of them later is
 * checked then.
 *
 * @returns What the segment holds up to there; undefined when it is to be
 * scanned from its start.
 */
function resume(
  segment: Segment,
  heads: Heads,
  part: SegmentPart,
): Memtable | undefined {
  const { state, options: { reader } } = part;
  const end = heads.endOf(segment, state.storeId ?? "");
  const memtable = end !== undefined && isLeftAt(segment, end, part)
    ? heads.takeActive()
    : undefined;
  if (end === undefined || memtable === undefined) {
    heads.enterAll();
    return undefined;
  }
  segment.endPosition = end.endPosition;
  state.validEnd = end.endPosition;
  state.checksum = end.checksum;
  state.lastPosition = end.lastPosition;
  state.lastCreatedAtUs = end.lastCreatedAtUs;
  return memtable;

  function isLeftAt(
    segment: Segment,
    { endPosition, lastPosition, lastCreatedAtUs, checksum }: ActiveEnd,
    part: SegmentPart,
  ): boolean {
    segment.endPosition = fileEndOf(segment, part);
    if (endPosition > segment.endPosition) return false;
    try {
      if (reader.positionBefore(segment, endPosition) !== lastPosition) {
        return false;
      }
      const last = reader.read(segment, lastPosition, { withBodies: true });
      return last.headerCrc === checksum &&
        last.createdAtUs === lastCreatedAtUs &&
        (last.flags & FLAG_BATCH_END) !== 0;
    } catch {
      // A scan will say what is wrong.
      return false;
    }
  }
}

/**
 * Reads a segment without an index file into a memtable.
 *
 * @param held What it holds up to the end of the log that the state says;
 * undefined: nothing is known yet.
 */
function scanInto(
  segment: Segment,
  part: SegmentPart,
  held: Memtable | undefined,
): void {
  const { state, options: { files, index } } = part;
  const file = files.open(segment.path);
  const memtable = index.addUnsealed(segment, held);
  const position = held === undefined
    ? segment.startPosition
    : segment.endPosition;
  segment.endPosition = fileEndOf(segment, part);
  memtable.ids.reserve(
    memtable.recordCount +
      Math.ceil((segment.endPosition - position) / TYPICAL_RECORD_BYTES),
  );
  const fileEnd = segment.endPosition;
  const start = { ...state, position };
  const source = new SegmentFile(file, segment);
  const { contradictions, isScavenged } = state;
  const enterBatch = (records: readonly LogRecord[]) => {
    for (const record of records) {
      const to = { index, memtable, segment, isScavenged };
      if (enterRecord(record, to)) contradictions.add(record);
    }
  };
  const result = scanSegment(
    source,
    start,
    enterBatch,
    (record) => contradictions.add(record),
  );
  segment.endPosition = result.validEnd;
  segment.checksum = result.checksum;
  state.validEnd = result.validEnd;
  state.checksum = result.checksum;
  state.lastPosition = result.lastPosition;
  state.lastCreatedAtUs = result.lastCreatedAtUs;
  // Preallocation is no part of the log, and no damage.
  const endsInRoom = part.next === undefined &&
    result.faultPosition === result.validEnd &&
    isPreallocated(file, offsetOf(segment, result.validEnd));
  state.fileEnd = endsInRoom ? result.validEnd : fileEnd;
  state.fault = endsInRoom ? undefined : result.fault;
  state.faultPosition = result.faultPosition;
  state.isFollowed = result.isFollowed;
}

/** While the store opens there is nobody to pause for. */
function noPause(): Promise<void> {
  return Promise.resolve();
}

function damaged(what: string): QuipuError {
  return new QuipuError("damaged", `Cannot open the store: ${what}`);
}
