/**
 * Finds the files that hold, or may hold, segments of a damaged store.
 *
 * @module
 */

import { segmentPath } from "../log/segment.ts";
import {
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "../log/segment_header.ts";
import {
  isComplete,
  listGenerations,
  readHeader,
} from "../log/find_segments.ts";
import type { LoadOptions } from "./load_log.ts";

/** A segment's file that is to be read as far as it is whole. */
export interface Candidate {
  readonly number: number;
  readonly generation: number;
  readonly path: string;
  /** Undefined when it is damaged: the segment before says where it starts. */
  readonly header: SegmentHeader | undefined;
}

/** Who is told what is wrong, in words. */
export interface DamageListener {
  /** Something is damaged that costs no records by itself. */
  damaged(what: string): void;
  /** Records are lost, or may be. */
  lost(what: string): void;
}

/** Files that hold, or may hold, segments of one store, oldest first. */
export async function findCandidates(
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
