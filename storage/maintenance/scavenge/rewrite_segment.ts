/**
 * Writes a sealed segment anew without what is hidden, and its index file,
 * beside the old ones. Nothing is replaced yet: as long as the new segment has
 * a temporary name, nobody looks at it.
 *
 * @module
 */

import { QuipuError } from "../../../lib/model/errors.ts";
import type { JobControl } from "../../../lib/store/maintenance.ts";
import type { Disk, DiskFile } from "../../disk/disk.ts";
import { readExactly } from "../../disk/disk.ts";
import { writeIndexOfEntries } from "../../index/rebuild_index.ts";
import { LIST_KINDS } from "../../index/list_directory.ts";
import type { RemainingEntries } from "../../index/remaining_entries.ts";
import type { StoreIndex } from "../../index/store_index.ts";
import type { LogRecord } from "../../log/log_record.ts";
import { FLAG_TOMBSTONE } from "../../log/record.ts";
import type { RecordReader } from "../../log/record_reader.ts";
import {
  SCAVENGED_HEADER_BYTES,
  ScavengedSegment,
} from "../../log/scavenged_segment.ts";
import { type Segment, segmentPath } from "../../log/segment.ts";
import { SegmentFile, WalkFault } from "../../log/segment_file.ts";
import {
  decodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "../../log/segment_header.ts";
import type { ListSet } from "./list_set.ts";
import { ScavengedWriter } from "../../log/scavenged_writer.ts";
import type { Retention } from "./retention.ts";
import type { RewriteMemory } from "./rewrite_memory.ts";

/** Records that are looked at between two pauses. */
const RECORDS_PER_PAUSE = 20;
/** Ends of lists that are looked at between two pauses. */
const ENDS_PER_PAUSE = 1024;

interface RewriteOptions {
  readonly disk: Disk;
  readonly logDirectory: string;
  readonly index: StoreIndex;
  readonly reader: Pick<RecordReader, "corrupt">;
  readonly storeId: string;
  readonly retention: Retention;
  /** The result of the segment before is overwritten. */
  readonly memory: RewriteMemory;
  readonly nowUs: number;
  readonly control: JobControl;
  readonly pause: () => Promise<void>;
  /** Called with the bytes of the segment that were looked at. */
  readonly onRead: (byteCount: number) => void;
  /** Called before bytes are written; throws when there is no room for them. */
  readonly onWrite: (byteCount: number) => void;
}

/** A segment that was written anew. */
export interface Rewritten {
  /** As it will be: its file still has the temporary name. */
  readonly segment: Segment;
  readonly temporaryPath: string;
  readonly removedCount: number;
  /** Streams that lost events. */
  readonly streams: Pick<ListSet, "has">;
}

/**
 * Writes the segment's next generation.
 *
 * @returns Undefined when nothing of it can go.
 * @throws {QuipuError} `corruptRecord` when the segment is damaged; `storeFull`
 * as `onWrite` does; else whatever the disk says. No file is left then.
 */
export async function rewriteSegment(
  segment: Segment,
  options: RewriteOptions,
): Promise<Rewritten | undefined> {
  const { disk, logDirectory } = options;
  const next = { number: segment.number, generation: segment.generation + 1 };
  const path = segmentPath(logDirectory, next, "seg");
  const temporaryPath = path + ".tmp";
  const indexPath = segmentPath(logDirectory, next, "idx");
  let isKept = false;
  await disk.remove(temporaryPath).catch(() => {});
  const source = disk.open(segment.path, "read");
  try {
    const target = await disk.create(temporaryPath);
    try {
      const written = await copyKeptRecords(segment, {
        source,
        target,
        options,
      });
      if (written === undefined) return undefined;
      const { scavenged, entries, removedCount, streams } = written;
      const rewritten: Segment = { ...segment, ...next, path, scavenged };
      await writeIndexOfEntries(rewritten, entries, options);
      isKept = true;
      return { segment: rewritten, temporaryPath, removedCount, streams };
    } finally {
      target.close();
      if (!isKept) {
        await removeQuietly(disk, [
          temporaryPath,
          `${indexPath}.tmp`,
          indexPath,
        ]);
      }
    }
  } finally {
    source.close();
  }
}

/** Removes files that may not be there, or may stay if they must. */
export async function removeQuietly(
  disk: Disk,
  paths: readonly string[],
): Promise<void> {
  for (const path of paths) await disk.remove(path).catch(() => {});
}

interface Copied {
  readonly scavenged: ScavengedSegment;
  readonly entries: RemainingEntries;
  readonly removedCount: number;
  readonly streams: Pick<ListSet, "has">;
}

async function copyKeptRecords(
  segment: Segment,
  { source, target, options }: {
    readonly source: DiskFile;
    readonly target: DiskFile;
    readonly options: RewriteOptions;
  },
): Promise<Copied | undefined> {
  const { index, retention, memory, control, pause, onRead } = options;
  const { lists } = index;
  const file = new SegmentFile(source, segment);
  const header = readHeader(source, segment);
  const recordCount = index.sealed.indexOf(segment)?.footer.recordCount ?? 0;
  const entries = memory.begin(segment, recordCount);
  const { ends, streams } = memory;
  const writer = new ScavengedWriter(target, segment, options);
  let removedCount = 0;
  let lastPosition = -1;
  let lastCreatedAtUs = 0;
  for (const record of recordsOf(file, options.reader)) {
    lastPosition = record.logPosition;
    lastCreatedAtUs = record.createdAtUs;
    const streamId = lists.findOrCreate("stream", record.streamName);
    const isTombstone = (record.flags & FLAG_TOMBSTONE) !== 0;
    const isHidden = !isTombstone &&
      retention.hides(streamId, record.eventNumber, lastCreatedAtUs);
    if (isHidden) {
      removedCount++;
      streams.add(streamId);
      ends.addRemoved(streamId, record);
    } else {
      entries.enter(record);
      writer.add(record);
      if (writer.isFull) await writer.flush();
    }
    onRead(record.lengthBytes);
    if ((removedCount + writer.recordCount) % RECORDS_PER_PAUSE !== 0) continue;
    control.signal.throwIfAborted();
    await pause();
  }
  if (removedCount === 0) return undefined;
  const before = segment.scavenged?.header;
  if (before !== undefined) {
    const known = file.ends();
    if (known === undefined) throw unreadable(segment, "where lists end");
    let count = 0;
    for (const { kind, name, next } of known) {
      const listId = lists.findOrCreate(LIST_KINDS[kind] ?? "stream", name);
      ends.addKnown(listId, next);
      if (++count % ENDS_PER_PAUSE === 0) await pause();
    }
  }
  const scavenged = await writer.finish(
    { ...header, generation: segment.generation + 1 },
    ends.all(),
    {
      lastPosition: before?.lastPosition ?? lastPosition,
      lastCreatedAtUs: before?.lastCreatedAtUs ?? lastCreatedAtUs,
      scavengedAtUs: options.nowUs,
    },
  );
  return {
    scavenged: new ScavengedSegment(scavenged),
    entries,
    removedCount,
    streams,
  };
}

/**
 * All records of a segment, each checked, and that none is missing. A record
 * holds until the next one is asked for.
 */
function* recordsOf(
  source: SegmentFile,
  reader: Pick<RecordReader, "corrupt">,
): Generator<LogRecord> {
  const { segment } = source;
  const walk = source.walk();
  for (const step of walk) {
    if (step instanceof WalkFault) {
      throw reader.corrupt(segment, step.position, step.fault);
    }
    yield step;
  }
  const isWhole = source.isScavenged || walk.previousCrc === segment.checksum;
  if (!isWhole) throw unreadable(segment, "all of its records");
}

function readHeader(file: DiskFile, segment: Segment): SegmentHeader {
  const header = decodeSegmentHeader(
    readExactly(
      file,
      0,
      segment.scavenged === undefined
        ? SEGMENT_HEADER_BYTES
        : SCAVENGED_HEADER_BYTES,
    ),
  );
  if (typeof header === "string") throw unreadable(segment, "its header");
  return header;
}

function unreadable(segment: Segment, what: string): QuipuError {
  return new QuipuError(
    "corruptRecord",
    `Cannot scavenge segment ${segment.number}: ${what} cannot be read`,
  );
}
