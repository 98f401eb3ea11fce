/**
 * Opens the segments of a store, oldest first, and builds the index from their
 * index files; segments without one are scanned.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import type { Disk } from "../disk/disk.ts";
import { readExactly } from "../disk/disk.ts";
import type { HeadsSnapshot } from "../index/heads_snapshot.ts";
import { hashEventId, hashName } from "../index/id_table.ts";
import { LIST_TOMBSTONED, NO_LIST } from "../index/list_directory.ts";
import { enterInLists, findMembership } from "../index/membership.ts";
import type { Memtable } from "../index/memtable.ts";
import type { StoreIndex } from "../index/store_index.ts";
import {
  checkRecord,
  FLAG_TOMBSTONE,
  type LogRecord,
  RECORD_BYTES_MIN,
} from "../log/record.ts";
import type { RecordReader } from "../log/record_reader.ts";
import { bytesOf } from "../log/bytes.ts";
import {
  offsetOf,
  type OpenFiles,
  positionOf,
  type Segment,
  segmentPath,
} from "../log/segment.ts";
import {
  decodeSegmentHeader,
  parseSegmentFileName,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "../log/segment_header.ts";
import { scanSegment } from "./scan_segment.ts";
import { join } from "@std/path";

export interface LoadOptions {
  readonly disk: Disk;
  readonly logDirectory: string;
  readonly files: OpenFiles;
  readonly index: StoreIndex;
  readonly reader: RecordReader;
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
  readonly unborn: string[];
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
  const { disk, logDirectory, files, index } = options;
  const found = await listSegments(disk, logDirectory);
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
  const unborn: string[] = [];
  const heads = new Heads(index);
  for (const [at, file] of found.entries()) {
    const isLast = at === found.length - 1;
    if (file.number !== at) {
      throw damaged(`segment ${at} is missing in "${logDirectory}"`);
    }
    const path = segmentPath(logDirectory, file, "seg");
    const header = readHeader(files, path);
    if (header === "foreign") {
      throw new QuipuError(
        "foreignFormat",
        `Cannot open "${path}": it is not a segment of this program's format`,
      );
    }
    if (header === "damaged") {
      const hasRecords = files.open(path).size() > SEGMENT_HEADER_BYTES;
      if (!isLast || hasRecords) {
        throw damaged(`the header of segment ${file.number} is damaged`);
      }
      unborn.push(path);
      continue;
    }
    checkHeader(header, file, state);
    state.storeId = header.storeId;
    const segment: Segment = {
      number: file.number,
      generation: file.generation,
      startPosition: header.startPosition,
      endPosition: header.startPosition,
      checksum: state.checksum,
    };
    state.segments.push(segment);
    // Only the newest segments may be without an index file while the store
    // is open: one that lost it gets it again before the next is looked at.
    if (index.unsealedCount > 0) {
      await index.sealOldest(header.storeId, noPause);
    }
    if (!isLast && index.addSealed(segment, header.storeId)) {
      heads.take(segment);
      takeSealed(segment, state, options);
      continue;
    }
    heads.enterAll();
    scanInto(segment, path, state, options);
    if (!isLast && state.fault !== undefined) {
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
    hasRecordsBeyondDamage: state.fault !== undefined &&
      hasRecordBeyond(options, state),
  };
}

/**
 * Enters where lists end: up to the snapshot's segment from the snapshot, if
 * there is one that fits, and from the index files of all others.
 */
class Heads {
  readonly #index: StoreIndex;
  #snapshot: HeadsSnapshot | undefined;
  /** Sealed segments that are not entered yet. */
  #waiting: number[] = [];

  constructor(index: StoreIndex) {
    this.#index = index;
    this.#snapshot = index.openSnapshot();
  }

  take(segment: Segment): void {
    this.#waiting.push(segment.number);
    const snapshot = this.#snapshot;
    if (snapshot === undefined) this.enterAll();
    else if (segment.number === snapshot.segmentNumber) {
      if (snapshot.checksum === segment.checksum) this.#enterSnapshot(snapshot);
      this.enterAll();
    }
  }

  /** Enters what waits, without the snapshot. */
  enterAll(): void {
    for (const number of this.#waiting) this.#index.enterSealed(number);
    this.#waiting = [];
    this.#snapshot?.close();
    this.#snapshot = undefined;
  }

  #enterSnapshot(snapshot: HeadsSnapshot): void {
    try {
      snapshot.enter(this.#index.lists);
      this.#waiting = [];
    } catch (error) {
      // A damaged snapshot is no loss: the index files say it all again.
      if (!(error instanceof QuipuError)) throw error;
    }
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

/** Segment files, the newest generation of each number, oldest first. */
async function listSegments(
  disk: Disk,
  logDirectory: string,
): Promise<{ number: number; generation: number }[]> {
  const newest = new Map<number, number>();
  for (const name of await disk.list(logDirectory)) {
    if (name.endsWith(".tmp")) {
      await disk.remove(join(logDirectory, name));
      continue;
    }
    const parsed = parseSegmentFileName(name);
    if (parsed?.extension !== "seg") continue;
    const known = newest.get(parsed.number) ?? 0;
    newest.set(parsed.number, Math.max(known, parsed.generation));
  }
  return [...newest]
    .map(([number, generation]) => ({ number, generation }))
    .sort((one, other) => one.number - other.number);
}

function readHeader(
  files: OpenFiles,
  path: string,
): SegmentHeader | "foreign" | "damaged" {
  return decodeSegmentHeader(
    readExactly(files.open(path), 0, SEGMENT_HEADER_BYTES),
  );
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

/** Goes on after a segment whose index file says where it ends. */
function takeSealed(
  segment: Segment,
  state: LoadState,
  options: LoadOptions,
): void {
  const { files, logDirectory, reader } = options;
  const path = segmentPath(logDirectory, segment, "seg");
  const sizeBytes = files.open(path).size();
  const last = reader.positionBefore(segment, segment.endPosition);
  if (
    sizeBytes !== offsetOf(segment, segment.endPosition) || last === undefined
  ) {
    throw damaged(
      `segment ${segment.number} ends at offset ${sizeBytes} instead of ` +
        `${offsetOf(segment, segment.endPosition)}`,
    );
  }
  const record = reader.read(segment, last, { withBodies: true });
  if (record.headerCrc !== segment.checksum) {
    throw damaged(`segment ${segment.number} is not what its index is of`);
  }
  state.validEnd = segment.endPosition;
  state.fileEnd = segment.endPosition;
  state.checksum = segment.checksum;
  state.lastPosition = last;
  state.lastCreatedAtUs = record.createdAtUs;
}

/** For a guess at how many records a file holds. */
const TYPICAL_RECORD_BYTES = 300;

/** Reads a segment without an index file into a memtable. */
function scanInto(
  segment: Segment,
  path: string,
  state: LoadState,
  options: LoadOptions,
): void {
  const { files, index } = options;
  const file = files.open(path);
  const memtable = index.addUnsealed(segment);
  memtable.ids.reserve(Math.ceil(file.size() / TYPICAL_RECORD_BYTES));
  segment.endPosition = positionOf(segment, file.size());
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
  memtable.ids.add(hashOfRecord(record, streamName), offset);
  enterInLists(
    lists,
    memtable,
    {
      streamId: isTombstone ? NO_LIST : streamId,
      membership: findMembership(lists, streamId, record),
      offset,
    },
    (listId, nextOrdinal) => lists.visibleNext[listId] = nextOrdinal,
  );
  if (isTombstone) {
    memtable.tombstoned.push(streamId);
    lists.decidedFlags[streamId] = LIST_TOMBSTONED;
    lists.visibleFlags[streamId] = LIST_TOMBSTONED;
  }
}

function hashOfRecord(record: LogRecord, streamName: string): number {
  return hashEventId(
    hashName(streamName),
    record.idWord(0),
    record.idWord(1),
    record.idWord(2),
    record.idWord(3),
  );
}

/** While the store opens there is nobody to pause for. */
function noPause(): Promise<void> {
  return Promise.resolve();
}

const SEARCH_CHUNK_BYTES = 1024 * 1024;

/**
 * Whether a whole record stands somewhere after the first damage: then it is
 * no torn end of the last write.
 */
function hasRecordBeyond(options: LoadOptions, state: LoadState): boolean {
  const segment = state.segments[state.segments.length - 1];
  if (segment === undefined) return false;
  const path = segmentPath(options.logDirectory, segment, "seg");
  const file = options.files.open(path);
  const sizeBytes = file.size();
  let offset = offsetOf(segment, state.faultPosition) + 1;
  while (sizeBytes - offset >= RECORD_BYTES_MIN) {
    const length = Math.min(SEARCH_CHUNK_BYTES, sizeBytes - offset);
    const array = readExactly(file, offset, length);
    if (array === undefined) return false;
    const bytes = bytesOf(array);
    for (let at = 0; at + RECORD_BYTES_MIN <= length; at++) {
      const position = positionOf(segment, offset + at);
      const fault = checkRecord(bytes, at, {
        available: length - at,
        position,
        withBody: false,
      });
      if (fault === undefined) return true;
    }
    offset += length - RECORD_BYTES_MIN + 1;
  }
  return false;
}

function damaged(what: string): QuipuError {
  return new QuipuError("damaged", `Cannot open the store: ${what}`);
}
