/**
 * Loads scavenged segments. Their index files say what stayed; one that is
 * lost is made again before the next segment is looked at, and where it cannot
 * be written the segment is served from memory.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import type { Logger } from "../../lib/model/logger.ts";
import type { Disk } from "../disk/disk.ts";
import { LIST_KINDS } from "../index/list_directory.ts";
import type { StoreIndex } from "../index/store_index.ts";
import type { RecordReader } from "../log/record_reader.ts";
import type { ScavengedSegment } from "../log/scavenged_segment.ts";
import type { OpenFiles, Segment } from "../log/segment.ts";
import { SegmentFile, WalkFault } from "../log/segment_file.ts";
import { enterRecord, skipTo } from "./enter_record.ts";
import type { Heads } from "./heads.ts";
import { writeIndexOf } from "../index/rebuild_index.ts";
import type { Contradictions } from "./contradictions.ts";

interface LoadScavengedOptions {
  readonly disk: Disk;
  readonly logDirectory: string;
  readonly files: OpenFiles;
  readonly index: StoreIndex;
  readonly reader: RecordReader;
  readonly logger: Logger;
  readonly heads: Heads;
  /** Where the log ends so far. */
  readonly state: {
    readonly storeId: string | undefined;
    validEnd: number;
    checksum: number;
    lastPosition: number;
    lastCreatedAtUs: number;
    fileEnd: number;
    isScavenged: boolean;
    readonly contradictions: Contradictions;
  };
}

/**
 * Takes the next segment, of which records are gone.
 *
 * @throws {QuipuError} `damaged` when it has no index file and is damaged.
 */
export async function loadScavenged(
  segment: Segment,
  scavenged: ScavengedSegment,
  options: LoadScavengedOptions,
): Promise<void> {
  const { heads, state, index } = options;
  const { header } = scavenged;
  const storeId = state.storeId ?? "";
  segment.endPosition = header.endPosition;
  segment.checksum = header.checksum;
  state.isScavenged = true;
  state.validEnd = header.endPosition;
  state.fileEnd = header.endPosition;
  state.checksum = header.checksum;
  state.lastPosition = header.lastPosition;
  state.lastCreatedAtUs = header.lastCreatedAtUs;
  if (index.unsealedCount === 0) {
    if (index.addSealed(segment, storeId)) {
      if (heads.covers(segment) || index.isWhole(segment)) {
        heads.take(segment, storeId);
        return;
      }
      index.dropSealed(segment);
    }
    // It is made from the older slices of its lists, which must be known.
    heads.enterAll();
    if (await sealScavenged(segment, storeId, options)) {
      heads.take(segment, storeId);
      return;
    }
  }
  heads.enterAll();
  enterScavenged(segment, options);
}

/** Makes the index file of a scavenged segment again; false if it cannot be. */
async function sealScavenged(
  segment: Segment,
  storeId: string,
  { disk, logDirectory, files, index, reader, logger }: LoadScavengedOptions,
): Promise<boolean> {
  try {
    const pause = noPause;
    await writeIndexOf(segment, {
      disk,
      logDirectory,
      files,
      index,
      reader,
      storeId,
      pause,
    });
    return index.addSealed(segment, storeId);
  } catch (error) {
    if (error instanceof QuipuError) throw asDamage(error);
    logger.error("segment.seal_failed", {
      reason: error instanceof Error ? error.message : String(error),
    });
    return false;
  }
}

function asDamage(error: QuipuError): QuipuError {
  return error.code === "corruptRecord" ? damaged(error.message) : error;
}

/** Reads a scavenged segment without an index file into a memtable. */
function enterScavenged(
  segment: Segment,
  { files, index, state }: LoadScavengedOptions,
): void {
  const { lists } = index;
  const memtable = index.addUnsealed(segment);
  const source = new SegmentFile(files.open(segment.path), segment);
  for (const step of source.walk()) {
    if (step instanceof WalkFault && step.fault === "badTime") continue;
    if (step instanceof WalkFault) {
      throw damaged(`${step.fault} in segment ${segment.number}`);
    }
    const to = { index, memtable, segment, isScavenged: true };
    if (enterRecord(step, to)) state.contradictions.add(step);
  }
  const ends = source.ends();
  if (ends === undefined) throw damaged(`badEnds in segment ${segment.number}`);
  for (const { kind, name, next } of ends) {
    const listId = lists.findOrCreate(LIST_KINDS[kind] ?? "stream", name);
    skipTo(index, memtable, listId, next);
  }
}

/** While the store opens there is nobody to pause for. */
function noPause(): Promise<void> {
  return Promise.resolve();
}

function damaged(what: string): QuipuError {
  return new QuipuError("damaged", `Cannot open the store: ${what}`);
}
